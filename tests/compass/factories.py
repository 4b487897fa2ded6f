"""Agents for tests; call inside a tenant's schema."""

from typing import Any

from django.test import Client
from django_tenants.utils import schema_context

from apps.compass.models import Agent
from apps.compass.services import agent_create, agent_publish
from apps.core.schema import schema_current
from apps.core.tokens import token_issue

CALL_ID = "0198c0de-0000-7000-8000-000000000001"
LOCAL: dict[str, Any] = {
    "stt": {"provider": "openai", "model": "whisper-1"},
    "llm": {"provider": "openai", "model": "gpt-4o-mini"},
    "tts": {"provider": "openai", "model": "tts-1", "voice": "alloy"},
}


def agent_published(slug: str = "reception", **config: Any) -> Agent:
    """An agent with one published version that needs only the openai credential the suite has."""
    agent = agent_create(slug=slug, name=slug.title(), config={**LOCAL, **config})
    agent_publish(agent=agent)
    return agent


def bearer(
    tenant: str, agent_id: Any, *, call_id: str = "0198c0de-0000-7000-8000-000000000001", kind: Any = "call"
) -> dict[str, str]:
    """The headers of a request with a call token (or turn token) for this agent."""
    token = token_issue(kind=kind, tenant=tenant, agent_id=str(agent_id), subject_id=call_id, ttl=60)
    return {"Authorization": f"Bearer {token}", "Host": "localhost"}


def public_get(path: str, headers: dict[str, str]) -> Any:
    """A request to the public host; the test goes on in the schema it was in."""
    with schema_context(schema_current()):
        return Client().get(path, headers=headers)


def public_post(path: str, body: Any, headers: dict[str, str]) -> Any:
    """As public_get, with a JSON body."""
    with schema_context(schema_current()):
        return Client().post(path, data=body, content_type="application/json", headers=headers)
