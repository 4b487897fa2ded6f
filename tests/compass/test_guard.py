"""Where tools may not go, tried against a real listener: none of these ever makes a connection."""

import socket
from collections.abc import Iterator
from typing import Any

import httpcore
import pytest
from django.core.exceptions import ImproperlyConfigured

from apps.compass.client import Call, RequestFailed, request
from apps.compass.guard import Blocked, networks_allowed
from tests.compass.servers import ALLOWED, VICTIM, Trap, reply, serving

PUBLIC = "93.184.215.14"
NAMES = {
    "metadata.google.internal": ["169.254.169.254"],
    "inside.example": [VICTIM],
    "mixed.example": [PUBLIC, VICTIM],
    "mixed-first.example": ["10.0.0.7", PUBLIC],
    "mapped.example": ["::ffff:127.0.0.1"],
    "six.example": ["::1"],
    "nat64.example": ["64:ff9b::7f00:1"],
    "cgnat.example": ["100.64.0.1"],
    "ula.example": ["fd00:ec2::254"],
}

CORPUS = [
    # loopback, in every spelling that a resolver takes
    *("127.0.0.1", "127.1", "127.0.1", "127.255.255.254", "localhost", "LOCALHOST", "localhost.", "2130706433", "0x7f000001"),
    *("0x7f.0.0.1", "0x7f.1", "0177.0.0.1", "0177.1", "017700000001", "127.0.0.1.", "①②⑦.⓪.⓪.①", "127。0。0。1"),
    *("0.0.0.0", "0", "0.1.2.3", "[::1]", "[::]", "[0:0:0:0:0:0:0:1]"),
    # IPv4 inside IPv6
    *("[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::ffff:0a00:0001]", "[::ffff:169.254.169.254]", "[::127.0.0.1]"),
    *("[64:ff9b::7f00:1]", "[64:ff9b::a9fe:a9fe]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[2002:a9fe:a9fe::]"),
    *("[2001:0:7f00:1::]", "[2001:db8::1]", "[3fff::1]"),
    # private, shared, link-local, metadata
    *("10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.254", "192.168.0.1", "100.64.0.1", "100.127.255.254"),
    *("100.100.100.200", "169.254.169.254", "169.254.170.2", "2852039166", "0xa9fea9fe", "168.63.129.16", "192.0.0.192"),
    *("[fe80::1]", "[fc00::1]", "[fd00:ec2::254]", "[fec0::1]"),
    # reserved, documentation, benchmarks, multicast, broadcast
    *("192.0.2.1", "198.51.100.1", "203.0.113.1", "198.18.0.1", "192.88.99.1", "224.0.0.1", "239.255.255.250", "240.0.0.1"),
    *("255.255.255.255", "[ff02::1]", "[ff0e::1]", "[100::1]", "[5f00::1]"),
    # the edges of networks, and further spellings of addresses that are refused
    *("172.16.255.255", "172.31.0.0", "192.168.255.255", "100.64.255.255", "169.254.0.1", "127.0.0.0", "198.19.255.255"),
    *("012.0.0.1", "0xa.0.0.1", "10.1", "0x0a000001", "167772161", "3232235777", "0xC0.0xA8.0.1", "0300.0250.0.1"),
    *("[::ffff:10.0.0.1]", "[::ffff:192.168.0.1]", "[::ffff:100.64.0.1]", "[64:ff9b::10.0.0.1]", "[64:ff9b::192.168.0.1]"),
    *("[2002:0a00:0001::]", "[2002:c0a8:0001::1]", "[fe80::1%25lo]", "[fd12:3456:789a::1]", "[fc00:ffff::1]"),
    *("⑩.⓪.⓪.①", "192。168。0。1", "169｡254｡169｡254", "１２７.0.0.1", "127．0．0．1"),
    # names that lead there
    *NAMES,
]


def test_the_corpus_is_large() -> None:
    assert len(set(CORPUS)) >= 100


@pytest.fixture
def trap() -> Iterator[Trap]:
    listener = Trap()
    yield listener
    listener.close()


