"""What Billing knows of agents, calls and chats, through registries that config/finance.py fills. It imports none of them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from apps.tenants.models import Role

Agents = Callable[[Iterable[UUID] | None], dict[UUID, str]]
Resolved = Callable[[datetime, datetime], int]
_agents: list[Agents] = []
_resolved: list[Resolved] = []


@dataclass(frozen=True)
class Link:
    """Where something that was charged can be seen. `roles` may open it; others read its `label` only."""

    label: str
    href: str
    roles: tuple[Role, ...] = tuple(Role)


Links = Callable[[Iterable[UUID]], dict[UUID, Link]]
_links: dict[str, Links] = {}


def agents_register(source: Agents) -> None:
    """Says how the current tenant's agents are called, by id, also those that were archived: these ones, or all for None."""
    _agents[:] = [source]


def agents_now() -> list[tuple[UUID, str]]:
    """The agents (id, name) of the current tenant, by name."""
    found = _agents[0](None) if _agents else {}
    return sorted(found.items(), key=lambda pair: pair[1].lower())


def resolved_register(source: Resolved) -> None:
    """Says where the chats are counted that were resolved from a moment until before another."""
    _resolved[:] = [source]


def links_register(kind: str, source: Links) -> None:
    """Says where calls (kind `call`) and chats (kind `conversation`) are shown, by id; one that is gone is left out."""
    _links[kind] = source


def names_of(agent_ids: Iterable[UUID]) -> dict[UUID, str]:
    """The names of these agents, of the tenant whose schema is current; those that are gone are left out."""
    wanted = [agent_id for agent_id in set(agent_ids) if agent_id]
    return _agents[0](wanted) if _agents and wanted else {}


def resolved_between(since: datetime, until: datetime) -> int | None:
    """How many chats were resolved; None where nobody counts them."""
    return _resolved[0](since, until) if _resolved else None


def links_of(kind: str, ids: Iterable[UUID | None]) -> dict[UUID, Link]:
    """Where these calls or chats are shown."""
    wanted = [one for one in set(ids) if one]
    return _links[kind](wanted) if kind in _links and wanted else {}
