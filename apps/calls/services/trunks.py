"""Inbound SIP trunks: made in LiveKit, routed to the tenant, and undone when half of it fails."""

import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from ipaddress import ip_network

import structlog
from django.db import DatabaseError, transaction

from apps.calls import livekit
from apps.calls.models import SipTrunk
from apps.calls.numbers import number_normalise, number_valid
from apps.calls.rooms import room_prefix_for
from apps.core.errors import MeridianError, PermanentError
from apps.core.schema import schema_current
from apps.tenants.models import Route, Tenant
from apps.tenants.selectors import tenant_by_slug
from apps.tenants.services import route_delete, route_set

log = structlog.get_logger(__name__)

HOST = re.compile(r"^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$", re.IGNORECASE)


def sip_trunk_create(
    *,
    name: str,
    numbers: Sequence[str] = (),
    allowed_addresses: Sequence[str] = (),
    auth_user: str = "",
    auth_password: str = "",
) -> SipTrunk:
    """Makes the current tenant's inbound trunk and the dispatch rule that gives each call a room of its own.

    Callers are let in by source address (`10.0.0.5`, `10.0.0.0/8`, a host name) or by credentials. Raises PermanentError
    for what is not right, LiveKitUnreachable, LiveKitRefused; nothing is left behind then.
    """
    tenant = _tenant()
    wish = livekit.InboundTrunk(
        name=name.strip(),
        numbers=tuple(dict.fromkeys(_number(number, tenant) for number in numbers)),
        allowed_addresses=tuple(dict.fromkeys(_address(address) for address in allowed_addresses)),
        auth_username=auth_user,
        auth_password=auth_password,
    )
    _check(wish)
    return _made(tenant, wish)


def sip_trunk_change(
    *,
    trunk: SipTrunk,
    name: str | None = None,
    numbers: Sequence[str] | None = None,
    allowed_addresses: Sequence[str] | None = None,
) -> SipTrunk:
    """Changes what is given, here and in LiveKit, and keeps the rest: id, rule, credentials. Calls that run go on.

    Raises PermanentError for what is not right, LiveKitUnreachable, LiveKitRefused; nothing is changed then.
    """
    tenant, stands = _tenant(), _wish_of(trunk)
    wish = replace(
        stands,
        name=stands.name if name is None else name.strip(),
        numbers=stands.numbers if numbers is None else tuple(dict.fromkeys(_number(one, tenant) for one in numbers)),
        allowed_addresses=(
            stands.allowed_addresses
            if allowed_addresses is None
            else tuple(dict.fromkeys(_address(one) for one in allowed_addresses))
        ),
    )
    _check(wish, own=trunk)
    with _conflict_told(wish):
        _change_ask(trunk, wish)
    trunk.name, trunk.numbers, trunk.allowed_addresses = wish.name, list(wish.numbers), list(wish.allowed_addresses)
    _saved(trunk, ["name", "numbers", "allowed_addresses"], stands)
    return trunk


def sip_trunk_password_renew(*, trunk: SipTrunk) -> str:
    """A new password, here and in LiveKit, which nobody can read again; from now on the old one lets no call in.

    Raises PermanentError where addresses let callers in, LiveKitUnreachable, LiveKitRefused; the old one stays then.
    """
    if not trunk.auth_user:
        raise PermanentError("This trunk has no user name: the exchange's addresses let its calls in, and no password.")
    stands, password = _wish_of(trunk), password_made()
    _change_ask(trunk, replace(stands, auth_password=password))
    trunk.auth_password = password
    _saved(trunk, ["auth_password"], stands)
    return password


def password_made() -> str:
    """A password for a trunk."""
    return secrets.token_urlsafe(18)


def _saved(trunk: SipTrunk, fields: list[str], stood: livekit.InboundTrunk) -> None:
    """What LiveKit has already; where it cannot be kept here, LiveKit gets back how it stood."""
    try:
        trunk.save(update_fields=fields)
    except DatabaseError:
        with suppress(MeridianError):
            livekit.client().sip_trunk_change(trunk.trunk_id, stood)
        raise


def _change_ask(trunk: SipTrunk, wish: livekit.InboundTrunk) -> None:
    try:
        livekit.client().sip_trunk_change(trunk.trunk_id, wish)
    except livekit.RoomGone as error:
        raise PermanentError("LiveKit does not know this trunk any more. Delete it here and make it again.") from error


