"""Putting a caller through whom no agent may answer: Media Bot says so, which picks the call up, and then comes the REFER."""

from datetime import timedelta

import structlog
from django.db import transaction
from django.utils import timezone

from apps.calls import livekit
from apps.calls.models import LIVE, Call, Dispatch, EndedReason, State
from apps.calls.sentences import announcement
from apps.calls.services.calls import call_change, call_end
from apps.calls.services.dispatches import MEDIA_BOT, dispatch_next, dispatches_send
from apps.calls.targets import refer_address
from apps.core.outbox import effect_enqueue

log = structlog.get_logger(__name__)
KIND = "calls.put_through"
SPEAKING = timedelta(seconds=45)  # after which nobody waits for the sentence any more


def call_put_through(*, call: Call, to: tuple[str, str], message: str, language: str) -> None:
    """Has Media Bot say that a colleague is called. Raises LiveKitUnreachable; the sweeper sends it then."""
    with transaction.atomic():
        if not Call.objects.select_for_update().filter(LIVE, pk=call.pk).exists():
            return
        call_change(call.pk, state=State.TRANSFERRING, detail=message)
        dispatch_next(call=call, agent_name=MEDIA_BOT, announcement={**announcement("put_through", language), "to": list(to)})
    log.info("call_put_through", call=str(call.pk))
    try:
        dispatches_send(call)
    except livekit.RoomGone:
        log.info("caller_gone_before_announcement", call=str(call.pk))


def through_asked(call: Call) -> Dispatch | None:
    """The sentence after which the call is to be put through, while it is not."""
    if call.state != State.TRANSFERRING:
        return None
    return call.dispatches.filter(announcement__to__isnull=False).order_by("-attempt").first()


def through_said(call: Call) -> None:
    """The sentence is said, or takes too long: the outbox puts the call through, once."""
    effect_enqueue(kind=KIND, key=f"{KIND}:{call.pk}", payload={"call": str(call.pk)})


def through_sweep(call: Call) -> bool:
    """A sentence that takes too long holds the caller no longer: whether it was so."""
    asked = through_asked(call)
    if asked is None or asked.requested_at >= timezone.now() - SPEAKING:
        return False
    through_said(call)
    return True


def through_do(call: Call) -> bool:
    """The REFER; the call ends as transferred, or where the exchange does not take it, with its limit as the reason.

    It is not tried twice: nobody knows whether the exchange rings already.
    """
    asked = through_asked(call)
    if asked is None or asked.announcement is None:
        return False
    name, number = asked.announcement["to"]
    try:
        livekit.client().participant_transfer(call.room_name, call.caller_identity, refer_address(number))
    except (livekit.LiveKitUnreachable, livekit.LiveKitRefused, livekit.RoomGone) as error:
        log.warning("put_through_failed", call=str(call.pk), why=type(error).__name__)
        detail = f"{call.detail} {name} could not be reached."
        return call_end(call_id=call.pk, reason=EndedReason.SPEND_LIMIT, detail=detail)
    return call_end(call_id=call.pk, reason=EndedReason.TRANSFERRED, detail=f"{call.detail} Put through to {name}.")
