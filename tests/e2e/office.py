"""The office of the running stack: a process with its settings that sets agents up and reads what was recorded.

`python -m tests.e2e.office` takes one JSON object a line, {"do": name, …}, and gives one, {"ok": …} or {"error": "…"}.
"""

from __future__ import annotations

import json
import sys
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import django
from django.db import close_old_connections
from django.db.models import Model
from django_tenants.utils import schema_context

django.setup()

from apps.billing.models import BillingConflict, LedgerEntry  # noqa: E402
from apps.calls.models import Call, CallRecording, RecordingPart  # noqa: E402
from apps.calls.selectors_transcript import call_transcript  # noqa: E402
from apps.calls.services.numbers import number_set  # noqa: E402
from apps.calls.services.trunks import sip_trunk_create  # noqa: E402
from apps.compass.models import Agent  # noqa: E402
from apps.compass.services import (  # noqa: E402
    agent_create,
    agent_disable,
    agent_publish,
    credential_set,
    secret_set,
)
from apps.core.errors import MeridianError  # noqa: E402
from apps.desktop.selectors import (  # noqa: E402
    conversation_counts,
    conversation_get,
    conversations_list,
    messages_of,
    sort_of,
)
from apps.desktop.views.listing import STEP, Row  # noqa: E402
from apps.tenants.models import User  # noqa: E402
from apps.whatsapp.models import AgentPhoneMapping, Turn  # noqa: E402
from apps.whatsapp.services.numbers import mapping_set  # noqa: E402

PARTS = ("transport", "stt", "llm", "tts", "messages", "platform")


def agent(tenant: str, slug: str, config: dict[str, Any], publish: bool = True) -> str:
    """Make an agent, published unless told otherwise; its id."""
    with schema_context(tenant):
        made = agent_create(slug=slug, name=slug.title(), config=config)
        if publish:
            agent_publish(agent=made)
        return str(made.pk)


def disable(tenant: str, slug: str) -> None:
    """Switch an agent off."""
    with schema_context(tenant):
        agent_disable(agent=Agent.objects.get(slug=slug))


def credential(tenant: str, provider: str, api_key: str, base_url: str) -> None:
    """Store a tenant's own account at a provider."""
    with schema_context(tenant):
        credential_set(provider=provider, api_key=api_key, base_url=base_url)


def secret(tenant: str, name: str, value: str) -> None:
    """Store a secret for tools."""
    with schema_context(tenant):
        secret_set(name=name, value=value)


def trunk(tenant: str, name: str, numbers: list[str], login: tuple[str, str] | None = None) -> str:
    """Make an inbound trunk for these numbers, for this machine or whoever has the log-in; LiveKit's id of it."""
    user, password = login or ("", "")
    allowed = () if login else ("127.0.0.1",)
    with schema_context(tenant):
        return sip_trunk_create(
            name=name, numbers=numbers, allowed_addresses=allowed, auth_user=user, auth_password=password
        ).trunk_id


def number(tenant: str, number: str, agent_id: str, ringback: str = "answer") -> None:
    """Map a number to an agent."""
    with schema_context(tenant):
        number_set(number=number, agent_id=agent_id, ringback=ringback)


def whatsapp(tenant: str, phone_number_id: str, agent_id: str) -> None:
    """Let an agent answer a WhatsApp number, with the team Support behind it."""
    with schema_context(tenant):
        known = AgentPhoneMapping.objects.get(phone_number_id=phone_number_id)
        mapping_set(phone_number_id=phone_number_id, agent_id=agent_id, team="support", waba_id=known.waba_id)


def turns(tenant: str, conversation_id: str) -> list[dict[str, Any]]:
    """Herald's turns of a conversation, oldest first, with what came of them."""
    with schema_context(tenant):
        rows = Turn.objects.filter(conversation_id=conversation_id).order_by("created_at")
        return [
            _columns(turn, "state", "usage", "note")
            | {"events": [_columns(event, "seq", "event", "dropped") for event in turn.events.order_by("seq")]}
            for turn in rows
        ]


