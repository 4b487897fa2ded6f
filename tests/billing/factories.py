"""Reports for tests."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.test import Client
from django_tenants.utils import schema_context

from apps.core.ids import uuid7
from apps.core.schema import schema_current
from apps.core.tokens import token_issue

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
USAGE: list[dict[str, Any]] = [
    {"kind": "stt", "provider": "deepgram", "model": "nova-3", "audio_duration": 40.2},
    {
        "kind": "llm",
        "provider": "openai",
        "model": "gpt-4o-mini",
        "input_tokens": 900,
        "input_cached_tokens": 0,
        "output_tokens": 120,
    },
    {"kind": "tts", "provider": "elevenlabs", "model": "eleven_flash_v2_5", "characters_count": 310},
]


def report_of(**changes: Any) -> dict[str, Any]:
    """The body of contracts.md, for a new call unless `call_id` says which."""
    call_id = changes.pop("call_id", None) or str(uuid7())
    body = {
        "call_id": call_id,
        "agent_id": "0198c0de-0000-7000-8000-00000000000a",
        "channel": "webrtc",
        "started_at": "2026-03-02T09:00:00.000Z",
        "ended_at": (START + timedelta(seconds=61.4)).isoformat().replace("+00:00", "Z"),
        "duration": 61.4,
        "ended_reason": "caller_hangup",
        "transcript_ref": f"/calls/{call_id}/transcript",
        "usage": USAGE,
    }
    return {**body, **changes}


def bill_post(body: Any, *, tenant: str = "acme", call_id: str | None = None, agent_id: str | None = None) -> Any:
    """Posts a report with the token of the call it is about, unless another call or agent is named."""
    fields = body if isinstance(body, dict) else {}
    agent, call = agent_id or fields.get("agent_id", ""), call_id or fields.get("call_id", "")
    token = token_issue(kind="call", tenant=tenant, agent_id=agent, subject_id=call, ttl=60)
    headers = {"Authorization": f"Bearer {token}", "Host": "localhost"}
    with schema_context(schema_current()):
        return Client().post("/billing/calls", data=body, content_type="application/json", headers=headers)
