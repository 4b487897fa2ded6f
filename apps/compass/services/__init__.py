"""Every write of Compass, in the current tenant's schema."""

from apps.compass.services.agents import agent_create, agent_disable, agent_draft_save, agent_enable, agent_publish
from apps.compass.services.config import ConfigInvalid, config_check, secrets_check
from apps.compass.services.credentials import PROVIDERS, credential_delete, credential_set, secret_set

__all__ = [
    "PROVIDERS",
    "ConfigInvalid",
    "agent_create",
    "agent_disable",
    "agent_draft_save",
    "agent_enable",
    "agent_publish",
    "config_check",
    "credential_delete",
    "credential_set",
    "secret_set",
    "secrets_check",
]
