"""Pages of the public host, log-in, people, a person's own account, and what a company sets for itself."""
