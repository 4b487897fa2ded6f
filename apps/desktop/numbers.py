"""The numbers of every channel as one list shows them; each channel's app registers its own in ready()."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise

from apps.compass.selectors import agent_names
from apps.desktop.selectors import teams_all


@dataclass(frozen=True)
class NumberRow:
    """A number, who answers it (an agent, a team, or both by name), and where an admin changes it."""

    channel: str
    icon: str
    kind: "str | Promise"
    number: str
    label: str
    agent: str
    team: str
    limited: bool
    enabled: bool
    href: str


_sources: dict[str, Callable[[], Iterable[NumberRow]]] = {}


def numbers_register(channel: str, source: Callable[[], Iterable[NumberRow]]) -> None:
    """`source` runs in the tenant's schema."""
    _sources[channel] = source


def numbers_all() -> list[NumberRow]:
    """Every number of the tenant, by what people call it."""
    rows = [row for source in _sources.values() for row in source()]
    return sorted(rows, key=lambda row: ((row.label or row.number).lower(), row.number))


def names(agent_ids: Iterable[object]) -> tuple[dict[Any, str], dict[str, str]]:
    """The names of these agents by id, and of every team by slug."""
    agents = agent_names([one for one in agent_ids if one])  # type: ignore[misc]
    return dict(agents), {team.slug: team.name for team in teams_all()}
