"""A product as the pretend Meta sees it: a webhook address that checks signatures and keeps what comes."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from tests.standins.meta import APP_SECRET, VERIFY_TOKEN


class Product:
    """`bodies` are the webhooks with a good signature, in order; `answers` are the next statuses, then 200."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.forged = 0
        self.handshakes = 0
        self.answers: list[int] = []
        self.refuse_handshakes = 0
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}/meta/webhook"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def values(self) -> list[dict[str, Any]]:
        """The `value` of every change."""
        return [change["value"] for body in list(self.bodies) for entry in body["entry"] for change in entry["changes"]]

    @property
    def messages(self) -> list[dict[str, Any]]:
        """Every message, also those that came twice."""
        return [message for value in self.values for message in value.get("messages", [])]

    @property
    def statuses(self) -> list[dict[str, Any]]:
        """Every status."""
        return [status for value in self.values for status in value.get("statuses", [])]

    def _take(self, raw: bytes, signature: str) -> int:
        wanted = f"sha256={hmac.new(APP_SECRET.encode(), raw, hashlib.sha256).hexdigest()}"
        with self._lock:
            if not hmac.compare_digest(wanted, signature):
                self.forged += 1
                return 403
            status = self.answers.pop(0) if self.answers else 200
            self.bodies.append(json.loads(raw) | {"answered": status})
        return status

    def _shake(self, query: dict[str, list[str]]) -> str | None:
        self.handshakes += 1
        if self.handshakes <= self.refuse_handshakes or query.get("hub.verify_token") != [VERIFY_TOKEN]:
            return None
        return query["hub.challenge"][0]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        product = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                challenge = product._shake(parse_qs(urlsplit(self.path).query))
                self._answer(403 if challenge is None else 200, (challenge or "").encode())

            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                self._answer(product._take(raw, self.headers.get("X-Hub-Signature-256", "")), b"")

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                return

        return Handler