@pytest.fixture(autouse=True)
def resolver(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[list[str]]]:
    """Names answer from here, each time with the next of their lists; what is no name goes to the real resolver."""
    real = socket.getaddrinfo
    answers = {name: [addresses] for name, addresses in NAMES.items()}

    def resolve(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        if host not in answers:
            return real(host, port, *args, **kwargs)
        turn = answers[host]
        addresses = turn.pop(0) if len(turn) > 1 else turn[0]
        return [found for address in addresses for found in real(address, port, *args, **kwargs)]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return answers


@pytest.fixture
def attempts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every address that a socket was opened to."""
    opened: list[str] = []
    connect = httpcore.SyncBackend.connect_tcp

    def recorded(self: Any, host: str, *args: Any, **kwargs: Any) -> Any:
        opened.append(host)
        return connect(self, host, *args, **kwargs)

    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", recorded)
    return opened


def get(url: str, **headers: str) -> Any:
    return request(Call("GET", url, headers, None), timeout=60)


@pytest.mark.parametrize("host", CORPUS)
def test_no_connection(host: str, trap: Trap, attempts: list[str]) -> None:
    with pytest.raises((Blocked, RequestFailed)):
        get(f"http://{host}:{trap.port}/latest/meta-data/")
    assert (attempts, trap.connections()) == ([], 0)


@pytest.mark.parametrize(
    "url", ["http://user@{0}/", "http://x:y@{0}/", "http://example.com\\@{0}/", "//{0}/", "ftp://{0}/", "file:///{0}"]
)
def test_no_connection_by_spelling(url: str, trap: Trap, attempts: list[str]) -> None:
    with pytest.raises((Blocked, RequestFailed)):
        get(url.format(f"{VICTIM}:{trap.port}"))
    assert (attempts, trap.connections()) == ([], 0)


@pytest.mark.parametrize(
    "host",
    [
        *(VICTIM, "localhost", "2130706433", "0x7f.1", "0177.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]"),
        *("[2002:7f00:1::]", "10.0.0.1", "100.64.0.1", "169.254.169.254", "192.168.0.1", "[fd00:ec2::254]", "[fe80::1]"),
        *("127。0。0。1", "224.0.0.1", "0.0.0.0", "inside.example", "mixed.example", "metadata.google.internal"),
    ],
)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_checked_again(host: str, status: int, trap: Trap, attempts: list[str], settings: Any) -> None:
    settings.TOOL_ALLOWED_NETWORKS = [f"{ALLOWED}/32"]
    with serving(reply(status, Location=f"http://{host}:{trap.port}/secret")) as door, pytest.raises((Blocked, RequestFailed)):
        get(f"http://{ALLOWED}:{door.port}/")
    assert (attempts, trap.connections()) == ([ALLOWED], 0)


def test_a_name_is_resolved_once_and_what_was_checked_is_used(
    attempts: list[str], resolver: dict[str, list[list[str]]], settings: Any
) -> None:
    settings.TOOL_ALLOWED_NETWORKS = [f"{ALLOWED}/32"]
    resolver["rebind.example"] = [[ALLOWED], [VICTIM]]
    with serving(reply()) as door:
        trap = Trap(door.port)
        assert get(f"http://rebind.example:{door.port}/").status == 200
        assert resolver["rebind.example"] == [[VICTIM]]
        with pytest.raises(Blocked):
            get(f"http://rebind.example:{door.port}/")
        assert (attempts, trap.connections()) == ([ALLOWED], 0)
        trap.close()
    assert door.requests[0][2]["Host"] == f"rebind.example:{door.port}"


def test_a_name_that_rebinds_between_redirects_is_refused(
    attempts: list[str], resolver: dict[str, list[list[str]]], settings: Any
) -> None:
    settings.TOOL_ALLOWED_NETWORKS = [f"{ALLOWED}/32"]
    resolver["rebind.example"] = [[ALLOWED], [VICTIM]]
    with serving(reply(307, Location="/again")) as door:
        trap = Trap(door.port)
        with pytest.raises(Blocked):
            get(f"http://rebind.example:{door.port}/")
        assert (attempts, trap.connections()) == ([ALLOWED], 0)
        trap.close()


def test_public_addresses_are_allowed(resolver: dict[str, list[list[str]]], monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []

    def refuse(self: Any, host: str, *args: Any, **kwargs: Any) -> Any:
        tried.append(host)
        raise httpcore.ConnectError("refused")

    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", refuse)
    resolver["public.example"] = [[PUBLIC, "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "64:ff9b::5db8:d70e"]]
    with pytest.raises(RequestFailed, match="could not be reached"):
        get("http://public.example/")
    assert tried == [PUBLIC, "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "64:ff9b::5db8:d70e"]


def test_proxies_of_the_environment_are_not_used(trap: Trap, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.TOOL_ALLOWED_NETWORKS = [f"{ALLOWED}/32"]
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://{VICTIM}:{trap.port}")
    with serving(reply()) as door:
        assert get(f"http://{ALLOWED}:{door.port}/").status == 200
    assert trap.connections() == 0


def test_a_network_that_is_none_is_named(settings: Any) -> None:
    settings.TOOL_ALLOWED_NETWORKS = ["10.20.0.7/16", "fd12::/48"]
    assert [str(network) for network in networks_allowed()] == ["10.20.0.0/16", "fd12::/48"]
    settings.TOOL_ALLOWED_NETWORKS = ["my-lan"]
    with pytest.raises(ImproperlyConfigured, match="'my-lan'"):
        networks_allowed()