def desk(tenant: str, email: str, view: str) -> dict[str, Any]:
    """What the database has for a person's view of the desktop: its first rows in their order, and the counts of all views."""
    user_id = User.objects.get(email=email).pk
    with schema_context(tenant):
        rows = conversations_list(user_id=user_id, view=view, sort=sort_of(view, {}))[:STEP]
        shown = [[str(row.pk), Row(row, "", False).text, row.unread] for row in rows]
        return {"rows": shown, "counts": conversation_counts(user_id)}


def said(tenant: str, conversation_id: str) -> list[str]:
    """The texts of a conversation's messages and notes, oldest first; those without one are left out."""
    with schema_context(tenant):
        return [message.text for message in messages_of(conversation_get(conversation_id)) if message.text]


def calls(tenant: str, **which: str) -> list[str]:
    """The ids of a tenant's calls, or of those to one number."""
    with schema_context(tenant):
        return [str(pk) for pk in Call.objects.filter(**which).values_list("pk", flat=True)]


def call(tenant: str, call_id: str = "", room: str = "") -> dict[str, Any] | None:
    """Everything recorded about a call, by its id or its room."""
    with schema_context(tenant):
        found = Call.objects.filter(**({"pk": call_id} if call_id else {"room_name": room})).first()
        return _record(tenant, found) if found else None


def recording(tenant: str, call_id: str) -> dict[str, Any] | None:
    """A call's recording with its sound; None while there is none."""
    with schema_context(tenant):
        found = CallRecording.objects.select_related("call").filter(call=call_id).first()
        if found is None:
            return None
        columns = _columns(found, "state", "seconds", "recorded_seconds", "segments", "size")
        sound = b64encode(found.file.read()).decode() if found.file else ""
        return {**columns, "call_seconds": found.call.duration, "sound": sound}


def _record(tenant: str, found: Call) -> dict[str, Any]:
    columns = ("state", "ended_reason", "detail", "channel", "from_number", "to_number", "agent_slug", "room_name")
    ledger = LedgerEntry.objects.filter(call_id=found.pk).order_by("revision")
    return {
        "id": str(found.pk),
        **{name: getattr(found, name) for name in columns},
        "events": [{**e.data, **_columns(e, "source", "seq", "type")} for e in found.events.order_by("at", "id")],
        "said": [e.data for e in call_transcript(found)],
        "parts": [_columns(part, "run", "number") for part in RecordingPart.objects.filter(recording__call=found)],
        "dispatches": [_columns(d, "agent_name", "attempt", "state", "announcement") for d in found.dispatches.order_by("pk")],
        "ledger": [_entry(entry) for entry in ledger],
        "conflicts": BillingConflict.objects.filter(call_id=found.pk).count(),
        "foreign_entries": ledger.exclude(tenant__schema_name=tenant).count(),
    }


def _entry(entry: LedgerEntry) -> dict[str, Any]:
    money = {name: str(value) for name in ("total", *PARTS) if (value := getattr(entry, name)) is not None}
    return {**_columns(entry, "usage", "unpriced", "source", "ended_reason", "channel"), "money": money}


def _columns(row: Model, *names: str) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


OFFICE = (agent, disable, credential, secret, trunk, number, whatsapp, turns, desk, said, calls, call, recording)
DOES: dict[str, Callable[..., Any]] = {do.__name__: do for do in OFFICE}


def main() -> None:
    """Serve requests until the standard input ends."""
    for line in sys.stdin:
        request = json.loads(line)
        close_old_connections()  # Postgres may have been killed since
        try:
            answer: dict[str, Any] = {"ok": DOES[request.pop("do")](**request)}
        except MeridianError as error:
            answer = {"error": str(error)}
        print(json.dumps(answer, default=str), flush=True)


if __name__ == "__main__":
    main()
