"""Calls as pages show them; use inside a tenant's schema."""

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from apps.billing.services import call_bill
from apps.calls.models import Call, CallEvent
from apps.core.ids import uuid7
from apps.tenants.models import Tenant
from tests.billing.factories import report_of

TALK = (
    ("agent", "Hello, this is Acme. How can I help you?", 2.0),
    ("caller", "My parcel is late and that is really annoying.", 9.0),
    ("agent", "I am sorry. It left our warehouse this mor", 13.0),
    ("caller", "Oh wonderful, thank you so much!", 19.0),
    ("agent", "You are welcome. Goodbye!", 22.0),
)
MOODS = ((9.4, -0.62, "negative"), (19.5, 0.78, "positive"))
DELAYS = ((13.2, 0.92), (22.3, 1.31))


def call_make(*, ago: float = 600, lasted: float | None = 61.4, **fields: Any) -> Call:
    """A call that began `ago` seconds ago and, unless `lasted` is None, has ended."""
    began = timezone.now() - timedelta(seconds=ago)
    values = {
        "channel": "webrtc",
        "room_name": f"call_acme_{uuid7()}",
        "agent_id": uuid7(),
        "agent_slug": "reception",
        "agent_name": "Reception",
        "started_at": began,
        "joined_at": began,
        "answered_at": began + timedelta(seconds=2),
        "state": "in_progress" if lasted is None else "completed",
        "ended_at": None if lasted is None else began + timedelta(seconds=lasted),
        "ended_reason": "" if lasted is None else "caller_hangup",
    }
    return Call.objects.create(**{**values, **fields})


def events_make(call: Call, source: str, *rows: tuple[str, float, dict[str, Any]]) -> None:
    """Events of one source: (type, seconds into the call, data)."""
    start = CallEvent.objects.filter(call=call, source=source).count()
    for seq, (kind, at, data) in enumerate(rows, start):
        CallEvent.objects.create(call=call, source=source, seq=seq, type=kind, at=_at(call, at), data=data)


def _at(call: Call, after: float) -> datetime:
    return call.started_at + timedelta(seconds=after)


def talk_make(call: Call) -> None:
    """Five turns, the third one interrupted, with moods, delays, a tool and an error."""
    said = [("transcript", at, {"speaker": who, "text": text, "interrupted": at == 13.0}) for who, text, at in TALK]
    delays = [("latency", at, {"turn": turn, "e2e": delay}) for turn, (at, delay) in enumerate(DELAYS, 1)]
    tool = ("tool", 12.0, {"name": "order_status", "ok": True, "duration": 0.21})
    error = ("error", 20.0, {"code": "stt", "message": "Deepgram closed the stream; reconnecting.", "recoverable": True})
    events_make(call, "atlas", ("state", 1.0, {"state": "listening"}), *said, *delays, tool, error)
    moods = [("sentiment", at, {"speaker": "caller", "score": score, "label": label}) for at, score, label in MOODS]
    events_make(call, "media-bot", ("state", 0.5, {"state": "ringback_started"}), *moods)


def bill(call: Call, tenant: Tenant, **changes: Any) -> None:
    """Bills the call as Atlas would."""
    call_bill(tenant=tenant, call_id=call.pk, report=report_of(call_id=str(call.pk), **changes))
    Call.objects.filter(pk=call.pk).update(billed_at=timezone.now())
