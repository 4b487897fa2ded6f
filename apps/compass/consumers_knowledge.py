"""Live events of the documents' pages."""

from apps.tenants.access import MANAGERS
from apps.tenants.consumers import TenantConsumer


class KnowledgeConsumer(TenantConsumer):
    """Topic: `knowledge` (documents and how far they are), for those who may see them."""

    def may_hear(self, topic: str) -> bool:
        return topic == "knowledge" and self.membership.role in MANAGERS
