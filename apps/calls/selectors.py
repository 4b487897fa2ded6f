"""Reads of calls that agents, commands and pages share."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django_tenants.utils import schema_context

from apps.calls.models import LIVE, Call, CallEvent, CallRecording, EventType
from apps.calls.services.dispatches import MEDIA_BOT
from apps.tenants.models import Tenant

NOT_COUNTED = {"kind", "provider", "model"}
RECORDED = {"kind": "recording", "provider": "livekit", "model": "audio"}
BESIDE = ("stt", "llm")  # what Media Bot uses in a call, for its transcript and the sentiment


def calls_live() -> QuerySet[Call]:
    """Calls that have not ended, the oldest first."""
    return Call.objects.filter(LIVE).order_by("started_at")


def call_usage(call: Call, system: str | None = None) -> list[dict[str, Any]]:
    """What a call used so far, as rows of POST /billing/calls; each run reports cumulatively, so the last of each counts.

    `system` keeps the runs of `atlas` or `media-bot` only.
    """
    last: dict[str, CallEvent] = {}
    for event in call.events.filter(type=EventType.USAGE).order_by("seq"):
        if system in (None, event.system):
            last[event.source] = event
    return usage_merged(row for event in last.values() for row in event.data.get("usage", []))


def call_usage_beside(tenant: Tenant, call_id: UUID) -> list[dict[str, Any]]:
    """What Media Bot used in a call so far, for its bill: rows as of POST /billing/calls, each with `system`."""
    with schema_context(tenant.schema_name):
        rows = [row for row in call_usage(Call(pk=call_id), MEDIA_BOT) if row.get("kind") in BESIDE] + _recorded(call_id)
    return [{**row, **_rounded(row), "system": MEDIA_BOT} for row in rows]


def _recorded(call_id: UUID) -> list[dict[str, Any]]:
    """What was recorded, once its seconds are final: they stay when the sound is deleted, and none of them comes of an event."""
    closed = CallRecording.objects.filter(call=call_id, closed_at__isnull=False, recorded_seconds__gt=0)
    return [{**RECORDED, "audio_duration": seconds} for seconds in closed.values_list("recorded_seconds", flat=True)]


def _rounded(row: dict[str, Any]) -> dict[str, float]:
    """Sums of parts of a second, as no order of adding them changes them."""
    return {name: round(value, 3) for name, value in row.items() if isinstance(value, float)}


def usage_merged(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Adds up the counts of rows with the same kind, provider and model."""
    merged: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        key = tuple(row.get(name) for name in sorted(NOT_COUNTED))
        total = merged.setdefault(key, {name: row.get(name) for name in ("kind", "provider", "model")})
        for name, value in row.items():
            if name not in NOT_COUNTED and isinstance(value, int | float) and not isinstance(value, bool):
                total[name] = total.get(name, 0) + value
    return list(merged.values())
