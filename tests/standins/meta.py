"""The pretend Meta on a free port, in a thread of its own: `with Meta(webhook_url) as meta: meta.graph_url`."""

from __future__ import annotations

import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import uvicorn

from embedded.meta import DEMO_NUMBERS
from embedded.meta.app import app_make
from embedded.meta.settings import Settings, businesses_read
from embedded.ports import port_free

APP_SECRET = "the-app-secret"
VERIFY_TOKEN = "the-verify-token"
ACCESS_TOKEN = "the-access-token"


class Meta:
    """What a contact does and what the product sent; retries come after `retry_seconds`, then later and later."""

    def __init__(self, webhook_url: str, *, data_dir: Path | None = None, retry_seconds: float = 0.1) -> None:
        self.port = port_free()
        self.graph_url = f"http://127.0.0.1:{self.port}"
        settings = Settings(
            webhook_url,
            APP_SECRET,
            VERIFY_TOKEN,
            ACCESS_TOKEN,
            businesses_read(DEMO_NUMBERS),
            self.graph_url,
            data_dir,
            retry_seconds=retry_seconds,
            status_seconds=0.01,
        )
        config = uvicorn.Config(app_make(settings), port=self.port, log_level="error", timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self.http = httpx.Client(base_url=self.graph_url, timeout=20, trust_env=False)

    def __enter__(self) -> Self:
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive(), "the pretend Meta did not start"
            self._thread.join(0.01)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.http.close()
        self._server.should_exit = True
        self._thread.join(10)

    def ask(self, method: str, path: str, **options: Any) -> Any:
        """A request to the contacts' side; its answer. Fails with the answer's sentence."""
        answer = self.http.request(method, f"/pretend{path}", **options)
        assert answer.is_success, answer.text
        return answer.json()

    def write(self, contact: str, text: str = "", **message: Any) -> Any:
        """A message of a contact, a text unless more is given; as the phone shows it."""
        body = {"type": "text", "text": text} if text else {}
        return self.ask("POST", f"/contacts/{contact}/messages", json=body | message)

    def chat(self, contact: str, phone_number_id: str = "1000000001") -> Any:
        """What a contact's phone shows of its chat with a business."""
        return self.ask("GET", f"/contacts/{contact}/messages", params={"phone_number_id": phone_number_id})

    def faults(self, **wanted: Any) -> None:
        """Let things go wrong from now on."""
        self.ask("POST", "/faults", json=wanted)

    @property
    def log(self) -> Any:
        """Calls, deliveries and problems."""
        return self.ask("GET", "/log")

    @property
    def calls(self) -> list[dict[str, Any]]:
        """The Graph calls so far."""
        return list(self.log["calls"])
