"""Every write to agents and their versions. All run in the current tenant's schema."""

import re
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone

from apps.compass.models import Agent, AgentVersion
from apps.compass.selectors import credentials_for
from apps.compass.services.config import UNSTORABLE, ConfigInvalid, config_check, secrets_check
from apps.core.errors import PermanentError

SLUG = re.compile(r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$")
LANGUAGE = re.compile(r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$")


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