def _wish_of(trunk: SipTrunk) -> livekit.InboundTrunk:
    return livekit.InboundTrunk(
        trunk.name, tuple(trunk.numbers), tuple(trunk.allowed_addresses), trunk.auth_user, trunk.auth_password
    )


def sip_trunk_delete(*, trunk: SipTrunk) -> None:
    """Deletes the trunk here and in LiveKit; one that LiveKit no longer knows is as good as deleted."""
    with suppress(livekit.RoomGone):
        livekit.client().sip_rule_delete(trunk.rule_id)
    with suppress(livekit.RoomGone):
        livekit.client().sip_trunk_delete(trunk.trunk_id)
    with transaction.atomic():
        route_delete(kind=Route.Kind.SIP_TRUNK, external_id=trunk.trunk_id, tenant=_tenant())
        trunk.delete()


def _made(tenant: Tenant, wish: livekit.InboundTrunk) -> SipTrunk:
    server = livekit.client()
    trunk_id = _trunk_id(server, wish)
    rule_id = ""
    try:
        rule_id = server.sip_rule_create(wish.name, trunk_id, room_prefix_for(tenant.schema_name))
        return _recorded(tenant, wish, trunk_id, rule_id)
    except (MeridianError, DatabaseError):
        _undo(trunk_id, rule_id)
        raise


def _trunk_id(server: livekit.LiveKit, wish: livekit.InboundTrunk) -> str:
    with _conflict_told(wish):
        return server.sip_trunk_create(wish)


@contextmanager
def _conflict_told(wish: livekit.InboundTrunk) -> Iterator[None]:
    """One LiveKit tells trunks apart by the called number alone, whatever address the call comes from."""
    try:
        yield
    except livekit.LiveKitRefused as error:
        if "Conflicting" not in str(error):
            raise
        numbers = ", ".join(wish.numbers) or "any number"
        raise PermanentError(
            f"Another trunk of this LiveKit takes {numbers} already. Give each trunk its own called numbers (--number)."
        ) from error


@transaction.atomic
def _recorded(tenant: Tenant, wish: livekit.InboundTrunk, trunk_id: str, rule_id: str) -> SipTrunk:
    route_set(kind=Route.Kind.SIP_TRUNK, external_id=trunk_id, tenant=tenant)
    return SipTrunk.objects.create(
        name=wish.name,
        trunk_id=trunk_id,
        rule_id=rule_id,
        numbers=list(wish.numbers),
        allowed_addresses=list(wish.allowed_addresses),
        auth_user=wish.auth_username,
        auth_password=wish.auth_password,
    )


def _undo(trunk_id: str, rule_id: str) -> None:
    try:
        if rule_id:
            livekit.client().sip_rule_delete(rule_id)
        livekit.client().sip_trunk_delete(trunk_id)
    except (livekit.LiveKitUnreachable, livekit.LiveKitRefused) as error:
        log.error("sip_trunk_left_behind", trunk=trunk_id, rule=rule_id, error=str(error))


def _check(wish: livekit.InboundTrunk, own: SipTrunk | None = None) -> None:
    if not 0 < len(wish.name) <= 120:
        raise PermanentError("A trunk has a name of at most 120 characters.")
    if any(other != own for other in SipTrunk.objects.filter(name=wish.name)):
        raise PermanentError(f"There is a trunk named “{wish.name}” already; choose another name or delete it first.")
    if bool(wish.auth_username) != bool(wish.auth_password):
        raise PermanentError("Credentials are a user name and a password: give both.")
    if not wish.allowed_addresses and not wish.auth_username:
        raise PermanentError("Say who may call: the PBX's addresses, or a user name and password that it sends.")


def _tenant() -> Tenant:
    tenant = tenant_by_slug(schema_current())
    if tenant is None:
        raise PermanentError("A trunk belongs to a tenant; enter one first.")
    return tenant


def _number(raw: str, tenant: Tenant) -> str:
    number = number_normalise(raw, tenant.country)
    if not number_valid(number):
        raise PermanentError(f"“{raw}” is no number: use E.164 such as +12125550100, or the extension as it is dialled.")
    return number


def _address(raw: str) -> str:
    text = raw.strip()
    if HOST.match(text):
        return text.lower()
    try:
        network = ip_network(text, strict=False)
    except ValueError as error:
        raise PermanentError(f"“{raw}” is no address: use 203.0.113.7, 10.0.0.0/8 or a host name.") from error
    return str(network.network_address) if network.num_addresses == 1 else str(network)
