"""What Billing knows of agents, calls and chats, through registries that config/finance.py fills. It imports none of them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from apps.tenants.models import Role

Names = Callable[[Iterable[UUID]], dict[UUID, str]]
Resolved = Callable[[datetime, datetime], int]
_names: list[Names] = []
_resolved: list[Resolved] = []
_agents: list[Callable[[], list[tuple[UUID, str]]]] = []


@dataclass(frozen=True)
class Link:
    """Where something that was charged can be seen. `roles` may open it; others read its `label` only."""

    label: str
    href: str
    roles: tuple[Role, ...] = tuple(Role)


Links = Callable[[Iterable[UUID]], dict[UUID, Link]]
_links: dict[str, Links] = {}


def names_register(source: Names) -> None:
    """Says how agents are called, by id; also those that were archived."""
    _names[:] = [source]


def agents_register(source: Callable[[], list[tuple[UUID, str]]]) -> None:
    """Says which agents (id, name) the current tenant has."""
    _agents[:] = [source]


def agents_now() -> list[tuple[UUID, str]]:
    """The agents (id, name) of the current tenant, by name."""
    return _agents[0]() if _agents else []


def resolved_register(source: Resolved) -> None:
    """Says where the chats are counted that were resolved from a moment until before another."""
    _resolved[:] = [source]


def links_register(kind: str, source: Links) -> None:
    """Says where calls (kind `call`) and chats (kind `conversation`) are shown, by id; one that is gone is left out."""
    _links[kind] = source


def names_of(agent_ids: Iterable[UUID]) -> dict[UUID, str]:
    """The names of these agents, of the tenant whose schema is current; those that are gone are left out."""
    wanted = [agent_id for agent_id in set(agent_ids) if agent_id]
    return _names[0](wanted) if _names and wanted else {}


def resolved_between(since: datetime, until: datetime) -> int | None:
    """How many chats were resolved; None where nobody counts them."""
    return _resolved[0](since, until) if _resolved else None


def links_of(kind: str, ids: Iterable[UUID | None]) -> dict[UUID, Link]:
    """Where these calls or chats are shown."""
    wanted = [one for one in set(ids) if one]
    return _links[kind](wanted) if kind in _links and wanted else {}
