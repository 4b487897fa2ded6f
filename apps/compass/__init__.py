"""Agents: their versions, tools and credentials, and `GET /agents/{id}`, which everything that speaks reads. Per tenant."""
