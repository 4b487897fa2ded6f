"""Tools and providers as pages: by form, by role, and from outside."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django_tenants.utils import tenant_context

from apps.compass.models import ProviderCredential, Tool, ToolSecret
from apps.compass.services import credential_set, secret_set
from apps.compass.services.tools import tool_create
from apps.tenants.models import Tenant, User
from tests.addresses import at
from tests.compass.factories import agent_published
from tests.compass.servers import ALLOWED, reply, serving

ClientFor = Callable[[User | None, str], Client]
KEY = "sk-canary-0123456789-last"
FORM = {
    "name": "order_status",
    "description": "Looks an order up.",
    "method": "GET",
    "url": "https://api.example.com/orders/{order_id}",
    "timeout": "5",
    "retries": "1",
    "enabled": "on",
    "schema_mode": "form",
    "param_name": ["order_id", "size", ""],
    "param_type": ["string", "integer", "string"],
    "param_description": ["Its number.", "", ""],
    "param_required": ["yes", "no", "yes"],
    "param_enum": ["", "1, 2", ""],
    "header_name": ["X-Key", ""],
    "header_value": ["{secret:SHOP}", ""],
    "pick_name": ["state"],
    "pick_path": ["order.status"],
}


def stored(acme: Tenant) -> Tool:
    with tenant_context(acme):
        return Tool.objects.get()


def test_a_tool_is_made_shown_changed_and_deleted(admin: Client, acme: Tenant) -> None:
    assert "No tool yet" in admin.get(at("tools")).content.decode()
    assert admin.get(at("tool-new")).status_code == 200
    assert admin.post(at("tool-new"), FORM).status_code == 302
    tool = stored(acme)
    assert tool.spec["parameters"] == {
        "type": "object",
        "properties": {
            "order_id": {"type": "string", "description": "Its number."},
            "size": {"type": "integer", "enum": [1, 2]},
        },
        "required": ["order_id"],
        "additionalProperties": False,
    }
    call = tool.spec["http"]
    assert (call["headers"], call["pick"], call["retries"]) == ({"X-Key": "{secret:SHOP}"}, {"state": "order.status"}, 1)
    page = admin.get(at("tool-edit", tool.pk)).content.decode()
    for text in ("order_status", "Its number.", "1, 2", "{secret:SHOP}", "order.status"):
        assert text in page
    changed = {**FORM, "schema_mode": "json", "schema_json": json.dumps({"type": "object", "properties": {"order_id": {}}})}
    assert admin.post(at("tool-edit", tool.pk), changed).status_code == 302
    assert stored(acme).spec["parameters"]["properties"] == {"order_id": {}}
    assert 'value="json"\n' in admin.get(at("tool-edit", tool.pk)).content.decode()
    assert admin.get(at("tool-delete", tool.pk)).status_code == 405
    assert admin.post(at("tool-delete", tool.pk)).status_code == 302
    with tenant_context(acme):
        assert not Tool.objects.exists()
    assert admin.get(at("tool-edit", tool.pk)).status_code == 404


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "two words"}, "“two words” is no name: use letters"),
        ({"url": "ftp://x.example/"}, "use an address such as"),
        ({"method": "POST"}, "safe to send twice"),
        ({"param_name": ["order_id", "order_id", ""]}, "Two rows are named “order_id”"),
        ({"param_enum": ["", "one", ""]}, "no number"),
        ({"schema_mode": "json", "schema_json": "{"}, "It ends too early, in line 1"),
        ({"timeout": "99"}, "less than or equal to 15"),
        ({"header_name": ["Host", ""]}, "cannot be set"),
    ],
)
def test_what_is_refused_keeps_what_was_typed(admin: Client, acme: Tenant, changes: Any, words: str) -> None:
    answer = admin.post(at("tool-new"), {**FORM, **changes})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert words.lower() in page.lower()
    assert "Its number." in page and "order.status" in page
    with tenant_context(acme):
        assert not Tool.objects.exists()


def test_trying_shows_what_was_sent_and_what_came(admin: Client, acme: Tenant, settings: Any) -> None:
    settings.TOOL_ALLOWED_NETWORKS = [f"{ALLOWED}/32"]
    with tenant_context(acme):
        secret_set(name="SHOP", value=KEY)
    with serving(reply(body=b'{"order": {"status": "shipped"}}')) as shop:
        url = f"http://{ALLOWED}:{shop.port}/orders/{{order_id}}"
        page = admin.post(at("tool-test"), {**FORM, "url": url, "arguments": '{"order_id": "A 7"}'}).content.decode()
        assert shop.requests[0][2]["X-Key"] == KEY
    assert "It works." in page and "/orders/A%207" in page and "X-Key: ••••" in page and "shipped" in page
    assert KEY not in page
    refused = admin.post(at("tool-test"), {**FORM, "url": "http://10.0.0.1/{order_id}", "arguments": '{"order_id": "7"}'})
    assert "a network that tools may not reach" in refused.content.decode()
    assert "cannot be read. It ends too early" in admin.post(at("tool-test"), {**FORM, "arguments": "{"}).content.decode()
    with tenant_context(acme):
        assert not Tool.objects.exists()


def test_an_agent_that_uses_it_is_named(admin: Client, acme: Tenant) -> None:
    with tenant_context(acme):
        spec = {"http": {"method": "GET", "url": "https://api.example.com/"}}
        tool = tool_create(name="order", kind="http", description="Finds it.", spec=spec)
        agent_published(tools=[{"kind": "http", "name": "order"}])
    assert "Reception" in admin.get(at("tools")).content.decode()
    assert "Changes reach Reception at once" in admin.get(at("tool-edit", tool.pk)).content.decode()
    assert admin.post(at("tool-delete", tool.pk), follow=True).status_code == 200
    assert stored(acme) == tool


def test_a_key_goes_in_and_never_comes_out(admin: Client, acme: Tenant) -> None:
    assert "no key" in admin.get(at("providers")).content.decode()
    assert admin.post(at("provider-edit", "deepgram"), {"api_key": KEY, "base_url": ""}).status_code == 302
    for page in (at("providers"), at("provider-edit", "deepgram")):
        text = admin.get(page).content.decode()
        assert KEY not in text
    assert "••••last" in admin.get(at("providers")).content.decode()
    refused = admin.post(at("provider-edit", "deepgram"), {"api_key": KEY, "base_url": "http://10.0.0.1/"})
    assert refused.status_code == 422
    assert "may not reach" in refused.content.decode()
    assert KEY not in refused.content.decode()
    assert admin.post(at("provider-delete", "deepgram")).status_code == 302
    with tenant_context(acme):
        assert not ProviderCredential.objects.exists()
    assert admin.get(at("provider-edit", "unknown")).status_code == 404


@pytest.mark.parametrize(
    ("send", "words"),
    [
        (reply(body=b'{"data": []}'), "The key works."),
        (reply(401), "does not accept this key"),
        (reply(429), "no quota left"),
        (reply(404), "The address is wrong"),
        (reply(200, b"<html>", content_type="text/html"), "a web page"),
        (reply(503), "trouble of its own"),
    ],
)
@pytest.mark.parametrize(("provider", "header"), [("openai", "Authorization"), ("elevenlabs", "xi-api-key")])
def test_checking_a_key(admin: Client, acme: Tenant, settings: Any, send: Any, words: str, provider: str, header: str) -> None:
    settings.TOOL_ALLOWED_NETWORKS = [f"{ALLOWED}/32"]
    with serving(send) as there:
        with tenant_context(acme):
            credential_set(provider=provider, api_key=KEY, base_url=f"http://{ALLOWED}:{there.port}/v1")
        page = admin.post(at("provider-check", provider)).content.decode()
        assert there.requests[0][1] == ("/v1/models" if provider == "openai" else "/v1/user")
        assert KEY in there.requests[0][2][header]
    assert words in page
    assert KEY not in page
    assert "No answer" in admin.post(at("provider-check", provider)).content.decode()


def test_checking_without_a_key(admin: Client) -> None:
    assert "Enter one first" in admin.post(at("provider-check", "deepgram")).content.decode()


def test_a_secret_is_stored_replaced_and_removed(admin: Client, acme: Tenant) -> None:
    assert admin.post(at("secret-new"), {"name": "SHOP", "value": KEY}).status_code == 302
    page = admin.get(at("providers")).content.decode()
    assert "SHOP" in page and KEY not in page
    assert KEY not in admin.get(at("secret-edit", "SHOP")).content.decode()
    assert admin.post(at("secret-new"), {"name": "not a name", "value": KEY}).status_code == 422
    with tenant_context(acme):
        assert ToolSecret.objects.get().value == KEY
        spec = {"http": {"url": "https://a.example/", "headers": {"X": "{secret:SHOP}"}}}
        tool_create(name="order", kind="http", description="Finds it.", spec=spec)
    admin.post(at("secret-delete", "SHOP"))
    with tenant_context(acme):
        assert ToolSecret.objects.exists()
        Tool.objects.all().delete()
    admin.post(at("secret-delete", "SHOP"))
    with tenant_context(acme):
        assert not ToolSecret.objects.exists()


PAGES = [("tools",), ("tool-new",), ("mcp-new",), ("providers",), ("provider-edit", "openai"), ("secret-new",)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page[0])
def test_roles(client_for: ClientFor, bob: User, charlie: User, page: Any) -> None:
    assert client_for(bob, "acme").get(at(*page)).status_code == 403
    assert client_for(charlie, "acme").get(at(*page)).status_code == 404
    assert client_for(None, "acme").get(at(*page)).status_code == 302


@pytest.mark.parametrize(
    "page",
    [("tool-new",), ("tool-test",), ("provider-edit", "openai"), ("provider-check", "openai"), ("secret-new",)],
    ids=lambda page: page[0],
)
def test_nobody_else_changes_anything(client_for: ClientFor, acme: Tenant, bob: User, charlie: User, page: Any) -> None:
    for user, status in ((bob, 403), (charlie, 404)):
        given = {**FORM, "api_key": KEY, "value": KEY}
        assert client_for(user, "acme").post(at(*page), given).status_code == status
    with tenant_context(acme):
        assert not Tool.objects.exists() and not ProviderCredential.objects.exists() and not ToolSecret.objects.exists()


def test_the_api(admin: Client, acme: Tenant, client_for: ClientFor, bob: User, charlie: User, settings: Any) -> None:
    settings.TOOL_ALLOWED_NETWORKS = [f"{ALLOWED}/32"]
    with serving(reply(body=b'{"a": 1}')) as shop:
        spec = {"http": {"method": "GET", "url": f"http://{ALLOWED}:{shop.port}/"}}
        body = {"name": "order", "kind": "http", "description": "Finds it.", "spec": spec}
        made = admin.post("/api/v1/tools", body, content_type="application/json")
        assert made.status_code == 201, made.content
        address = f"/api/v1/tools/{made.json()['id']}"
        answer = admin.post(f"{address}/test", {"arguments": {}}, content_type="application/json").json()
        assert (answer["ok"], answer["status"], answer["result"]) == (True, 200, {"a": 1})
    assert [row["name"] for row in admin.get("/api/v1/tools").json()["results"]] == ["order"]
    assert admin.patch(address, {"enabled": False}, content_type="application/json").json()["enabled"] is False
    wrong = admin.patch(address, {"spec": {"http": {"url": "nowhere"}}}, content_type="application/json")
    assert (wrong.status_code, wrong.json()["code"], wrong.json()["errors"][0]["field"]) == (422, "invalid_tool", "url")
    assert client_for(bob, "acme").get("/api/v1/tools").status_code == 403
    for client in (client_for(charlie, "acme"), client_for(bob, "acme")):
        assert client.delete(address).status_code in (403, 404)
    assert client_for(charlie, "globex").get(address).status_code == 404
    assert admin.delete(address).status_code == 204
    assert admin.get(address).status_code == 404
