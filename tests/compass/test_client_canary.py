"""Canary keys: put in everywhere, exercised by pages, APIs, tasks and errors, and then found nowhere but encrypted."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import redis
from django.conf import settings as django_settings
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django_tenants.utils import tenant_context

from apps.compass.services import credential_set, secret_set
from apps.compass.services.tools import tool_create
from apps.core.models import InboundEvent
from apps.desktop.services.team import team_create
from apps.tenants.models import Tenant, User
from apps.whatsapp.services.numbers import mapping_set
from tests.compass.factories import agent_published, bearer
from tests.compass.servers import ALLOWED, reply, serving

CANARIES = (
    "canary-openai-7f3a91",
    "canary-deepgram-55c0d2",
    "canary-eleven-e81b44",
    "canary-secret-09aa7c",
    "canary-meta-31bd6e",
)
OPENAI, DEEPGRAM, ELEVEN, SECRET, META = CANARIES
PAGES = ("/", "/calls/", "/desktop/", "/compass/tools/", "/compass/providers/", "/compass/providers/openai")
PAGES += (
    "/compass/providers/secrets/SHOP",
    "/compass/agents/",
    "/compass/numbers/",
    "/api/v1/tools",
    "/api/v1/agents",
    "/nothing",
)


def found(text: str) -> list[str]:
    return [canary for canary in CANARIES if canary in text]


def tables() -> list[tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT schemaname, tablename FROM pg_tables WHERE schemaname IN ('public', 'acme', 'globex')")
        return list(cursor.fetchall())


def dump() -> str:
    """Every row of every table as text, as a person with the database would read it."""
    parts = []
    with connection.cursor() as cursor:
        for schema, table in tables():
            cursor.execute(f'SELECT t::text FROM "{schema}"."{table}" t')
            parts += [row[0] for row in cursor.fetchall()]
    return "\n".join(parts)


def cached() -> str:
    """All that Redis holds."""
    store = redis.Redis.from_url(django_settings.REDIS_URL)
    return "\n".join(f"{key!r} {store.dump(key)!r}" for key in store.scan_iter())


@pytest.fixture
def seeded(acme: Tenant, settings: Any) -> Any:
    settings.TOOL_ALLOWED_NETWORKS = [f"{ALLOWED}/32"]
    with tenant_context(acme):
        credential_set(provider="openai", api_key=OPENAI)
        credential_set(provider="deepgram", api_key=DEEPGRAM)
        credential_set(provider="elevenlabs", api_key=ELEVEN)
        secret_set(name="SHOP", value=SECRET)
        team_create(slug="support", name="Support")
        mapping_set(phone_number_id="1000000088", label="Shop", team="support", access_token=META)


def echo(handler: Any) -> None:
    """A service that tells everybody what it was told."""
    reply(status=500, body=json.dumps(dict(handler.headers)).encode())(handler)


@pytest.mark.django_db(transaction=True)
def test_keys_are_found_nowhere(
    seeded: None, acme: Tenant, client_for: Callable[[User | None, str], Client], alice: User, caplog: Any, capfd: Any
) -> None:
    admin = client_for(alice, "acme")
    admin.raise_request_exception = False
    answers = []
    with serving(echo) as shop, tenant_context(acme):
        http = {"method": "GET", "url": f"http://{ALLOWED}:{shop.port}/", "headers": {"X-Key": "{secret:SHOP}"}}
        tool = tool_create(name="order", kind="http", description="Finds it.", spec={"http": http})
        agent = agent_published(tools=[{"kind": "http", "name": "order"}])
        answers += [admin.get(path) for path in PAGES]
        answers.append(admin.post(f"/api/v1/tools/{tool.pk}/test", {"arguments": {}}, content_type="application/json"))
        answers.append(admin.post("/compass/providers/openai", {"api_key": OPENAI, "base_url": "http://10.0.0.1/"}))
        answers.append(admin.post("/compass/providers/secrets/new", {"name": "no good", "value": SECRET}))
        answers.append(
            Client().post(
                f"/agents/{agent.pk}/tools/order", {}, content_type="application/json", headers=bearer("acme", agent.pk)
            )
        )
        assert shop.requests and all(request[2]["X-Key"] == SECRET for request in shop.requests)
    assert [found(answer.content.decode("utf-8", "replace")) for answer in answers] == [[] for _ in answers]
    assert found(dump()) == []
    assert found(cached()) == []
    assert found(caplog.text) == []
    assert found("".join(capfd.readouterr())) == []
    assert not InboundEvent.objects.exists()


@pytest.mark.django_db
def test_an_export_of_models_holds_them_encrypted_only(seeded: None, acme: Tenant, capsys: Any) -> None:
    with tenant_context(acme):
        call_command("check")
        text = dump()
    assert found(text) == []
    assert text.count("gAAAA") >= 5
    assert found(capsys.readouterr().out) == []
