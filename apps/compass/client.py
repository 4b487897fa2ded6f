"""HTTP for tools: pinned to checked addresses, under one deadline, capped in size, with redirects checked again, no proxies."""

import ssl
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import httpcore

from apps.compass.guard import Unresolved, addresses_of
from apps.compass.headers import header_sendable
from apps.core.errors import MeridianError

MAX_BYTES = 256 * 1024
MAX_REDIRECTS = 3
REDIRECTS = {301, 302, 303, 307, 308}
PORTS = {"http": 80, "https": 443}
OURS = {"User-Agent": "Meridian", "Accept": "application/json, text/*;q=0.5", "Accept-Encoding": "identity"}
# What may stay in an address as it is; the rest is percent-encoded.
KEPT = "%/:=&?~#+!$,;'@()*[]"


class RequestFailed(MeridianError):
    """No usable answer came; the text says why, in words for the tool's owner."""


@dataclass(frozen=True)
class Answer:
    """What the other side said."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Call:
    """One request. `headers` are the tool's own and may hold secrets."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes | None


class Deadline:
    """The seconds that are left of the whole exchange, redirects included."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Raises RequestFailed once nothing is left."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise RequestFailed(f"The service took longer than {self.seconds:.2g} seconds.")
        return left


class DeadlineStream(httpcore.NetworkStream):
    """A connection on which no single read or write outlives the deadline, however slowly bytes drip in."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream, self._deadline = stream, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.left())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        secured = self._stream.start_tls(ssl_context, server_hostname, self._deadline.left())
        return DeadlineStream(secured, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class GuardedBackend(httpcore.NetworkBackend):
    """Opens connections only to addresses that were checked; Host and TLS name stay those of the URL."""

    def __init__(self, deadline: Deadline, *, trusted: bool = False) -> None:
        self._deadline, self._trusted = deadline, trusted
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        if self._trusted:
            return self._connect(host, port)
        addresses = addresses_of(host, port, timeout=self._deadline.left())
        for address in addresses[:-1]:
            try:
                return self._connect(address, port)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue  # the next address may answer
        return self._connect(addresses[-1], port)

    def _connect(self, address: str, port: int) -> httpcore.NetworkStream:
        return DeadlineStream(self._sockets.connect_tcp(address, port, self._deadline.left()), self._deadline)


def _never(_: bytes) -> bool:
    return False


def request(call: Call, *, timeout: float, enough: Callable[[bytes], bool] = _never, most: int = MAX_BYTES) -> Answer:
    """Carries out a request. Raises Blocked when it leads where tools may not go, RequestFailed; `timeout` in seconds.

    `enough` looks at the body so far and may end an answer that never ends by itself; `most` is in bytes.
    """
    deadline = Deadline(timeout)
    for _ in range(MAX_REDIRECTS + 1):
        answer = _exchange(call, deadline, enough, most)
        location = answer.headers.get("location")
        if answer.status not in REDIRECTS or not location:
            return answer
        call = _redirected(call, answer.status, location)
    raise RequestFailed(f"The service redirected more than {MAX_REDIRECTS} times.")


def exchange(call: Call, *, timeout: float) -> Answer:
    """As request, but a redirect is an answer like any other."""
    return _exchange(call, Deadline(timeout))


def request_trusted(call: Call, *, timeout: float) -> Answer:
    """As request, to an address that the installation's operator set: any network, and redirects are not followed."""
    return _exchange(call, Deadline(timeout), trusted=True)


def _exchange(
    call: Call,
    deadline: Deadline,
    enough: Callable[[bytes], bool] = _never,
    most: int = MAX_BYTES,
    *,
    trusted: bool = False,
) -> Answer:
    url, host = _target(call.url)
    if not all(map(header_sendable, call.headers.values())):
        raise RequestFailed("The request has a header with more than printable ASCII, which cannot be sent.")
    headers = {**OURS, **call.headers, "Host": host, "Connection": "close"}
    if call.body is not None:
        headers["Content-Length"] = str(len(call.body))
    try:
        with (
            httpcore.ConnectionPool(_tls(), network_backend=GuardedBackend(deadline, trusted=trusted), retries=0) as pool,
            pool.stream(call.method, url, headers=list(headers.items()), content=call.body) as response,
        ):
            return _answer(response, enough, most)
    except Unresolved as error:
        raise RequestFailed(str(error)) from error
    except httpcore.TimeoutException as error:
        raise RequestFailed(f"The service took longer than {deadline.seconds:.2g} seconds.") from error
    except (httpcore.NetworkError, httpcore.ProtocolError) as error:
        raise RequestFailed(f"{host} could not be reached, or did not speak HTTP.") from error


def _answer(response: httpcore.Response, enough: Callable[[bytes], bool], most: int) -> Answer:
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
    body = bytearray()
    for chunk in response.iter_stream():
        body += chunk
        if len(body) > most:
            raise RequestFailed(f"The service answered with more than {most // 1024} KB.")
        if enough(bytes(body)):
            break
    return Answer(response.status, headers, bytes(body))


def _target(url: str) -> tuple[httpcore.URL, str]:
    """The address in parts, and its Host header."""
    try:
        parts = urlsplit(url)
        port = parts.port
        host = (parts.hostname or "").encode("idna").decode()
    except (ValueError, UnicodeError) as error:
        raise RequestFailed("This is not a web address.") from error
    if parts.scheme not in PORTS or not host or "@" in parts.netloc:
        raise RequestFailed("Only http and https addresses without user and password can be called.")
    target = quote(parts.path or "/", safe=KEPT) + (f"?{quote(parts.query, safe=KEPT)}" if parts.query else "")
    named = f"[{host}]" if ":" in host else host
    return httpcore.URL(scheme=parts.scheme, host=host, port=port, target=target), f"{named}:{port}" if port else named


def _redirected(call: Call, status: int, location: str) -> Call:
    """The request that a redirect asks for (RFC 9110 15.4). Another origin gets none of the tool's headers."""
    try:
        url = urljoin(call.url, location)
        same_origin = _origin(url) == _origin(call.url)
    except ValueError as error:
        raise RequestFailed("The service redirected to something that is no web address.") from error
    if urlsplit(call.url).scheme == "https" and urlsplit(url).scheme != "https":
        raise RequestFailed("The service redirected from https to http.")
    if status == 303 or (status in (301, 302) and call.method == "POST"):
        call = replace(call, method="GET", body=None)
    elif call.body is not None and not same_origin:
        raise RequestFailed("The service redirected to another one, which is not told what was meant for the first.")
    return replace(call, url=url, headers=call.headers if same_origin else {})


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or PORTS.get(parts.scheme)


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
