"""What Compass keeps. Every table lives in the tenant's own schema."""

from apps.compass.models.agents import Agent, AgentVersion, ProviderCredential, ToolSecret
from apps.compass.models.checks import CheckPolicy, CheckResult, CheckRun, CheckScenario, TrialUsage
from apps.compass.models.knowledge import Document, Passage
from apps.compass.models.tools import Tool
from apps.compass.models.webhooks import WebhookAttempt, WebhookDelivery, WebhookEndpoint, WebhookEvent

__all__ = [
    "Agent",
    "AgentVersion",
    "CheckPolicy",
    "CheckResult",
    "CheckRun",
    "CheckScenario",
    "Document",
    "Passage",
    "ProviderCredential",
    "Tool",
    "ToolSecret",
    "TrialUsage",
    "WebhookAttempt",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookEvent",
]
