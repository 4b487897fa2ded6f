"""Reads of what an agent was, is and is about to be."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import Prefetch, QuerySet

from apps.compass.models import Agent, AgentVersion
from apps.compass.neighbours import Number, calls_of, numbers_of
from apps.compass.payloads import Config
from apps.tenants.models import User

DRAFT, PUBLISHED = AgentVersion.State.DRAFT, AgentVersion.State.PUBLISHED
DEFAULTS = Config().model_dump(mode="json")


@dataclass(frozen=True)
class AgentRow:
    """An agent as a list shows it. `calls` are those of the last seven days, None where nobody counts them."""

    agent: Agent
    draft: AgentVersion | None
    published: AgentVersion | None
    numbers: list[Number] = field(default_factory=list)
    calls: int | None = None

    @property
    def head(self) -> AgentVersion:
        """The newest state: the draft where there is one."""
        found = self.draft or self.published
        assert found is not None  # an agent is made with a draft, and a draft only ever becomes published
        return found


def agent_rows() -> list[AgentRow]:
    """Every agent of the current tenant, by name, in a fixed number of queries."""
    current = AgentVersion.objects.filter(state__in=(DRAFT, PUBLISHED))
    agents = list(Agent.objects.prefetch_related(Prefetch("versions", current, to_attr="current")).order_by("name", "pk"))
    ids = [agent.pk for agent in agents]
    numbers, calls = numbers_of(ids), calls_of(ids)
    return [_row(agent, numbers.get(agent.pk, []), calls.get(agent.pk)) for agent in agents]


def agent_row(agent: Agent) -> AgentRow:
    """One of agent_rows."""
    agent.current = list(agent.versions.filter(state__in=(DRAFT, PUBLISHED)))  # type: ignore[attr-defined]
    ids = [agent.pk]
    return _row(agent, numbers_of(ids).get(agent.pk, []), calls_of(ids).get(agent.pk))


def _row(agent: Agent, numbers: list[Number], calls: int | None) -> AgentRow:
    by_state: dict[str, AgentVersion] = {version.state: version for version in agent.current}  # type: ignore[attr-defined]
    for version in by_state.values():
        version.agent = agent
    return AgentRow(agent, by_state.get(DRAFT), by_state.get(PUBLISHED), numbers, calls)


def version_head(agent: Agent) -> AgentVersion:
    """The draft, or the published version where nothing has been changed since."""
    return agent_row(agent).head


def base_current(agent_id: UUID) -> str:
    """The base of what the editor would show now; empty where there is no such agent."""
    found = AgentVersion.objects.filter(agent=agent_id, state__in=(DRAFT, PUBLISHED)).order_by("-number").first()
    return found.base if found else ""


def version_numbered(agent: Agent, number: int) -> AgentVersion | None:
    """The version of this number, or None."""
    return agent.versions.select_related("agent").filter(number=number).first()


def version_published(agent: Agent) -> AgentVersion | None:
    """What callers hear now, or None."""
    return agent.versions.select_related("agent").filter(state=PUBLISHED).first()


def versions_of(agent: Agent) -> QuerySet[AgentVersion]:
    """Its history, newest first."""
    return agent.versions.select_related("agent").order_by("-number")


def config_whole(version: AgentVersion) -> dict[str, Any]:
    """The version's configuration with every part, and every field of one, that has been added to Meridian since."""
    return {part: _filled(version.config.get(part, default), default) for part, default in DEFAULTS.items()}


def _filled(value: Any, default: Any) -> Any:
    return {**default, **value} if isinstance(value, dict) and isinstance(default, dict) else value


def people_names(user_ids: Iterable[UUID | None]) -> dict[UUID, str]:
    """Names by id, also of people who have left."""
    wanted = {user_id for user_id in user_ids if user_id}
    return {user.pk: str(user) for user in User.objects.filter(pk__in=wanted)} if wanted else {}
