"""Free ports, and who sits on a port that is taken."""

import contextlib
import http.client
import random
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import psutil  # type: ignore[import-untyped]

from embedded.errors import StackError

LOOPBACK = "127.0.0.1"
CHOICE = range(20_000, 32_000)


def port_free() -> int:
    """Return a port of the loopback address that nobody uses at this moment, by TCP or UDP."""
    return ports_free(1)[0]


def ports_free(count: int, meant: frozenset[int] = frozenset()) -> list[int]:
    """Return `count` different free ports, none `meant` for others, below those that outgoing connections take by themselves."""
    found: list[int] = []
    for port in random.sample(CHOICE, len(CHOICE)):
        if port not in meant and not port_taken(port) and not port_taken(port, socket.SOCK_DGRAM):
            found.append(port)
        if len(found) == count:
            return found
    raise StackError("There are no free ports on this machine; stop some programs, then start again.")


def port_answers(port: int, host: str = LOOPBACK, timeout: float = 1.0) -> bool:
    """Say whether something accepts TCP connections there, waiting at most `timeout` seconds."""
    try:
        with socket.create_connection((host, port), timeout=timeout):
            return True
    except OSError:
        return False


def http_answers(port: int, path: str, timeout: float = 2.0) -> bool:
    """Say whether a GET there is answered by 200; cheap enough to be asked often, unlike a client with TLS."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=timeout)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def port_taken(port: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> bool:
    """Say whether a server could not listen on this port of the loopback address."""
    return port_refusal(port, kind) is not None


def port_refusal(port: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> OSError | None:
    """Return why a server could not listen on this port of the loopback address, None when it could."""
    with socket.socket(socket.AF_INET, kind) as sock:
        if kind == socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((LOOPBACK, port))
        except OSError as error:
            return error
    return None


def port_owner(port: int) -> str:
    """Name the process that has the port open, as far as this user may see it."""
    try:
        connections = psutil.net_connections(kind="inet")
    except psutil.AccessDenied:
        return "another program"
    for connection in connections:
        if connection.laddr and connection.laddr.port == port and connection.pid and not connection.raddr:
            with contextlib.suppress(psutil.NoSuchProcess):
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    return "another program"


@dataclass(frozen=True)
class Ports:
    """The ports of a whole stack, all on the loopback address unless MERIDIAN_NODE_IP opens them."""

    web: int
    realtime: int
    livekit: int
    livekit_tcp: int
    livekit_udp: int
    postgres: int
    valkey: int
    models: int
    meta: int
    sip: int
    atlas_health: int
    media_bot_health: int

    @classmethod
    def free(cls) -> Self:
        """Choose ports that nobody uses at this moment."""
        return cls(*ports_free(12))

    @classmethod
    def named(cls, env: Mapping[str, str]) -> Self:
        """Return the usual ports, each replaceable by MERIDIAN_<NAME>_PORT; for health, free ones. Raises StackError."""
        livekit = _port(env, "LIVEKIT", 7880)
        named = {
            "web": _port(env, "WEB", 8000),
            "realtime": _port(env, "REALTIME", 8001),
            "livekit": livekit,
            "livekit_tcp": livekit + 1,
            "livekit_udp": livekit + 2,
            "postgres": _port(env, "POSTGRES", 15432),
            "valkey": _port(env, "VALKEY", 16379),
            "models": _port(env, "MODELS", 18090),
            "meta": _port(env, "META", 18091),
            "sip": _port(env, "SIP", 5060),
        }
        atlas, media_bot = ports_free(2, meant=frozenset(named.values()))
        health = {
            "atlas_health": _port(env, "ATLAS_HEALTH", atlas),
            "media_bot_health": _port(env, "MEDIA_BOT_HEALTH", media_bot),
        }
        return cls(**named, **health)


def _port(env: Mapping[str, str], name: str, usual: int) -> int:
    variable = f"MERIDIAN_{name}_PORT"
    text = env.get(variable) or str(usual)
    if not text.isdecimal() or not 1 <= int(text) <= 65533:
        raise StackError(f"{variable} is {text!r}, which is no port; use a number from 1 to 65533.")
    return int(text)
