"""Canary keys: put in everywhere, exercised by pages, APIs, tasks and errors, and then found nowhere but encrypted."""

import base64
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
import redis
from django.conf import settings as django_settings
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django_tenants.utils import tenant_context

from apps.calls.models import SipTrunk
from apps.compass.models import WebhookEndpoint
from apps.compass.services import credential_set, secret_set
from apps.compass.services.tools import tool_create
from apps.core.models import InboundEvent
from apps.desktop.services.team import team_create
from apps.tenants.exports import export_write
from apps.tenants.keys import api_key_create
from apps.tenants.models import Role, Tenant, User
from apps.tenants.models_keys import SCOPES
from apps.tenants.services import person_add
from apps.tenants.services_sso import sso_set
from apps.whatsapp.services.numbers import mapping_set
from tests.browser.every_page import PAGES, company_fill, page_path
from tests.celery_side import queued
from tests.compass.factories import agent_published, bearer
from tests.compass.servers import ALLOWED, reply, serving

CANARIES = (
    "canary-openai-7f3a91",
    "canary-deepgram-55c0d2",
    "canary-eleven-e81b44",
    "canary-secret-09aa7c",
    "canary-meta-31bd6e",
    "canary-sso-c4410b",
    "canary-trunk-8e27fd",
)
OPENAI, DEEPGRAM, ELEVEN, SECRET, META, SSO, TRUNK = CANARIES
LISTS = ("agents", "calls", "conversations", "invitations", "knowledge", "numbers", "people", "providers", "secrets", "teams")
LISTS += ("tools", "trunks", "webhooks", "whatsapp/numbers", "billing/entries", "billing/invoices")
LISTS += ("audit-log", "company", "dashboard", "domains", "exports", "keys", "models", "security", "single-sign-on", "voices")
BASE64 = re.compile(rb"[A-Za-z0-9+/]{24,}={0,2}")


def found(text: str) -> list[str]:
    return [canary for canary in CANARIES if canary in text]


def found_in(values: Iterable[bytes]) -> list[str]:
    """Also in what stands there as base64, as the arguments of a task do."""
    hits: list[str] = []
    for value in values:
        hits += found(value.decode("utf-8", "replace"))
        for run in BASE64.findall(value):
            hits += found(base64.b64decode(run + b"===").decode("utf-8", "replace"))
    return hits


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


def in_redis(store: Any) -> Iterator[bytes]:
    """All that Redis holds: what is cached, and the tasks that wait."""
    read: dict[bytes, Callable[[bytes], Iterable[Any]]] = {
        b"string": lambda key: [store.get(key)],
        b"list": lambda key: store.lrange(key, 0, -1),
        b"set": store.smembers,
        b"zset": lambda key: store.zrange(key, 0, -1),
        b"hash": lambda key: [*store.hgetall(key), *store.hgetall(key).values()],
        b"stream": lambda key: [repr(entry).encode() for entry in store.xrange(key)],
    }
    for key in store.scan_iter():
        yield key
        yield from read[store.type(key)](key)


@pytest.fixture
def store() -> Iterator[Any]:
    """Redis, empty before and afterwards: tasks that nobody takes wait there."""
    store = redis.Redis.from_url(django_settings.REDIS_URL)
    store.flushdb()
    with queued():
        yield store
    store.flushdb()


def secrets_put(acme: Tenant, address: str) -> None:
    credential_set(provider="openai", api_key=OPENAI, base_url=f"{address}/v1")
    credential_set(provider="deepgram", api_key=DEEPGRAM)
    credential_set(provider="elevenlabs", api_key=ELEVEN)
    mapping_set(phone_number_id="1000000088", label="Shop", team="support", access_token=META)
    SipTrunk.objects.create(
        name="Canary", trunk_id="ST_9", rule_id="SDR_9", numbers=["8801"], auth_user="pbx", auth_password=TRUNK
    )
    sso_set(
        tenant=acme,
        label="Okta",
        issuer="https://login.example.com",
        client_id="meridian",
        client_secret=SSO,
        domains=["acme.test"],
        new_role=Role.AGENT,
    )


def echo(handler: Any) -> None:
    """A service that tells everybody what it was told."""
    reply(status=500, body=json.dumps(dict(handler.headers)).encode())(handler)


