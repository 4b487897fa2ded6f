"""What the platform's staff read: of all tenants, always grouped, never one query for each."""
