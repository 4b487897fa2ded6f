"""POST /reply: one event each, numbered from 0, in order, each repeated until it is taken.

A turn that came by HTTP is answered by HTTP; one that its channel handed over in this installation is answered by a call, which
says the same in the same shapes.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import httpx
import structlog
from django.conf import settings

from apps.core.errors import MeridianError

log = structlog.get_logger(__name__)

TIMEOUT = httpx.Timeout(10.0, connect=3.0)
LIMITS = httpx.Limits(max_connections=64, max_keepalive_connections=32, keepalive_expiry=30)
BACKOFF = (0.1, 0.2, 0.5, 1.0, 2.0, 4.0)  # seconds; the last one repeats
AGAIN = {408, 425, 429}

Take = Callable[[dict[str, Any]], tuple[int, str]]
_channels: dict[str, Take] = {}


def channel_register(name: str, take: Take) -> None:
    """Called from config: `take` gets the body of POST /reply and returns its status, and why where it refuses."""
    _channels[name] = take


class TurnStale(MeridianError):
    """A person holds the conversation by now: nothing more is wanted of this turn."""


class ReplyLost(MeridianError):
    """The channel refused an event, or could not be reached until the turn was over; its own time limit covers that."""


class Replies:
    """The events of one turn. `until` is when trying again has no more sense, by the monotonic clock."""

    def __init__(self, *, url: str, token: str, turn_id: str, until: float) -> None:
        self._url, self._turn_id, self.until = url, turn_id, until
        self._headers = {"Authorization": f"Bearer {token}"}
        self._seq = 0

    def typing(self) -> None:
        """Says that an answer is being written."""
        self._post({"event": "typing"})

    def message(self, text: str, sources: Sequence[dict[str, Any]] = ()) -> None:
        """Sends one message to the contact; `sources` says where in the company's documents it may come from."""
        self._post({"event": "message", "text": text, **({"sources": list(sources)} if sources else {})})

    def done(self, **ending: Any) -> None:
        """Ends the turn; nothing may follow."""
        self._post({"event": "done", **ending})

    def _post(self, event: dict[str, Any]) -> None:
        """Raises TurnStale, ReplyLost. An event may arrive twice, which its number makes harmless."""
        body = {"turn_id": self._turn_id, "seq": self._seq, **event}
        for pause in _pauses():
            problem = self._try(body)
            if problem is None:
                self._seq += 1
                return
            if time.monotonic() + pause > self.until:
                raise ReplyLost(f"The {event['event']} event was not taken until the turn was over: {problem}.")
            log.info("reply_again", turn=self._turn_id, problem=problem, pause=pause)
            time.sleep(pause)

    def _try(self, body: dict[str, Any]) -> str | None:
        """None when the event was taken, else why it should be sent again."""
        try:
            status, text = self._send(body)
        except httpx.TransportError as error:
            return type(error).__name__
        if 200 <= status < 300:
            return None
        if status == 409:
            raise TurnStale("A person has taken the conversation over.")
        if status < 500 and status not in AGAIN:
            raise ReplyLost(f"The {body['event']} event was refused with {status}: {text[:300]}")
        return f"status {status}"

    def _send(self, body: dict[str, Any]) -> tuple[int, str]:
        answer = http().post(self._url, json=body, headers=self._headers)
        return answer.status_code, "" if answer.is_success else answer.text


class RepliesHere(Replies):
    """The same to a channel of this installation. Raises KeyError where it has not registered."""

    def __init__(self, *, channel: str, turn_id: str, until: float) -> None:
        super().__init__(url="", token="", turn_id=turn_id, until=until)
        self._take = _channels[channel]

    def _send(self, body: dict[str, Any]) -> tuple[int, str]:
        return self._take(body)


def reply_url_own(url: str) -> bool:
    """Whether an address is this installation's: the turn token goes nowhere else."""
    return _origin(url) in {_origin(settings.API_URL), _origin(settings.PUBLIC_URL)}


def _origin(url: str) -> tuple[str, str, int | None] | None:
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return None
    if not parts.hostname or "@" in parts.netloc:
        return None
    return parts.scheme, parts.hostname, port


def _pauses() -> Iterator[float]:
    yield from BACKOFF
    while True:
        yield BACKOFF[-1]


@cache
def http() -> httpx.Client:
    """The one client of this process; its connections are kept, and shared by every turn."""
    return httpx.Client(timeout=TIMEOUT, limits=LIMITS, trust_env=False)
