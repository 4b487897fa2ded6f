"""Pages of the platform's staff, on the public host below /staff/."""
