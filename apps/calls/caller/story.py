"""A call as it is told in a terminal: lines as they happen, then what it took and what it cost."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from apps.billing.selectors import CostBreakdown
from apps.calls.models import Call, CallEvent, EventType
from apps.calls.selectors_transcript import transcript_of
from apps.calls.services.dispatches import ATLAS

Style = Callable[[str], str]
STATES = {"joined": "is here", "ringback_started": "rings", "ringback_stopped": "stops ringing"}
PARTS = {"end_of_turn": "end of turn", "transcription": "hearing", "llm_first_token": "thinking", "tts_first_audio": "voice"}


def line_of(event: CallEvent) -> tuple[str, str]:
    """(who, what) of an event worth a line; ("", "") for the others."""
    data = event.data
    if event.type == EventType.TRANSCRIPT:
        return data["speaker"], data["text"] + (" —" if data.get("interrupted") else "")
    if event.type == EventType.SENTIMENT:
        return "mood", f"{data['label']} ({data['score']:+.2f})"
    if event.type == EventType.LATENCY:
        return "latency", latency_of(data)
    if event.type == EventType.TOOL:
        return "tool", f"{data['name']} {'done' if data['ok'] else 'failed'} in {data['duration']:.2f} s"
    if event.type == EventType.ERROR:
        return "error", f"{event.system}: {data['message']}"
    if event.type == EventType.STATE and data["state"] in STATES:
        return "", f"{'Atlas' if event.system == ATLAS else 'Media Bot'} {STATES[data['state']]}"
    return "", ""


def latency_of(data: dict[str, Any]) -> str:
    """`0.81 s (thinking 0.20, voice 0.12)`."""
    parts = ", ".join(f"{name} {data[key]:.2f}" for key, name in PARTS.items() if data.get(key) is not None)
    return f"{data['e2e']:.2f} s" + (f" ({parts})" if parts else "")


def cost_lines(cost: CostBreakdown) -> list[tuple[str, str]]:
    """(part, amount) with the total first; a part without a price says so."""
    total = _money(cost.total_known, cost.currency) + ("" if cost.complete else " and what has no price")
    parts = [(part, "no price" if amount is None else _money(amount, cost.currency)) for part, amount in cost.parts.items()]
    return [("cost", total), *((f"  {part}", amount) for part, amount in parts if amount != _money(Decimal(), cost.currency))]


def summary(call: Call, events: list[CallEvent], cost: CostBreakdown | None) -> dict[str, Any]:
    """The same for programs."""
    said = transcript_of(call, events)
    return {
        "call_id": str(call.pk),
        "state": call.state,
        "ended_reason": call.ended_reason,
        "detail": call.detail,
        "answered": call.answered_at is not None,
        "duration": round(call.duration, 3),
        "transcript": [{"speaker": e.data["speaker"], "text": e.data["text"], "at": e.at.isoformat()} for e in said],
        "latency": [event.data for event in events if event.type == EventType.LATENCY],
        "sentiment": [event.data for event in events if event.type == EventType.SENTIMENT],
        "cost": _cost(cost),
    }


def _cost(cost: CostBreakdown | None) -> dict[str, Any] | None:
    if cost is None:
        return None
    parts = {part: None if amount is None else str(amount) for part, amount in cost.parts.items()}
    total = None if cost.total is None else str(cost.total)
    return {"currency": cost.currency, "total": total, "total_known": str(cost.total_known), "parts": parts}


def _money(amount: Decimal, currency: str) -> str:
    return f"{amount:.6f} {currency}"
