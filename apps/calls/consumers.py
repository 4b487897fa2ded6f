"""Live events of calls, for the calls list and a call's page."""

from apps.tenants.consumers import TenantConsumer


class CallsConsumer(TenantConsumer):
    """Topics: `calls` (the list) and `call:<id>`."""

    def may_hear(self, topic: str) -> bool:
        return topic == "calls" or topic.startswith("call:")
