"""The life of a call: begun, joined, answered, ended."""

import json
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, models, transaction
from django.db.models import F
from django.utils import timezone

from apps.calls.agents import CallAgent
from apps.calls.models import LIVE, Call, Channel, EndedReason, State
from apps.calls.rooms import room_name_for
from apps.compass.services.webhooks import webhook_event
from apps.core.ids import uuid7
from apps.core.moments import utc_text
from apps.core.outbox import effect_enqueue
from apps.core.realtime import hint_publish
from apps.core.schema import schema_current

OUTCOMES = {
    EndedReason.CALLER_HANGUP: State.COMPLETED,
    EndedReason.AGENT_HANGUP: State.COMPLETED,
    EndedReason.TRANSFERRED: State.COMPLETED,
    EndedReason.MAX_DURATION: State.COMPLETED,
    EndedReason.SPEND_LIMIT: State.COMPLETED,
    EndedReason.SUSPENDED: State.COMPLETED,
    EndedReason.NO_AGENT: State.FAILED,
    EndedReason.ERROR: State.FAILED,
}

UNANSWERED = {
    EndedReason.CALLER_HANGUP: State.MISSED,
    EndedReason.SPEND_LIMIT: State.FAILED,
    EndedReason.SUSPENDED: State.FAILED,
}


def call_hint(call_id: Any, version: int, kind: str = "call.changed") -> None:
    """Tells the pages that show this call, and the list, to refetch."""
    schema = schema_current()
    for topic in ("calls", f"call:{call_id}"):
        hint_publish(schema, topic, kind, str(call_id), version)


def call_change(call_id: Any, **values: Any) -> None:
    """Writes fields of a call and tells the pages. The caller has decided that they may change."""
    Call.objects.filter(pk=call_id).update(**values, version=F("version") + 1)
    version = Call.objects.values_list("version", flat=True).get(pk=call_id)
    call_hint(call_id, version)


def call_change_as_read(call: Call, allowed: models.Q | None = None, **values: Any) -> bool:
    """As call_change, in one statement, for a call that has not changed since `call` was read; False when it has."""
    unchanged = Call.objects.filter(allowed or models.Q(), pk=call.pk, version=call.version)
    if not unchanged.update(**values, version=call.version + 1):
        return False
    for name, value in {**values, "version": call.version + 1}.items():
        setattr(call, name, value)
    call_hint(call.pk, call.version)
    return True


@transaction.atomic
def call_begin_webrtc(*, agent: CallAgent, identity: str, name: str = "", trial: bool = False) -> Call:
    """Records a call from a browser, before its room exists."""
    pk = uuid7()
    call = Call.objects.create(
        id=pk,
        channel=Channel.WEBRTC,
        room_name=room_name_for(schema_current(), pk),
        caller_identity=identity,
        caller_name=name,
        trial=trial,
        **agent.snapshot,
    )
    call_hint(call.pk, call.version)
    _tell("call.started", call)
    return call


def call_begin_sip(*, room_name: str, identity: str, name: str, attributes: dict[str, str], to_number: str) -> Call:
    """The call of a SIP participant, made once per room however often it is asked for."""
    number = attributes.get("sip.phoneNumber", "")
    call = Call(
        room_name=room_name,
        channel=Channel.SIP,
        caller_identity=identity,
        caller_name="" if name == f"Phone {number}" else name[:120],  # which is how LiveKit calls a caller without a name
        from_number=number[:64],
        to_number=to_number[:64],
        sip_call_id=attributes.get("sip.callIDFull", "")[:191],
        sip_trunk_id=attributes.get("sip.trunkID", "")[:64],
    )
    return _begin_once(call)


def call_begin_found(*, room_name: str, identity: str, name: str, agent_id: UUID | None) -> Call:
    """The call of a caller in a room that somebody made for an agent, once per room however often it is asked for."""
    caller = {"caller_identity": identity, "caller_name": name[:120]}
    return _begin_once(Call(room_name=room_name, channel=Channel.WEBRTC, agent_id=agent_id, **caller))


def _begin_once(call: Call) -> Call:
    """Records it, unless there is one of its room by now: then that one."""
    try:
        with transaction.atomic():
            call.save(force_insert=True)
            call_hint(call.pk, call.version)
            _tell("call.started", call)
    except IntegrityError:
        return Call.objects.get(room_name=call.room_name)
    return call


