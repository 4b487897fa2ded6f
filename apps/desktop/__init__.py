"""Contacts, conversations, messages and claims; the Agent Desktop; notifications.py is the Notification Service."""
