"""Real listeners for the tools' network tests: Linux answers on all of 127.0.0.0/8, so two hosts are two addresses."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ALLOWED, VICTIM = "127.0.0.2", "127.0.0.1"


class Seen:
    """The requests that a server got, as (method, path, headers, body)."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.server_names: list[str | None] = []


Reply = Callable[[BaseHTTPRequestHandler], None]


def reply(status: int = 200, body: bytes = b"{}", **headers: str) -> Reply:
    """A handler that answers this; `content_type` and the like become headers."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"content_type": "application/json", **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return send


@contextmanager
def serving(answer: Reply, *, port: int = 0, tls: ssl.SSLContext | None = None) -> Iterator[Seen]:
    """An HTTP server on ALLOWED for the time of the block."""
    seen = Seen(port)

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            seen.requests.append((self.command, self.path, dict(self.headers), body))
            answer(self)

        do_GET = do_POST = do_PUT = do_DELETE = handle_any

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    with ThreadingHTTPServer((ALLOWED, port), Handler) as server:
        if tls is not None:
            tls.sni_callback = lambda _socket, name, _context: seen.server_names.append(name)
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        seen.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield seen
        finally:
            server.shutdown()
            thread.join()


class Trap:
    """A listener on VICTIM that nobody may connect to."""

    def __init__(self, port: int = 0) -> None:
        self._socket = socket.create_server((VICTIM, port), backlog=16)
        self._socket.setblocking(False)
        self.port = self._socket.getsockname()[1]

    def connections(self) -> int:
        """How many connected since the last time this was asked; the kernel completes them without our help."""
        count = 0
        while True:
            try:
                self._socket.accept()[0].close()
            except BlockingIOError:
                return count
            count += 1

    def close(self) -> None:
        self._socket.close()
