"""Every write of the WhatsApp Service."""
