"""Pages of the tenant's host: dashboard, calls list, a call, and the public page where anyone talks to an agent."""
