"""Every write of Compass, in the current tenant's schema."""

from apps.compass.services.agents import (
    AgentInUse,
    DraftChanged,
    agent_create,
    agent_delete,
    agent_disable,
    agent_draft_save,
    agent_duplicate,
    agent_enable,
    agent_publish,
    agent_rename,
    draft_discard,
    slug_free,
    version_restore,
)
from apps.compass.services.config import ConfigInvalid, config_check, secrets_check
from apps.compass.services.credentials import PROVIDERS, credential_delete, credential_set, secret_set
from apps.compass.services.transfer import agent_export, agent_import

__all__ = [
    "PROVIDERS",
    "AgentInUse",
    "ConfigInvalid",
    "DraftChanged",
    "agent_create",
    "agent_delete",
    "agent_disable",
    "agent_draft_save",
    "agent_duplicate",
    "agent_enable",
    "agent_export",
    "agent_import",
    "agent_publish",
    "agent_rename",
    "config_check",
    "credential_delete",
    "credential_set",
    "draft_discard",
    "secret_set",
    "secrets_check",
    "slug_free",
    "version_restore",
]
