"""Calls whose agent sent no bill are billed from their events."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import structlog
from django.db import transaction
from django.utils import timezone

from apps.billing.models import LedgerEntry
from apps.billing.selectors import call_costs
from apps.billing.services import ReportConflict, ReportInvalid, call_beside_bill, call_bill
from apps.calls.models import Call
from apps.calls.selectors import call_usage
from apps.calls.services.calls import call_change
from apps.calls.services.calm import silence_means_dead
from apps.calls.services.dispatches import ATLAS
from apps.calls.services.spending import call_unspent
from apps.tenants.models import Tenant

log = structlog.get_logger(__name__)

GRACE = timedelta(seconds=20)


def calls_bill(*, tenant: Tenant, calls: Sequence[Call]) -> None:
    """Notes which ended calls are billed by now, and bills those whose agent had GRACE to do it."""
    billed = call_costs(tenant, [call.pk for call in calls])
    unbilled = []
    for call in calls:
        if call.pk in billed:
            _complete(tenant, call)
        elif call.ended_at is not None and call.ended_at < timezone.now() - GRACE:
            unbilled.append(call)
    if unbilled and silence_means_dead():  # else Atlas's own bill waits for the web side, and has all of it
        for call in unbilled:
            _bill(tenant, call)


@transaction.atomic
def _complete(tenant: Tenant, call: Call) -> None:
    """The row first: what Media Bot tells after it was read here finds the call billed, and has it looked at once more."""
    call_change(call.pk, billed_at=timezone.now())
    call_beside_bill(tenant=tenant, call_id=call.pk)


@transaction.atomic
def _bill(tenant: Tenant, call: Call) -> None:
    """The row first, as in `_complete`."""
    call_change(call.pk, billed_at=timezone.now())
    usage = call_usage(call, ATLAS)  # as Atlas itself would have reported it
    if usage or call.answered_at is not None:
        try:
            call_bill(tenant=tenant, call_id=call.pk, report=report_of(call, usage), source=LedgerEntry.Source.SWEEP)
        except (ReportConflict, ReportInvalid) as error:
            log.error("not_billed_from_events", call=str(call.pk), error=str(error))
        else:
            log.info("billed_from_events", call=str(call.pk))
    call_unspent(tenant, call)


def report_of(call: Call, usage: list[dict[str, Any]]) -> dict[str, Any]:
    """The body of POST /billing/calls for a call, from its record."""
    return {
        "call_id": str(call.pk),
        "agent_id": str(call.agent_id),
        "channel": call.channel,
        "started_at": (call.joined_at or call.started_at).isoformat(),
        "ended_at": (call.ended_at or timezone.now()).isoformat(),
        "duration": round(call.duration, 3),
        "ended_reason": call.ended_reason,
        "transcript_ref": f"/calls/{call.pk}/transcript",
        "usage": usage,
    }
