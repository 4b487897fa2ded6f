"""Reads of agents and of what they may use."""

from functools import cache
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet

from apps.compass.knowledge.tool import tools_offered
from apps.compass.models import Agent, AgentVersion, ProviderCredential
from apps.compass.outgoing import is_tenants
from apps.compass.payloads import Config, providers_of
from apps.compass.tools.offers import tool_specs
from apps.compass.variables import prompt_ready, variables_of
from apps.core.errors import PermanentError
from apps.core.prepared import prepared
from apps.core.rows import row_columns, rows_made
from apps.core.schema import schema_current

# A version stored by an older release may lack a part that has been added since.
DEFAULTS = Config().model_dump(mode="json")


class AgentUnavailable(PermanentError):
    """An agent cannot talk. `code`: unknown_agent, agent_disabled, not_published or credential_missing."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


def agent_for_call(agent_id: UUID | str) -> AgentVersion:
    """The published version of an enabled agent of the current tenant, `.agent` included. Raises AgentUnavailable."""
    version = agent_published(agent_id)
    if not version.agent.enabled:
        raise AgentUnavailable("agent_disabled", f"{version.agent} is switched off. Enable it in Compass to let it talk.")
    return version


def agent_published(agent_id: UUID | str) -> AgentVersion:
    """As agent_for_call, for what a running call still needs: an agent that was disabled meanwhile counts too."""
    version = _published(agent_id)
    if version is None:
        raise _why_unpublished(agent_id)
    return version


def agent_by_slug(slug: str) -> Agent | None:
    """The agent of the current tenant with this slug, or None."""
    return Agent.objects.filter(slug=slug).first()


def agents_all() -> QuerySet[Agent]:
    """The agents of the current tenant by name, each with `can_talk`: enabled, and with a published version."""
    published = AgentVersion.objects.filter(agent=OuterRef("pk"), state=AgentVersion.State.PUBLISHED)
    return Agent.objects.annotate(can_talk=Q(enabled=True) & Exists(published)).order_by("name")


def agent_names(agent_ids: list[UUID]) -> dict[UUID, str]:
    """The names of these agents, by id, in one query."""
    return dict(Agent.objects.filter(pk__in=agent_ids).values_list("pk", "name"))


def agent_config(
    version: AgentVersion, *, subject: str = "call", subject_id: str = "", known: dict[str, str] | None = None
) -> dict[str, Any]:
    """The JSON of contracts.md for a version, secrets included. Raises AgentUnavailable when a provider has no key.

    `subject`: the tools are those of a call, or of a chat (turn). The prompt's variables are filled in with what is
    `known` about it, or else about the call of this id.
    """
    agent = version.agent
    config = {part: version.config.get(part, default) for part, default in DEFAULTS.items()}
    config = prompt_ready(config, version, {**variables_of(subject, subject_id), **(known or {})})
    return {
        "id": str(agent.pk),
        "slug": agent.slug,
        "name": agent.name,
        "tenant": schema_current(),
        "version": version.number,
        "language": version.language,
        **config,
        "tools": tool_specs(tools_offered(config), subject=subject),
        "credentials": credentials_for(config),
    }


def credentials_for(config: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Keys and addresses of the providers in use: the tenant's own, else the platform's. Raises AgentUnavailable."""
    providers = providers_of(config)
    own: dict[str, Any] = {row.provider: row.secret for row in ProviderCredential.objects.filter(provider__in=providers)}
    return {provider: _served(credential_of(provider, own.get(provider))) for provider in providers}


def _served(credential: dict[str, Any]) -> dict[str, Any]:
    """An address of the tenant's own says so: the worker connects to it through a guard of its own."""
    if not is_tenants(credential["base_url"]):
        return credential
    return {**credential, "allowed_networks": list(settings.TOOL_ALLOWED_NETWORKS)}


def credential_of(provider: str, own: dict[str, Any] | None) -> dict[str, Any]:
    """The tenant's own account, else the platform's. Raises AgentUnavailable."""
    found = own or settings.PROVIDER_DEFAULTS.get(provider) or {}
    if not found.get("api_key"):
        raise AgentUnavailable(
            "credential_missing",
            f"This agent uses {provider}, and there is no API key for it. Add one under Credentials in Compass, "
            f"or set {provider.upper()}_API_KEY for the whole platform.",
        )
    return {"api_key": found["api_key"], "base_url": found.get("base_url") or None}


def _published(agent_id: UUID | str) -> AgentVersion | None:
    if not _is_uuid(agent_id):
        return None
    with prepared(_published_sql(), [agent_id]) as cursor:
        values = cursor.fetchone()
    if values is None:
        return None
    version, agent = rows_made(values, AgentVersion, Agent)
    version.agent = agent
    return version


@cache
def _published_sql() -> str:
    return (
        f"SELECT {row_columns(AgentVersion)}, {row_columns(Agent, 'agent')} FROM {AgentVersion._meta.db_table} AS mine"  # noqa: S608
        f" JOIN {Agent._meta.db_table} AS agent ON agent.id = mine.agent_id WHERE mine.agent_id = %s AND mine.state = 'published'"
    )


def _why_unpublished(agent_id: UUID | str) -> AgentUnavailable:
    agent = Agent.objects.filter(pk=agent_id).first() if _is_uuid(agent_id) else None
    if agent is None:
        return AgentUnavailable("unknown_agent", "There is no such agent. It may have been deleted.")
    if not agent.enabled:
        return AgentUnavailable("agent_disabled", f"{agent} is switched off. Enable it in Compass to let it talk.")
    return AgentUnavailable("not_published", f"{agent} has no published version. Publish its draft in Compass.")


def _is_uuid(value: UUID | str) -> bool:
    try:
        return bool(UUID(str(value)))
    except ValueError:
        return False
