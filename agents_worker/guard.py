"""Where a call connects to when its company chose a provider's address: never into an inner network, however its name resolves.

Compass says in the credential that an address is the company's (`allowed_networks`: what the operator lets them reach besides
the public internet). The rules are those of Compass's own guard; tests/contracts holds one against the other.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import aiohttp
import httpx2

Address = IPv4Address | IPv6Address
AddressInfo = tuple[int, int, int, str, tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]]

RESOLVE_SECONDS = 3.0
# IANA's special-purpose registries, multicast and class E, and the metadata addresses that lie outside of them
_DENIED_V4 = tuple(
    map(
        ip_network,
        (
            *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24"),
            *("192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24"),
            *("198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32"),
        ),
    )
)
_GLOBAL_V6 = ip_network("2000::/3")
_DENIED_V6 = tuple(map(ip_network, ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")))
_NAT64 = ip_network("64:ff9b::/96")
_LOW_32_BITS = 0xFFFFFFFF


class Blocked(OSError):
    """An address that a company's own provider may not have."""


def address_allowed(text: str, networks: Sequence[str]) -> bool:
    """True for a public address, and for one in `networks`."""
    address = ip_address(text.partition("%")[0])
    return any(address in ip_network(network, strict=False) for network in networks) or _is_public(address)


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _DENIED_V4)
    if address.ipv4_mapped is not None:
        return _is_public(address.ipv4_mapped)
    if address in _NAT64:
        return _is_public(IPv4Address(int(address) & _LOW_32_BITS))
    return address in _GLOBAL_V6 and not any(address in network for network in _DENIED_V6)


async def addresses_of(host: str, port: int, networks: Sequence[str]) -> list[str]:
    """The addresses of a host, all of them allowed. Raises Blocked, and OSError for a name without one in RESOLVE_SECONDS."""
    looking = asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    try:
        found = await asyncio.wait_for(looking, RESOLVE_SECONDS)
    except TimeoutError:
        raise OSError(f"The name servers did not answer about {host} in time.") from None
    addresses = list(dict.fromkeys(str(answer[4][0]) for answer in found))
    if not all(address_allowed(address, networks) for address in addresses):
        raise Blocked(f"{host} leads into a network that a company's own provider may not be in.")
    return addresses


def guarded_session(networks: Sequence[str], context: ssl.SSLContext) -> aiohttp.ClientSession:
    """For plugins on aiohttp; whoever asks for it closes it. Each address is checked as a socket is made for it."""

    def socket_make(info: AddressInfo) -> socket.socket:
        family, kind, protocol, _, address = info
        if not address_allowed(str(address[0]), networks):
            raise Blocked(f"{address[0]} is in a network that a company's own provider may not be in.")
        return socket.socket(family=family, type=kind, proto=protocol)

    connector = aiohttp.TCPConnector(limit_per_host=50, keepalive_timeout=120, ssl=context, socket_factory=socket_make)
    return aiohttp.ClientSession(connector=connector, trust_env=False)


class GuardedTransport(httpx2.AsyncBaseTransport):
    """For SDKs on httpx2. A name is resolved and checked once; from then on its connections go to the address that was checked.

    TLS still asks for the name's certificate. Where an address does not answer any more, the name is asked for anew.
    """

    def __init__(self, inner: httpx2.AsyncBaseTransport, networks: Sequence[str]) -> None:
        self._inner, self._networks = inner, networks
        self._known: dict[tuple[str, int | None], str] = {}

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Raises httpx2.ConnectError for an address that is not allowed, as for one that is not there."""
        url = request.url
        key = (url.host, url.port)
        if key in self._known:
            try:
                return await self._inner.handle_async_request(_to(request, self._known[key]))
            except (httpx2.ConnectError, httpx2.ConnectTimeout):
                del self._known[key]
        return await self._first(request, key)

    async def _first(self, request: httpx2.Request, key: tuple[str, int | None]) -> httpx2.Response:
        try:
            addresses = await addresses_of(key[0], key[1] or 443, self._networks)
        except OSError as error:
            raise httpx2.ConnectError(str(error), request=request) from error
        for address in addresses:
            try:
                answer = await self._inner.handle_async_request(_to(request, address))
            except (httpx2.ConnectError, httpx2.ConnectTimeout):
                if address == addresses[-1]:
                    raise
                continue  # the next address may answer
            self._known[key] = address
            return answer
        raise httpx2.ConnectError(f"{key[0]} has no address.", request=request)

    async def aclose(self) -> None:
        await self._inner.aclose()


def _to(request: httpx2.Request, address: str) -> httpx2.Request:
    """The same request at an address; the Host header and the name that TLS asks for stay."""
    extensions = {**request.extensions, "sni_hostname": request.url.host}
    url = request.url.copy_with(host=address)
    return httpx2.Request(request.method, url, headers=request.headers, stream=request.stream, extensions=extensions)
