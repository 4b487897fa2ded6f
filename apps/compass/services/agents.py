"""Every write to agents and their versions. All run in the current tenant's schema."""

import re
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.text import slugify

from apps.compass.models import Agent, AgentVersion
from apps.compass.neighbours import numbers_of
from apps.compass.payloads import LANGUAGE
from apps.compass.selectors import credentials_for
from apps.compass.services.config import UNSTORABLE, ConfigInvalid, config_check, secrets_check
from apps.compass.services.webhooks import webhook_event
from apps.core.errors import PermanentError
from apps.core.realtime import hint_publish
from apps.core.schema import schema_current

SLUG = re.compile(r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$")
RESERVED = {"new", "import", "voices", "models"}  # pages that stand where an agent's own would


class DraftChanged(PermanentError):
    """Somebody else has saved since; `theirs` is what they left."""

    def __init__(self, theirs: AgentVersion) -> None:
        super().__init__("Somebody else has changed this agent since you opened it. Look at their changes before you save yours.")
        self.theirs = theirs


class AgentInUse(PermanentError):
    """Numbers point to the agent, so it cannot go."""

    def __init__(self, agent: Agent, numbers: list[str]) -> None:
        super().__init__(f"{agent} still answers {', '.join(numbers)}. Give these to another agent or team first.")
        self.numbers = numbers


@transaction.atomic
def agent_create(
    *, slug: str, name: str, language: str = "en", config: dict[str, Any] | None = None, created_by: UUID | None = None
) -> Agent:
    """Makes an agent with a first draft. Raises PermanentError (slug), ConfigInvalid."""
    if slug in RESERVED:
        raise PermanentError(f"“{slug}” is the address of another page; choose another one.")
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
    *,
    agent: Agent,
    config: dict[str, Any],
    language: str | None = None,
    created_by: UUID | None = None,
    base: str | None = None,
    name: str = "",
) -> AgentVersion:
    """Writes the agent's draft, a new version when it has none, and its name where one is given. Defaults fill what is left out.

    `base` is the version that the person started from; without it nobody is asked. Raises ConfigInvalid, DraftChanged,
    PermanentError (name); nothing is written then.
    """
    checked = config_check(config)
    _lock(agent)
    draft = agent.versions.filter(state=AgentVersion.State.DRAFT).first()
    head = draft or agent.versions.order_by("-number").first()
    if base is not None and head is not None and head.base != base:
        raise DraftChanged(head)
    if draft is None:
        draft = _next_version(agent, created_by)
    else:
        draft.revision += 1
    draft.config, draft.language, draft.updated_by = checked, _language(language or draft.language), created_by
    draft.save()
    if name.strip():
        agent_rename(agent=agent, name=name)
    _told(agent, draft)
    return draft


@transaction.atomic
def agent_publish(*, agent: Agent, published_by: UUID | None = None, note: str = "", base: str | None = None) -> AgentVersion:
    """Makes the draft what callers hear; it no longer changes from then on.

    Raises PermanentError when there is none, DraftChanged where it is not the one that was seen (`base`), and
    AgentUnavailable naming a missing key or secret; ChecksRefused where the agent waits for its checks.
    """
    from apps.compass.services.checks_publishing import checks_require

    _lock(agent)
    draft = agent.versions.filter(state=AgentVersion.State.DRAFT).first()
    if draft is None:
        raise PermanentError(f"{agent} has no draft to publish. Change something first.")
    if base is not None and draft.base != base:
        raise DraftChanged(draft)
    draft.config = config_check(draft.config)
    credentials_for(draft.config)
    secrets_check(draft.config)
    checks_require(draft)
    for old in agent.versions.filter(state=AgentVersion.State.PUBLISHED):  # saved, so that the audit log hears of it
        old.state = AgentVersion.State.ARCHIVED
        old.save(update_fields=["state"])
    draft.state, draft.published_at = AgentVersion.State.PUBLISHED, timezone.now()
    draft.published_by, draft.note = published_by, note.strip()[:200]
    draft.save()
    _told(agent, draft)
    webhook_event(type="agent.published", data={"agent_id": str(agent.pk), "slug": agent.slug, "version": draft.number})
    return draft


@transaction.atomic
def version_restore(*, agent: Agent, number: int, restored_by: UUID | None = None) -> AgentVersion:
    """Makes an older version the draft again; callers hear it once that is published. Raises PermanentError, ConfigInvalid."""
    old = agent.versions.filter(number=number).exclude(state=AgentVersion.State.DRAFT).first()
    if old is None:
        raise PermanentError(f"{agent} has no published version {number}.")
    return agent_draft_save(agent=agent, config=old.config, language=old.language, created_by=restored_by)


@transaction.atomic
def draft_discard(*, agent: Agent) -> AgentVersion:
    """Throws the draft away and returns what is published. Raises PermanentError where nothing is: the draft is all there is."""
    _lock(agent)
    published = agent.versions.filter(state=AgentVersion.State.PUBLISHED).first()
    if published is None:
        raise PermanentError(f"{agent} was never published, so its draft is all there is. Delete the agent instead.")
    agent.versions.filter(state=AgentVersion.State.DRAFT).delete()
    _told(agent, published)
    return published


@transaction.atomic
def agent_duplicate(*, agent: Agent, name: str, created_by: UUID | None = None) -> Agent:
    """A new agent with a draft of what this one is now, and its checks. Raises PermanentError."""
    head = agent.versions.filter(state=AgentVersion.State.DRAFT).first() or agent.versions.order_by("-number").first()
    assert head is not None
    copy = agent_create(slug=slug_free(name), name=name, language=head.language, config=head.config, created_by=created_by)
    for scenario in agent.scenarios.all():
        copy.scenarios.create(**scenario.snapshot())
    return copy


@transaction.atomic
def agent_rename(*, agent: Agent, name: str) -> Agent:
    """Gives it another name; its address stays. Raises PermanentError."""
    name = _name(name)
    if name != agent.name:
        agent.name = name
        agent.save(update_fields=["name", "updated_at"])
    return agent


@transaction.atomic
def agent_delete(*, agent: Agent) -> None:
    """Deletes an agent and its history; its calls stay. Raises AgentInUse while a number points to it."""
    _lock(agent)
    numbers = numbers_of([agent.pk]).get(agent.pk, [])
    if numbers:
        raise AgentInUse(agent, [f"{number.channel} {number.shown}" for number in numbers])
    agent.delete()


def slug_free(name: str) -> str:
    """An address made of a name, with a number behind it where that one is taken."""
    base = slugify(name)[:56].strip("-") or "agent"
    taken = RESERVED | set(Agent.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    return next(slug for slug in (base, *(f"{base}-{number}" for number in range(2, 10_000))) if slug not in taken)


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
    if not re.match(LANGUAGE, language):
        raise ConfigInvalid([f"language: “{language}” is not a language code such as en or pt-BR."])
    return language


def _told(agent: Agent, version: AgentVersion) -> None:
    """Whoever has the editor open hears that there is something newer."""
    hint_publish(schema_current(), f"agent:{agent.pk}", "agent", str(agent.pk), version.base)


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