def posts(admin: Client, tool_id: Any, agent_id: Any) -> Iterator[Any]:
    """What uses the keys, or gets them wrong."""
    yield admin.post(f"/api/v1/tools/{tool_id}/test", {"arguments": {}}, content_type="application/json")
    yield admin.post("/compass/providers/openai/check")
    yield admin.post("/compass/providers/openai", {"api_key": OPENAI, "base_url": "http://10.0.0.1/"})
    yield admin.put("/api/v1/providers/openai", {"api_key": OPENAI, "base_url": "http://10.0.0.1/"}, "application/json")
    yield admin.post("/compass/providers/secrets/new", {"name": "no good", "value": SECRET})
    yield admin.put("/api/v1/secrets/no-good", {"value": SECRET}, "application/json")
    yield admin.get("/compass/agents/models?stt_provider=openai")
    yield admin.post("/compass/company/export")
    headers = bearer("acme", agent_id)
    yield Client().post(f"/agents/{agent_id}/tools/canary_order", {}, content_type="application/json", headers=headers)


@pytest.mark.django_db(transaction=True)
def test_keys_are_found_nowhere(
    store: Any, acme: Tenant, client_for: Callable[[User | None, str], Client], settings: Any, caplog: Any, capfd: Any
) -> None:
    settings.TOOL_ALLOWED_NETWORKS = [f"{ALLOWED}/32"]
    admin = client_for(person_add(tenant=acme, email="olga@acme.test", role=Role.OWNER).user, "acme")
    _, key = api_key_create(tenant=acme, name="all", scopes=SCOPES)
    program = Client(headers={"host": "acme.localhost", "authorization": f"Api-Key {key}"})
    admin.raise_request_exception = program.raise_request_exception = False
    with serving(echo) as shop, tenant_context(acme):
        made = company_fill(acme)
        secrets_put(acme, f"http://{ALLOWED}:{shop.port}")
        secret_set(name="SHOP", value=SECRET)
        http = {"method": "GET", "url": f"http://{ALLOWED}:{shop.port}/", "headers": {"X-Key": "{secret:SHOP}"}}
        tool = tool_create(name="canary_order", kind="http", description="Finds it.", spec={"http": http})
        agent = agent_published("canary", tools=[{"kind": "http", "name": "canary_order"}])
        answers = [*posts(admin, tool.pk, agent.pk)]
        answers += [admin.get(page_path(name, made)) for name in PAGES]
        answers += [admin.get("/compass/audit/csv"), admin.get("/compass/agents/canary/export"), admin.get("/nothing")]
        answers += [program.get(f"/api/v1/{path}") for path in LISTS]
        archive = io.BytesIO()
        export_write(acme, archive)
        webhook = WebhookEndpoint.objects.get().secret
    used = [request[2].get("X-Key") or request[2].get("Authorization") for request in shop.requests]
    assert {SECRET, f"Bearer {OPENAI}"} <= set(used)
    texts = [answer.getvalue().decode("utf-8", "replace") for answer in answers]
    assert [(found(text), webhook in text) for text in texts] == [([], False) for _ in answers]
    assert found(dump()) == [] and webhook not in dump()
    waiting = [task for queue in store.scan_iter(_type="list") for task in store.lrange(queue, 0, -1)]
    assert len(waiting) >= 3, "tasks were put off, with their arguments"
    assert found_in(in_redis(store)) == []
    with zipfile.ZipFile(archive) as exported:
        assert found_in(exported.read(name) for name in exported.namelist()) == [] and len(exported.namelist()) > 30
    assert found(caplog.text) == []
    assert found("".join(capfd.readouterr())) == []
    assert not InboundEvent.objects.exists()


def test_what_stands_in_a_tasks_arguments_would_be_found() -> None:
    body = base64.b64encode(json.dumps([[OPENAI], {}, {}]).encode())
    assert found_in([b'{"body": "' + body + b'"}']) == [OPENAI]


@pytest.mark.django_db
def test_they_are_there_encrypted(acme: Tenant, settings: Any, capsys: Any) -> None:
    with tenant_context(acme):
        team_create(slug="support", name="Support")
        secrets_put(acme, "https://93.184.215.14")
        secret_set(name="SHOP", value=SECRET)
        call_command("check")
        text = dump()
    assert found(text) == []
    assert text.count("gAAAA") >= len(CANARIES)
    assert found(capsys.readouterr().out) == []
