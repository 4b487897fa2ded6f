"""One line of time for a contact: apps that hold more of it than desktop register their part here in ready()."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from apps.desktop.models import Contact


@dataclass(frozen=True)
class TimelineItem:
    """One call or chat. `kind` is call or chat; `path` leads to its page on the tenant's host; `seconds` lasts a call."""

    kind: str
    id: str
    at: datetime
    title: str
    detail: str = ""
    status: str = ""
    path: str = ""
    seconds: float | None = None


Part = Callable[[Contact], list[TimelineItem]]
_parts: dict[str, Part] = {}


def timeline_register(name: str, part: Part) -> None:
    """Called from ready(); `part` returns a contact's items, in any order."""
    _parts[name] = part


def timeline_parts() -> list[Part]:
    """Every registered part, in the order they came."""
    return list(_parts.values())
