"""Every write of the desktop. Each service owns its transaction, writes an event and publishes hints."""
