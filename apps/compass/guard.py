"""Which addresses a tool may reach. A name is resolved once, every answer is checked, and the checked address is what is used.

`TOOL_ALLOWED_NETWORKS` (comma separated, such as 10.20.0.0/16) lets those who host Meridian themselves reach their own network.
"""

import socket
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from apps.core.errors import MeridianError

Address = IPv4Address | IPv6Address

# IANA's special-purpose registries, multicast and class E, and the metadata addresses that lie outside of them.
DENIED_V4 = tuple(
    ip_network(network)
    for network in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24"),
        *("192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24"),
        *("198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32"),
    )
)
GLOBAL_V6 = ip_network("2000::/3")
# Teredo and the other protocol assignments, documentation, and 6to4, which all lead somewhere else than they say.
DENIED_V6 = tuple(
    ip_network(network) for network in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
)
NAT64 = ip_network("64:ff9b::/96")
LOW_32_BITS = 0xFFFFFFFF

_resolvers = ThreadPoolExecutor(max_workers=16, thread_name_prefix="tool-dns")


class Blocked(MeridianError):
    """The address is one that tools may not reach."""


class Unresolved(MeridianError):
    """The name has no address, or the name servers did not answer in time."""


def addresses_of(host: str, port: int, *, timeout: float) -> list[str]:
    """The addresses of a host, all of them allowed. Raises Blocked when one of them is not, Unresolved; seconds."""
    found = _resolved(host, port, timeout)
    if not all(address_allowed(address) for address in found):
        raise Blocked(f"{host} leads into a network that tools may not reach.")
    return [str(address) for address in found]


def address_allowed(address: Address) -> bool:
    """True for a public address, and for one that the operator allows."""
    return any(address in network for network in networks_allowed()) or _is_public(address)


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in network for network in DENIED_V4)
    inner = _carried(address)
    if inner is not None:
        return _is_public(inner)
    return address in GLOBAL_V6 and not any(address in network for network in DENIED_V6)


def _carried(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that an IPv4-mapped or NAT64 address stands for."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return IPv4Address(int(address) & LOW_32_BITS) if address in NAT64 else None


def networks_allowed() -> list[IPv4Network | IPv6Network]:
    """TOOL_ALLOWED_NETWORKS; raises ImproperlyConfigured naming what is no network."""
    return [_network(text) for text in getattr(settings, "TOOL_ALLOWED_NETWORKS", ())]


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text, strict=False)
    except ValueError as error:
        raise ImproperlyConfigured(f"TOOL_ALLOWED_NETWORKS has {text!r}, which is no network such as 10.20.0.0/16.") from error


def _resolved(host: str, port: int, timeout: float) -> list[Address]:
    """getaddrinfo knows no timeout of its own, so it runs in a thread that is not waited for longer."""
    pending = _resolvers.submit(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    try:
        answers = pending.result(timeout)
    except (OSError, UnicodeError) as error:
        raise Unresolved(f"{host} has no address.") from error
    except FutureTimeout as error:
        pending.cancel()
        raise Unresolved(f"The name servers did not answer about {host} in time.") from error
    return list(dict.fromkeys(ip_address(answer[4][0]) for answer in answers))
