"""A Media Bot that did not come or did not stay: the next one is asked, one at a time, within limits.

`listens` is one that accompanies a call, `speaks` one that says an announcement; a call may have one of each.
"""

from contextlib import suppress

import structlog
from django.db import transaction

from apps.calls import livekit
from apps.calls.models import Call, Dispatch
from apps.calls.services.dispatches import MEDIA_BOT, dispatch_failed, dispatch_request, dispatch_withdraw, dispatches_send

log = structlog.get_logger(__name__)

LISTENERS_AT_MOST = 4
SPEAKERS_AT_MOST = 3


def media_bots_asked(call: Call, *, speaks: bool) -> list[Dispatch]:
    """Those asked to say an announcement, or to accompany the call, the newest first."""
    return list(call.dispatches.filter(agent_name=MEDIA_BOT, announcement__isnull=not speaks).order_by("-attempt"))


def media_bot_replace(*, call: Call, lost: Dispatch) -> bool:
    """Withdraws one and asks the next, once per lost one; False when enough were asked. Raises LiveKitUnreachable."""
    dispatch_failed(lost)
    dispatch_withdraw(call, lost)
    if not _next(call, lost):
        return False
    log.warning("media_bot_replaced", call=str(call.pk), attempt=lost.attempt + 1)
    with suppress(livekit.RoomGone):  # the caller is away; room_finished or the sweeper ends the call
        dispatches_send(call)
    return True


@transaction.atomic
def _next(call: Call, lost: Dispatch) -> bool:
    """Under the call's lock, since an announcement that ends the call takes its attempt from the same row of numbers."""
    is_live = Call.objects.select_for_update().get(pk=call.pk).is_live
    speaks = lost.announcement is not None
    if not (speaks or is_live):
        return False
    asked = media_bots_asked(call, speaks=speaks)
    if asked[0].attempt == lost.attempt and len(asked) >= (SPEAKERS_AT_MOST if speaks else LISTENERS_AT_MOST):
        return False
    dispatch_request(call=call, agent_name=MEDIA_BOT, attempt=lost.attempt + 1, announcement=lost.announcement)
    return True
