"""Every write of the Call Service, by subject."""
