"""The Agent Desktop's part of a tenant's API, under /api/v1/."""
