"""/api/v1/providers and /api/v1/secrets: a program sets a company's keys up, and reads none of them."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django_tenants.utils import tenant_context

from apps.compass.models import ProviderCredential, ToolSecret
from apps.compass.services.tools import tool_create
from apps.tenants.keys import api_key_create
from apps.tenants.models import Tenant, User
from tests.compass.servers import ALLOWED, reply, serving

pytestmark = pytest.mark.django_db
KEY, SECRET = "sk-a-key-of-acme-0001", "shop-secret-0001"
JSON = "application/json"


@pytest.fixture
def program(acme: Tenant) -> Client:
    _, key = api_key_create(tenant=acme, name="set-up", scopes=["providers:write"])
    return Client(headers={"host": "acme.localhost", "authorization": f"Api-Key {key}"})


def put(client: Client, path: str, **body: Any) -> Any:
    return client.put(f"/api/v1/{path}", body, content_type=JSON)


def test_a_key_is_stored_and_not_answered(program: Client, acme: Tenant) -> None:
    answer = put(program, "providers/deepgram", api_key=KEY)
    assert (answer.status_code, answer.json()["own"], answer.json()["ending"]) == (200, True, "0001")
    with tenant_context(acme):
        assert ProviderCredential.objects.get().secret == {"api_key": KEY, "base_url": None}
    rows = program.get("/api/v1/providers").json()["results"]
    assert {row["provider"]: row["own"] for row in rows} == {"openai": False, "deepgram": True, "elevenlabs": False}
    assert KEY not in program.get("/api/v1/providers/deepgram").content.decode() + str(rows)
    assert program.delete("/api/v1/providers/deepgram").status_code == 204
    assert program.get("/api/v1/providers/deepgram").json()["own"] is False


def test_what_cannot_be_a_provider(program: Client) -> None:
    assert put(program, "providers/acme", api_key=KEY).status_code == 404
    assert program.post("/api/v1/providers/acme/check").status_code == 404
    inside = put(program, "providers/openai", api_key=KEY, base_url="http://10.0.0.1/v1")
    assert inside.status_code == 422 and "may not reach" in inside.json()["detail"] and KEY not in inside.content.decode()
    assert put(program, "providers/openai").status_code in (400, 422)
    assert program.post("/api/v1/providers/deepgram/check").status_code == 422


def test_what_cannot_be_a_key(program: Client, acme: Tenant, client_for: Callable[..., Client], alice: User) -> None:
    said = "The API key for openai has characters that no key has. Copy it anew from openai's own page."
    for key in ("sk-schlüssel", "sk-one\nsk-two"):
        assert put(program, "providers/openai", api_key=key).json()["detail"] == said
    page = client_for(alice, "acme").post("/compass/providers/openai", {"api_key": "ключ", "base_url": "https://1.1.1.1/v1"})
    assert page.status_code == 422 and dict(page.context["form"].errors) == {"api_key": [said]}
    with tenant_context(acme):
        assert not ProviderCredential.objects.exists()
        ProviderCredential.objects.create(provider="openai", secret={"api_key": "ключ", "base_url": None})  # of before
    checked = program.post("/api/v1/providers/openai/check")
    assert (checked.status_code, checked.json()["detail"]) == (422, said)


def test_a_check_says_what_is_wrong(program: Client, settings: Any) -> None:
    settings.TOOL_ALLOWED_NETWORKS = [f"{ALLOWED}/32"]
    with serving(reply(401)) as provider:
        put(program, "providers/openai", api_key=KEY, base_url=f"http://{ALLOWED}:{provider.port}/v1")
        answer = program.post("/api/v1/providers/openai/check")
    assert answer.status_code == 200 and answer.json()["ok"] is False and "does not accept this key" in answer.json()["text"]


def test_secrets_come_and_go(program: Client, acme: Tenant) -> None:
    assert put(program, "secrets/SHOP", value=SECRET).status_code == 204
    with tenant_context(acme):
        assert ToolSecret.objects.get(name="SHOP").value == SECRET
        http = {"method": "GET", "url": "https://shop.example/", "headers": {"X-Key": "{secret:SHOP}"}}
        tool_create(name="order", kind="http", description="Finds it.", spec={"http": http})
    listed = program.get("/api/v1/secrets")
    [row] = listed.json()["results"]
    assert (row["name"], row["tools"]) == ("SHOP", ["order"]) and SECRET not in listed.content.decode()
    used = program.delete("/api/v1/secrets/SHOP")
    assert used.status_code == 422 and "order" in used.json()["detail"]
    assert put(program, "secrets/no-good", value=SECRET).status_code == 422
    assert program.delete("/api/v1/secrets/GONE").status_code == 404


def test_only_admins_and_keys_for_it(
    acme: Tenant, globex: Tenant, client_for: Callable[[User | None, str], Client], alice: User, bob: User, charlie: User
) -> None:
    put(client_for(alice, "acme"), "secrets/SHOP", value=SECRET)
    _, agents = api_key_create(tenant=acme, name="agents", scopes=["agents:write"])
    _, theirs = api_key_create(tenant=globex, name="theirs", scopes=["providers:write"])
    narrow = Client(headers={"host": "acme.localhost", "authorization": f"Api-Key {agents}"})
    other = Client(headers={"host": "acme.localhost", "authorization": f"Api-Key {theirs}"})
    for path in ("providers", "secrets"):
        assert client_for(alice, "acme").get(f"/api/v1/{path}").status_code == 200
        assert client_for(bob, "acme").get(f"/api/v1/{path}").status_code == 403
        assert client_for(charlie, "acme").get(f"/api/v1/{path}").status_code == 403
        assert narrow.get(f"/api/v1/{path}").json()["code"] == "scope_missing"
        assert other.get(f"/api/v1/{path}").status_code == 401
    assert client_for(charlie, "globex").get("/api/v1/secrets").json()["results"] == []
    assert put(client_for(bob, "acme"), "providers/openai", api_key=KEY).status_code == 403
