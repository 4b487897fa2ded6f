"""Calls and rooms that the sweeper's tests begin with."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.utils import timezone
from django_tenants.utils import schema_context

from apps.calls.livekit import Participant
from apps.calls.models import Call

ROOM = "call_acme_1"
CALLER = Participant("caller-1")
ATLAS = Participant("agent-AJ_1", "AGENT", attributes={"lk.agent_name": "atlas"})
MEDIA_BOT = Participant("agent-2", "AGENT", attributes={"lk.agent_name": "media-bot"})
Sweep = Callable[[], None]


def ago(seconds: float) -> Any:
    """The moment so many seconds before now."""
    return timezone.now() - timedelta(seconds=seconds)


def refreshed(call: Call) -> Call:
    """The call as it is now."""
    with schema_context("acme"):
        return Call.objects.get(pk=call.pk)
