"""WhatsApp Service: Meta's webhook, AgentPhoneMapping, sending over the Graph API, and POST /reply."""
