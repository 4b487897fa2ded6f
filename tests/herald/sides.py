"""The two sides that Herald talks to, each on a thread of its own: the channel that takes /reply, and the language model."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from django.test import override_settings

from tests.standins.openai import OpenAIStandin
from tests.standins.threads import threaded

WAIT_SECONDS = 60.0


class ReplySide:
    """What arrived at /reply. `statuses` are answered first, in order (0 drops the connection); then 200."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.attempts: list[dict[str, Any]] = []
        self.taken: list[dict[str, Any]] = []
        self.tokens: set[str] = set()
        self.url = ""
        self._changed = threading.Condition()

    def take(self, body: dict[str, Any], token: str) -> int:
        """Notes an event and says how it is answered."""
        with self._changed:
            self.attempts.append(body)
            self.tokens.add(token)
            status = self.statuses.pop(0) if self.statuses else 200
            if status == 200:
                self.taken.append(body)
            self._changed.notify_all()
        return status

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Until something holds of what arrived. Raises TimeoutError when it does not."""
        with self._changed:
            if not self._changed.wait_for(condition, WAIT_SECONDS):
                raise TimeoutError(f"It never came; what came is {self.attempts}.")

    def wait_done(self) -> dict[str, Any]:
        """The `done` event, once it is there."""
        self.wait_for(lambda: any(event["event"] == "done" for event in self.taken))
        return self.done

    @property
    def events(self) -> list[str]:
        return [event["event"] for event in self.taken]

    @property
    def messages(self) -> list[str]:
        return [event["text"] for event in self.taken if event["event"] == "message"]

    @property
    def done(self) -> dict[str, Any]:
        (event,) = [event for event in self.taken if event["event"] == "done"]
        return event


@contextmanager
def replies_taken(port: int = 0) -> Iterator[ReplySide]:
    """A channel on a free port for the time of the block."""
    side = ReplySide()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status = side.take(body, self.headers["Authorization"].removeprefix("Bearer "))
            if status:
                self.send_response(status)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        side.url = f"http://127.0.0.1:{server.server_address[1]}/reply"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield side
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def model_running(**options: Any) -> Iterator[OpenAIStandin]:
    """OpenAI's stand-in on a loop of its own, where tenants may reach it; nothing that it would refuse may be sent to it."""
    with override_settings(TOOL_ALLOWED_NETWORKS=["127.0.0.0/8"]), threaded(OpenAIStandin(**options)) as standin:
        yield standin
