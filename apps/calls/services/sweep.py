"""Calls as they are recorded against rooms as they are: a lost webhook or a dead agent delays, and never loses."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

import structlog
from django.db import DatabaseError
from django.db.models import Q
from django.utils import timezone
from django_tenants.utils import schema_context

from apps.calls import livekit
from apps.calls.models import LIVE, LIVE_SQL, Call
from apps.calls.rooms import is_caller, metadata_read, room_tenant
from apps.calls.services.alone import alone
from apps.calls.services.arrivals import caller_arrived
from apps.calls.services.bills import calls_bill
from apps.calls.services.calm import sweep_noted
from apps.calls.services.strangers import is_stranger, stranger_note
from apps.calls.services.sweep_ended import ended_room_sweep
from apps.calls.services.sweep_live import live_sweep
from apps.calls.services.sweep_suspended import suspended_call_end
from apps.core.errors import Ignored, MeridianError
from apps.core.schema import schemas_where
from apps.tenants.models import Tenant
from apps.tenants.selectors import tenants_kept

log = structlog.get_logger(__name__)
Rooms = dict[str, livekit.Room]

LOCK = 0x63616C6C73  # pg advisory lock, the bytes of "calls"
ROOM_WITHOUT_CALL = timedelta(seconds=90)
OPEN = LIVE | Q(ended_at__isnull=False, billed_at=None) | Q(ended_at__isnull=False, room_deleted_at=None)


def calls_sweep() -> int:
    """One pass over every tenant, also a suspended one; returns how many calls it looked at. Nothing while another pass runs."""
    with alone(LOCK) as first:
        if not first:
            return 0
        sweep_noted()
        return _sweep()


def _sweep() -> int:
    tenants = {tenant.schema_name: tenant for tenant in tenants_kept()}
    rooms, seen_at = _rooms(), timezone.now()
    everything = None if rooms is None else {room.name: room for room in rooms}
    by_tenant: dict[str, Rooms] = {}
    for room in rooms or ():
        by_tenant.setdefault(_tenant_of(room), {})[room.name] = room
    busy = _tenants_with_open_calls(sorted(tenants)) | (by_tenant.keys() & tenants.keys())
    count = 0
    for schema in sorted(busy):
        with schema_context(schema):
            count += _tenant_sweep(tenants[schema], everything, by_tenant.get(schema, {}), seen_at)
    for schema in by_tenant.keys() - tenants.keys():
        _strangers_sweep(by_tenant[schema].values())
    return count


def _strangers_sweep(rooms: Iterable[livekit.Room]) -> None:
    """Callers in rooms of no company, as far as they are new; everything else in there is somebody else's business."""
    newest = (timezone.now() - ROOM_WITHOUT_CALL).timestamp()
    for room in rooms:
        if room.participants and room.created_at > newest:
            _guarded(lambda room=room: _stranger_sweep(room), room=room.name)  # type: ignore[misc]


def _stranger_sweep(room: livekit.Room) -> None:
    caller = _caller_in(room)
    if caller is not None:
        stranger_note(room=room, caller=caller)


def _tenant_sweep(tenant: Tenant, rooms: Rooms | None, own: Rooms, seen_at: datetime) -> int:
    """`rooms`: all there are, since a trunk's may have any name; None while LiveKit does not answer, and no room is looked at."""
    calls = list(Call.objects.filter(OPEN).order_by("started_at"))
    if rooms is not None:
        for call in calls:
            _guarded(lambda call=call: _call_sweep(tenant, call, rooms.get(call.room_name), seen_at), call=str(call.pk))  # type: ignore[misc]
        _rooms_without_call(own, known={call.room_name for call in calls})
    unbilled = [call for call in calls if call.ended_at is not None and call.billed_at is None]
    if unbilled:
        _guarded(lambda: calls_bill(tenant=tenant, calls=unbilled), tenant=tenant.schema_name)
    return len(calls)


def _call_sweep(tenant: Tenant, call: Call, room: livekit.Room | None, seen_at: datetime) -> None:
    if call.is_live and tenant.status == Tenant.Status.SUSPENDED:
        suspended_call_end(call, room)
    elif call.is_live:
        live_sweep(call, room, seen_at)
    elif call.room_deleted_at is None:
        ended_room_sweep(call, room)


def _rooms_without_call(rooms: Rooms, known: set[str]) -> None:
    names = rooms.keys() - known
    names -= set(Call.objects.filter(room_name__in=names).values_list("room_name", flat=True)) if names else set()
    for name in names:
        _guarded(lambda name=name: _room_adopt(rooms[name]), room=name)  # type: ignore[misc]


def _room_adopt(room: livekit.Room) -> None:
    """A caller whose join was lost gets a call, or hears that nobody is reached here; an old room without one is deleted."""
    caller = _caller_in(room)
    if caller is not None and is_stranger(caller, room):
        stranger_note(room=room, caller=caller)
    elif caller is not None:
        caller_arrived(room_name=room.name, caller=caller, at=timezone.now(), metadata=room.metadata)
    elif room.created_at < (timezone.now() - ROOM_WITHOUT_CALL).timestamp():
        livekit.client().room_delete(room.name)


def _caller_in(room: livekit.Room) -> livekit.Participant | None:
    """A phone's first, then whoever is there the longest."""
    people = livekit.client().participants_list(room.name)
    callers = [person for person in people if is_caller(person, room.metadata)]
    return min(callers, key=lambda person: (person.kind != "SIP", person.joined_at), default=None)


def _guarded(do: Callable[[], None], **what: str) -> None:
    """One call that cannot be dealt with now must not keep the others waiting."""
    try:
        do()
    except Ignored:
        return
    except (MeridianError, DatabaseError) as error:
        log.warning("sweep_failed", error=str(error), kind=type(error).__name__, **what)


def _rooms() -> list[livekit.Room] | None:
    try:
        return livekit.client().rooms_list()
    except (livekit.LiveKitUnreachable, livekit.LiveKitRefused) as error:
        log.warning("livekit_unreachable", error=str(error))
        return None


def _tenant_of(room: livekit.Room) -> str:
    return room_tenant(room.name) or str(metadata_read(room.metadata).get("tenant") or "")


def _tenants_with_open_calls(schemas: Sequence[str]) -> set[str]:
    """One cheap look into every tenant's partial indexes instead of entering each."""
    return set(schemas_where(schemas, _has_open_calls))


def _has_open_calls(schema: str) -> str:
    return (
        f"EXISTS (SELECT 1 FROM {schema}.calls_call WHERE {LIVE_SQL})"  # noqa: S608 our own names
        f" OR EXISTS (SELECT 1 FROM {schema}.calls_call WHERE billed_at IS NULL AND ended_at IS NOT NULL)"
        f" OR EXISTS (SELECT 1 FROM {schema}.calls_call WHERE room_deleted_at IS NULL AND ended_at IS NOT NULL)"
    )
