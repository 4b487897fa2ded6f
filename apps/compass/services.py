"""Every write to agents, their versions, credentials and secrets. All run in the current tenant's schema."""

import re
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone
from pydantic import ValidationError

from apps.compass.guard import Blocked, Unresolved, addresses_of
from apps.compass.models import Agent, AgentVersion, ProviderCredential, ToolSecret
from apps.compass.payloads import Config, HttpTool
from apps.compass.registry import tool_builtin, tool_names
from apps.compass.selectors import AgentUnavailable, credentials_for
from apps.core.errors import PermanentError

SLUG = re.compile(r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$")
LANGUAGE = re.compile(r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$")
NAME = re.compile(r"^[A-Za-z0-9_]{1,64}$")
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
RESOLVE_SECONDS = 3.0
PROVIDERS = ("openai", "deepgram", "elevenlabs")


class ConfigInvalid(PermanentError):
    """A configuration cannot be kept; `errors` has one sentence for each place."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__(" ".join(errors))
        self.errors = errors


@transaction.atomic
def agent_create(
    *, slug: str, name: str, language: str = "en", config: dict[str, Any] | None = None, created_by: UUID | None = None
) -> Agent:
    """Makes an agent with a first draft. Raises PermanentError (slug), ConfigInvalid."""
    if not SLUG.match(slug):
        raise PermanentError(f"“{slug}” cannot be part of an address: use lower-case letters, digits and hyphens.")
    try:
        with transaction.atomic():
            agent = Agent.objects.create(slug=slug, name=_name(name))
    except IntegrityError as error:
        raise PermanentError(f"There is an agent with the address “{slug}” already; choose another one.") from error
    agent_draft_save(agent=agent, language=language, config=config or {}, created_by=created_by)
    return agent


@transaction.atomic
def agent_draft_save(
    *, agent: Agent, config: dict[str, Any], language: str | None = None, created_by: UUID | None = None
) -> AgentVersion:
    """Writes the agent's draft, a new version when it has none. Defaults fill what is left out. Raises ConfigInvalid."""
    checked = config_check(config)
    _lock(agent)
    draft = agent.versions.filter(state=AgentVersion.State.DRAFT).first() or _next_version(agent, created_by)
    draft.config, draft.language = checked, _language(language or draft.language)
    draft.save()
    return draft


@transaction.atomic
def agent_publish(*, agent: Agent) -> AgentVersion:
    """Makes the draft what callers hear. Raises PermanentError when there is none, AgentUnavailable naming a missing key."""
    _lock(agent)
    draft = agent.versions.filter(state=AgentVersion.State.DRAFT).first()
    if draft is None:
        raise PermanentError(f"{agent} has no draft to publish. Change something first.")
    draft.config = config_check(draft.config)
    credentials_for(draft.config)
    secrets_check(draft.config)
    agent.versions.filter(state=AgentVersion.State.PUBLISHED).update(state=AgentVersion.State.ARCHIVED)
    draft.state, draft.published_at = AgentVersion.State.PUBLISHED, timezone.now()
    draft.save()
    return draft


def agent_disable(*, agent: Agent) -> Agent:
    """No new call reaches the agent; running ones go on."""
    return _enable(agent, False)


def agent_enable(*, agent: Agent) -> Agent:
    """Lets calls reach the agent again."""
    return _enable(agent, True)


def credential_set(*, provider: str, api_key: str, base_url: str | None = None) -> None:
    """Stores the tenant's own account at a provider, encrypted; it cannot be read back by people. Raises PermanentError."""
    if provider not in PROVIDERS:
        raise PermanentError(f"{provider} is not a provider here; there are {', '.join(PROVIDERS)}.")
    if not api_key.strip():
        raise PermanentError(f"The API key for {provider} is empty.")
    if base_url:
        _base_url_check(provider, base_url)
    secret = {"api_key": api_key.strip(), "base_url": base_url or None}
    ProviderCredential.objects.update_or_create(provider=provider, defaults={"secret": secret})


def _base_url_check(provider: str, base_url: str) -> None:
    """A tenant's own address is held against the guard of the tools; the installation's is its operator's affair."""
    if base_url == settings.PROVIDER_DEFAULTS.get(provider, {}).get("base_url"):
        return
    host, port = _host_and_port(provider, base_url)
    try:
        addresses_of(host, port, timeout=RESOLVE_SECONDS)
    except Unresolved as error:
        raise PermanentError(f"“{base_url}” cannot be stored: {error} Check its spelling, or try again in a minute.") from error
    except Blocked as error:
        raise PermanentError(
            f"“{base_url}” leads into a network that tenants may not reach. Use a public address; whoever runs this "
            "installation can allow the network in TOOL_ALLOWED_NETWORKS."
        ) from error


def _host_and_port(provider: str, base_url: str) -> tuple[str, int]:
    try:
        parts = urlsplit(base_url)
        if parts.hostname:
            return parts.hostname, parts.port or PORTS[parts.scheme]
    except (ValueError, KeyError):
        pass
    raise PermanentError(f"“{base_url}” is not an address; leave it empty for {provider}'s own.")


def credential_delete(*, provider: str) -> None:
    """Forgets the tenant's own account; the platform's is used from now on, where there is one."""
    ProviderCredential.objects.filter(provider=provider).delete()


def secret_set(*, name: str, value: str) -> None:
    """Stores a value that tools' headers name as {secret:NAME}, encrypted."""
    if not NAME.match(name):
        raise PermanentError("The name of a secret has letters, digits and underscores only, 64 at most.")
    if not value or not value.isprintable() or not value.isascii():
        raise PermanentError("A secret is sent in a header, so it is printable ASCII without line breaks.")
    ToolSecret.objects.update_or_create(name=name, defaults={"value": value})


def config_check(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration with every default filled in. Raises ConfigInvalid."""
    try:
        checked = Config.model_validate(config)
    except ValidationError as error:
        raise ConfigInvalid([_sentence(item) for item in error.errors()]) from error
    unknown = [tool.name for tool in checked.tools if tool.kind == "builtin" and tool_builtin(tool.name) is None]
    if unknown:
        raise ConfigInvalid([f"tools: {', '.join(unknown)} is not built in; there are {', '.join(tool_names())}."])
    stored = checked.model_dump(mode="json")
    if not _storable(stored):
        raise ConfigInvalid(["config: a text holds a NUL or half a character, which cannot be stored."])
    return stored


def secrets_check(config: dict[str, Any]) -> None:
    """Raises AgentUnavailable when a tool names a secret that is not stored."""
    tools = [HttpTool.model_validate(tool) for tool in config["tools"] if tool["kind"] == "http"]
    needed = {name for tool in tools for name in tool.http.secrets}
    missing = needed - set(ToolSecret.objects.filter(name__in=needed).values_list("name", flat=True))
    if missing:
        raise AgentUnavailable("credential_missing", f"The tools use {', '.join(sorted(missing))}: add it under Secrets first.")


def _sentence(item: Any) -> str:
    place = ".".join(str(part) for part in item["loc"]) or "config"
    return f"{place}: {item['msg'].removeprefix('Value error, ')}."


def _storable(value: Any) -> bool:
    """Postgres keeps neither NUL nor lone surrogates in text or JSON."""
    if isinstance(value, dict):
        return all(_storable(key) and _storable(item) for key, item in value.items())
    if isinstance(value, list):
        return all(map(_storable, value))
    return not (isinstance(value, str) and UNSTORABLE.search(value))


def _name(name: str) -> str:
    name = name.strip()
    if not 0 < len(name) <= 120 or UNSTORABLE.search(name):
        raise PermanentError("An agent's name has 1 to 120 characters.")
    return name


def _language(language: str) -> str:
    if not LANGUAGE.match(language):
        raise ConfigInvalid([f"language: “{language}” is not a language code such as en or pt-BR."])
    return language


def _lock(agent: Agent) -> None:
    """Versions of one agent are written one at a time."""
    Agent.objects.select_for_update().get(pk=agent.pk)


def _next_version(agent: Agent, created_by: UUID | None) -> AgentVersion:
    last = agent.versions.order_by("-number").first()
    number = (agent.versions.aggregate(Max("number"))["number__max"] or 0) + 1
    return AgentVersion(agent=agent, number=number, language=last.language if last else "en", created_by=created_by)


def _enable(agent: Agent, enabled: bool) -> Agent:
    agent.enabled = enabled
    agent.save(update_fields=["enabled", "updated_at"])
    return agent