def call_joined(*, call: Call, identity: str, at: datetime) -> bool:
    """The caller is in the room. False when the call is over or `identity` is somebody else."""
    expected = LIVE & models.Q(joined_at=None, caller_identity__in=("", identity))
    return call_change_as_read(call, expected, joined_at=at, caller_identity=identity, left_at=None) or _joined(
        call, identity, at
    )


@transaction.atomic
def _joined(call: Call, identity: str, at: datetime) -> bool:
    """The same for a call that is not as it was read, or whose caller was here before."""
    fresh = Call.objects.select_for_update().get(pk=call.pk)
    if not fresh.is_live or fresh.caller_identity not in ("", identity):
        return False
    if fresh.joined_at is None:
        call_change(fresh.pk, joined_at=at, caller_identity=identity, left_at=None)
    elif fresh.left_at is not None:
        Call.objects.filter(pk=fresh.pk).update(left_at=None)
    return True


def call_left(*, call: Call, at: datetime) -> None:
    """The caller is out of the room, but may be on the way back (a reconnecting browser). The sweeper ends it if not."""
    Call.objects.filter(LIVE, pk=call.pk, left_at=None).update(left_at=at)


def call_assign(*, call: Call, agent: CallAgent, to_number: str) -> None:
    """Notes which agent answers a call that came by phone number."""
    values = {**agent.snapshot, "to_number": to_number}
    if call_change_as_read(call, **values):
        return
    call_change(call.pk, **values)
    for name, value in values.items():
        setattr(call, name, value)


@transaction.atomic
def call_end(
    *, call_id: Any, reason: EndedReason | str, detail: str = "", at: datetime | None = None, keep_room: bool = False
) -> bool:
    """Ends a live call, once: later calls return False. `keep_room` leaves the room for an announcement."""
    call = Call.objects.select_for_update().filter(LIVE, pk=call_id).first()
    if call is None:
        return False
    reason = EndedReason(reason)
    call_change(
        call.pk,
        state=_outcome(call, reason),
        ended_reason=reason,
        detail=detail or _detail(call, reason),
        ended_at=max(at or timezone.now(), call.started_at),
    )
    call.refresh_from_db()
    _tell("call.ended", call)
    if not keep_room:
        room_delete_enqueue(call)
    return True


def _tell(type: str, call: Call) -> None:
    """A webhook event; a call on trial is nobody's business outside."""
    if not call.trial:
        webhook_event(type=type, data=call_data(call))


def call_data(call: Call) -> dict[str, Any]:
    """The `data` of call.started and call.ended; durations in seconds."""
    return {
        "call_id": str(call.pk),
        "channel": call.channel,
        "agent_id": str(call.agent_id) if call.agent_id else None,
        "from_number": call.from_number,
        "to_number": call.to_number,
        "state": call.state,
        "ended_reason": call.ended_reason or None,
        "started_at": utc_text(call.started_at),
        "duration": round(call.duration, 3) if call.ended_at else None,
    }


def room_delete_enqueue(call: Call) -> None:
    """Has the room deleted once this transaction is committed; repeats change nothing."""
    effect_enqueue(kind="calls.room_delete", key=f"room_delete:{call.room_name}", payload={"room": call.room_name})


def room_gone(call: Call) -> None:
    """Notes that the room is no more."""
    Call.objects.filter(pk=call.pk, room_deleted_at=None).update(room_deleted_at=timezone.now())


def room_metadata(call: Call, *, refused: str = "") -> str:
    """The room's metadata of contracts.md; `refused` is the code of sentences.REASONS when no agent takes the call."""
    agent_id = str(call.agent_id) if call.agent_id else None
    told = {"tenant": schema_current(), "agent_id": agent_id, "call_id": str(call.pk)}
    return json.dumps({**told, "refused": refused} if refused else told)


def _outcome(call: Call, reason: EndedReason) -> State:
    if call.answered_at is None and reason in UNANSWERED:
        return UNANSWERED[reason]
    return OUTCOMES[reason]


def _detail(call: Call, reason: EndedReason) -> str:
    if reason == EndedReason.CALLER_HANGUP and call.joined_at is None:
        return "The caller never came into the room."
    if reason == EndedReason.CALLER_HANGUP and call.answered_at is None:
        return "The caller hung up before the agent answered."
    if reason == EndedReason.MAX_DURATION:
        return f"The call reached its longest duration of {call.max_seconds} seconds."
    if reason == EndedReason.ERROR:
        return "The agent could not go on; its errors are in the timeline."
    return ""
