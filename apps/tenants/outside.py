"""Calls to addresses that a company's owner chose. Who carries them out, behind the network guard, is registered by config."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from apps.core.errors import MeridianError

TIMEOUT = 5.0  # seconds, of one exchange


class OutsideError(MeridianError):
    """No answer that can be used; the text says why."""


@dataclass(frozen=True)
class Reply:
    """What the other side said; the names of headers are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        """Raises OutsideError unless it is a JSON object."""
        try:
            found = json.loads(self.body)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise OutsideError("What came back is no JSON object.")
        return found


@dataclass(frozen=True)
class Ask:
    """One request; redirects are not followed."""

    url: str
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None


Fetch = Callable[[Ask, float], Reply]
_fetch: list[Fetch] = []


def outside_register(fetch: Fetch) -> None:
    """Called once from config. `fetch` refuses private addresses, keeps to the seconds given, and raises OutsideError."""
    _fetch[:] = [fetch]


def fetch(ask: Ask) -> Reply:
    """Raises OutsideError; takes TIMEOUT seconds at most."""
    return _fetch[0](ask, TIMEOUT)


def schemes() -> tuple[str, ...]:
    """Without TLS only where the operator has opened a network of their own (TOOL_ALLOWED_NETWORKS)."""
    return ("https", "http") if settings.TOOL_ALLOWED_NETWORKS else ("https",)


def is_address(url: Any) -> bool:
    """Whether it is a web address that may be asked, and that a browser may be sent to."""
    try:
        parts = urlsplit(url) if isinstance(url, str) and len(url) <= 2000 and url.isprintable() else None
        return parts is not None and parts.scheme in schemes() and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        return False
