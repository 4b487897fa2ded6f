"""Asking Atlas and Media Bot to join, exactly once per attempt."""

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Case, CharField, Q, Value, When
from django.utils import timezone

from apps.calls import livekit
from apps.calls.agents import AgentUnavailable, CallAgent, call_agent
from apps.calls.models import Call, Channel, Dispatch, PhoneNumber
from apps.calls.rooms import metadata_read
from apps.core.errors import TransientError
from apps.core.schema import schema_current
from apps.core.tokens import DRAFT, token_issue

log = structlog.get_logger(__name__)
Tone = Callable[[], str | None]

ATLAS = "atlas"
MEDIA_BOT = "media-bot"
LEASE = timedelta(seconds=6)  # longer than two answers of LiveKit may take
JOB_IDENTITY = "agent-"  # livekit-agents joins as this and the job's id
TOKEN_MARGIN = 3600  # a report that is retried after the call still finds its token good


class JobUnlisted(TransientError):
    """LiveKit lists the job of a dispatch about a second after its agent has come into the room."""


def dispatch_request(*, call: Call, agent_name: str, attempt: int, announcement: dict[str, Any] | None = None) -> Dispatch:
    """Decides that an agent is asked; the row is unique per attempt. Send it with dispatches_send after the commit."""
    dispatch, _ = Dispatch.objects.get_or_create(
        call=call, agent_name=agent_name, attempt=attempt, defaults={"announcement": announcement}
    )
    return dispatch


def dispatch_pair(call: Call, tone: str | None) -> None:
    """Asks Atlas and Media Bot, the first attempt, unless somebody does already. `tone` as ringback_of gives it.

    Raises LiveKitUnreachable; RoomGone when the caller is already away.
    """
    pair = [Dispatch(call=call, agent_name=agent_name, claimed_at=timezone.now()) for agent_name in (ATLAS, MEDIA_BOT)]
    try:
        with transaction.atomic():
            Dispatch.objects.bulk_create(pair)
    except IntegrityError:
        return
    _send_claimed(call, pair, lambda: tone)


def dispatch_next(*, call: Call, agent_name: str, announcement: dict[str, Any] | None = None) -> Dispatch:
    """One attempt more than so far."""
    last = Dispatch.objects.filter(call=call, agent_name=agent_name).order_by("-attempt").first()
    attempt = last.attempt + 1 if last else 1
    return dispatch_request(call=call, agent_name=agent_name, attempt=attempt, announcement=announcement)


def dispatches_send(call: Call) -> None:
    """Sends what was decided and is not on its way. Raises LiveKitUnreachable; RoomGone when the caller is already away."""
    waiting = [dispatch for dispatch in call.dispatches.filter(_unsent()).order_by("agent_name") if _claim(dispatch)]
    if waiting:
        _send_claimed(call, waiting, lambda: ringback_of(call))


def dispatch_joined(*, call: Call, agent_name: str, identity: str, at: datetime) -> Dispatch | None:
    """Marks the attempt that this agent came of as here; None for one that nobody asked, or asked no longer.

    Raises LiveKitUnreachable; JobUnlisted to be asked again soon.
    """
    asked = list(call.dispatches.filter(agent_name=agent_name).order_by("-attempt"))
    known = next((dispatch for dispatch in asked if dispatch.identity == identity), None)
    if known is not None:
        return known
    dispatch = _attempt_of(call, identity, [dispatch for dispatch in asked if not dispatch.identity])
    if dispatch is None:
        return None
    waiting = Dispatch.objects.filter(pk=dispatch.pk, state=Dispatch.State.REQUESTED)
    if not waiting.update(state=Dispatch.State.JOINED, identity=identity, joined_at=at):
        return Dispatch.objects.filter(pk=dispatch.pk, identity=identity).first()
    dispatch.state, dispatch.identity, dispatch.joined_at = Dispatch.State.JOINED, identity, at
    return dispatch


def _attempt_of(call: Call, identity: str, absent: list[Dispatch]) -> Dispatch | None:
    """Which of the attempts nobody came of yet; with several, LiveKit knows by the job. A withdrawn one it no longer lists."""
    if len(absent) < 2:
        return absent[0] if absent else None
    try:
        jobs = {other.id: other.jobs for other in livekit.client().dispatches_list(call.room_name)}
    except livekit.RoomGone:
        return None
    job = identity.removeprefix(JOB_IDENTITY)
    found = next((dispatch for dispatch in absent if job in jobs.get(dispatch.dispatch_id, ())), None)
    if found is None and any(d.state == Dispatch.State.REQUESTED and not jobs.get(d.dispatch_id) for d in absent):
        raise JobUnlisted(f"LiveKit does not say yet which dispatch {identity} came of.")
    return found


