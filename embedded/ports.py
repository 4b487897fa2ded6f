"""Free ports, and who sits on a port that is taken."""

import contextlib
import socket

import psutil  # type: ignore[import-untyped]

LOOPBACK = "127.0.0.1"


def port_free() -> int:
    """Return a TCP port of the loopback address that nobody uses at this moment."""
    with socket.socket() as sock:
        sock.bind((LOOPBACK, 0))
        return int(sock.getsockname()[1])


def ports_free(count: int) -> list[int]:
    """Return `count` different free TCP ports."""
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(socket.socket()) for _ in range(count)]
        for sock in socks:
            sock.bind((LOOPBACK, 0))
        return [int(sock.getsockname()[1]) for sock in socks]


def port_answers(port: int, host: str = LOOPBACK, timeout: float = 1.0) -> bool:
    """Say whether something accepts TCP connections there, waiting at most `timeout` seconds."""
    try:
        with socket.create_connection((host, port), timeout=timeout):
            return True
    except OSError:
        return False


def port_taken(port: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> bool:
    """Say whether a server could not listen on this port of the loopback address."""
    with socket.socket(socket.AF_INET, kind) as sock:
        if kind == socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((LOOPBACK, port))
        except OSError:
            return True
    return False


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
