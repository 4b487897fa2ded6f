"""Agents and turns for tests; call inside a tenant's schema."""

from typing import Any

from django.test import Client
from django_tenants.utils import schema_context

from apps.compass.models import Agent
from apps.compass.services import credential_set
from apps.core.ids import uuid7
from apps.core.schema import schema_current
from apps.core.tokens import token_issue
from tests.compass.factories import agent_published
from tests.herald.sides import ReplySide
from tests.standins.openai import OpenAIStandin

LIMITS = {"first_token_seconds": 1.5}


def text_agent(model: OpenAIStandin, **config: Any) -> Agent:
    """A published agent whose language model is the stand-in."""
    credential_set(provider="openai", api_key=model.api_key, base_url=model.base_url)
    return agent_published(**{"limits": LIMITS, **config})


def message(text: str = "What are your opening hours?", kind: str = "text", **more: Any) -> dict[str, Any]:
    """One message of the contact."""
    return {"id": f"wamid.{uuid7()}", "type": kind, "text": text, **more}


def turn_of(agent: Any, side: ReplySide, *texts: str, **changes: Any) -> dict[str, Any]:
    """The body of POST /turn, for a new turn unless `turn_id` says which."""
    body = {
        "turn_id": str(uuid7()),
        "conversation_id": str(uuid7()),
        "agent_id": str(getattr(agent, "pk", agent)),
        "channel": "whatsapp",
        "generation": 3,
        "messages": [message(text) for text in texts or ("What are your opening hours?",)],
        "history": [],
        "summary": "",
        "contact": {"name": "Maria", "language": "en"},
        "reply_url": side.url,
    }
    return {**body, **changes}


def turn_post(body: dict[str, Any], *, tenant: str | None = None, **token: Any) -> Any:
    """Posts a turn with its own token, unless another turn, agent or kind is named."""
    claims = {"kind": "turn", "agent_id": body.get("agent_id", ""), "subject_id": body.get("turn_id", ""), **token}
    bearer = token_issue(tenant=tenant or schema_current(), ttl=300, **claims)
    headers = {"Authorization": f"Bearer {bearer}", "Host": "localhost"}
    with schema_context(schema_current()):
        return Client().post("/turn", data=body, content_type="application/json", headers=headers)