def dispatch_failed(dispatch: Dispatch) -> bool:
    """Marks an attempt as failed; False when somebody else did before."""
    open_ = Dispatch.objects.filter(pk=dispatch.pk).exclude(state=Dispatch.State.FAILED)
    return bool(open_.update(state=Dispatch.State.FAILED, failed_at=timezone.now()))


def dispatch_withdraw(call: Call, dispatch: Dispatch) -> None:
    """Ends what came of a dispatch, so that no late or silent one talks beside its successor. Raises LiveKitUnreachable."""
    if dispatch.dispatch_id:
        with suppress(livekit.RoomGone):
            livekit.client().dispatch_delete(call.room_name, dispatch.dispatch_id)
    if dispatch.identity:
        with suppress(livekit.RoomGone):
            livekit.client().participant_remove(call.room_name, dispatch.identity)


def _unsent() -> Q:
    free = Q(claimed_at=None) | Q(claimed_at__lt=timezone.now() - LEASE)
    return Q(state=Dispatch.State.REQUESTED, dispatch_id="") & free


def _claim(dispatch: Dispatch) -> bool:
    return bool(Dispatch.objects.filter(_unsent(), pk=dispatch.pk).update(claimed_at=timezone.now()))


def _send_claimed(call: Call, waiting: list[Dispatch], tone: Tone) -> None:
    """CreateDispatch is not idempotent, so what LiveKit lists for an attempt already is taken over instead."""
    try:
        known = livekit.client().dispatches_list(call.room_name)
        for dispatch in waiting:
            found = next((other.id for other in known if _same(other, dispatch)), None)
            dispatch.dispatch_id = found or _create(call, dispatch, tone)
            log.info("dispatched", call=str(call.pk), agent=dispatch.agent_name, attempt=dispatch.attempt, taken_over=bool(found))
    finally:
        _note(waiting)


def _create(call: Call, dispatch: Dispatch, tone: Tone) -> str:
    return livekit.client().dispatch_create(call.room_name, dispatch.agent_name, json.dumps(_metadata(call, dispatch, tone)))


def _note(waiting: list[Dispatch]) -> None:
    """Keeps the ids of what was sent. What was not may be claimed again at once: the next to do so lists first."""
    sent = {dispatch.pk: dispatch.dispatch_id for dispatch in waiting if dispatch.dispatch_id}
    if sent:
        ids = Case(*(When(pk=pk, then=Value(dispatch_id)) for pk, dispatch_id in sent.items()), output_field=CharField())
        Dispatch.objects.filter(pk__in=sent).update(dispatch_id=ids)
    if len(sent) < len(waiting):
        rest = [dispatch.pk for dispatch in waiting if not dispatch.dispatch_id]
        Dispatch.objects.filter(pk__in=rest, dispatch_id="").update(claimed_at=None)


def _same(other: livekit.AgentDispatch, dispatch: Dispatch) -> bool:
    return other.agent_name == dispatch.agent_name and metadata_read(other.metadata).get("attempt", 1) == dispatch.attempt


def _metadata(call: Call, dispatch: Dispatch, tone: Tone) -> dict[str, Any]:
    tenant, agent_id = schema_current(), str(call.agent_id) if call.agent_id else None
    token = token_issue(
        kind="call",
        tenant=tenant,
        agent_id=agent_id or "",
        subject_id=str(call.pk),
        ttl=call.max_seconds + TOKEN_MARGIN,
        version=DRAFT if call.trial else "",
    )
    metadata = {
        "tenant": tenant,
        "agent_id": agent_id,
        "call_id": str(call.pk),
        "token": token,
        "api_url": settings.API_URL,
        "attempt": dispatch.attempt,
    }
    if dispatch.agent_name == MEDIA_BOT:
        metadata["ringback"] = None if dispatch.announcement else tone()
    if dispatch.announcement:
        metadata["announcement"] = dispatch.announcement
    return metadata


def ringback_of(call: Call) -> str | None:
    """Whose ringing tone Media Bot plays until Atlas speaks; None for none: then the caller's own exchange rings on.

    None too for a Media Bot that comes into a call that was answered.
    """
    if call.answered_at is not None:
        return None
    number = PhoneNumber.objects.filter(number=call.to_number).first() if call.channel == Channel.SIP else None
    try:
        return ringback_by(number, call_agent(call.agent_id, trial=call.trial)) if call.agent_id else None
    except AgentUnavailable:
        return None


def ringback_by(number: PhoneNumber | None, agent: CallAgent) -> str | None:
    """The same, for a number and an agent that were read already: the number's own choice counts first."""
    if number is not None and number.ringback == PhoneNumber.Ringback.NATIVE:
        return None
    return (number.tone if number is not None else "") or agent.ringback
