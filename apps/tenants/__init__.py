"""Tenants, their domains, people and roles, and Route: which tenant an outside id belongs to. Shared schema."""
