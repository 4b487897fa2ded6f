"""POST /agents/{id}/tools/{name}: built-ins and the tenant's own addresses, with plain sentences for the model."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django_tenants.utils import schema_context

from apps.compass import registry
from apps.compass.models import ToolSecret
from apps.compass.registry import ToolContext, ToolFailed, tool_register
from apps.compass.services import agent_disable, secret_set
from apps.core.errors import TransientError
from apps.core.ids import uuid7
from tests.compass.factories import CALL_ID, agent_published, bearer, public_post
from tests.compass.servers import ALLOWED, Seen, Trap, reply, serving

pytestmark = pytest.mark.django_db

PARAMETERS = {
    "type": "object",
    "properties": {"order_id": {"type": "string"}, "note": {"type": "string"}, "count": {"type": "integer"}},
    "required": ["order_id"],
    "additionalProperties": False,
}


@pytest.fixture(autouse=True)
def _builtins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests may register tools without leaving them behind."""
    monkeypatch.setattr(registry, "_builtins", dict(registry._builtins))
    monkeypatch.setattr(registry, "_runs", dict(registry._runs))


@pytest.fixture
def shop(in_acme: Any, settings: Any) -> Iterator[Seen]:
    settings.TOOL_ALLOWED_NETWORKS = [f"{ALLOWED}/32"]
    with serving(reply(body=b'{"status": "shipped"}')) as seen:
        yield seen


def http_tool(port: int, **http: Any) -> dict[str, Any]:
    call = {"method": "POST", "url": f"http://{ALLOWED}:{port}/orders/{{order_id}}", **http}
    return {"kind": "http", "name": "order", "description": "Looks an order up.", "parameters": PARAMETERS, "http": call}


def run(agent: Any, name: str, arguments: Any, *, tenant: str = "acme", **body: Any) -> Any:
    return public_post(f"/agents/{agent.pk}/tools/{name}", {"arguments": arguments, **body}, bearer(tenant, agent.pk))


def test_http_tool_with_a_body(shop: Seen) -> None:
    agent = agent_published(tools=[http_tool(shop.port)])
    answer = run(agent, "order", {"order_id": "A/1 ?#é", "note": "“hi”"}, call_id=CALL_ID)
    assert (answer.status_code, answer.json()) == (200, {"ok": True, "result": {"status": "shipped"}})
    method, path, headers, body = shop.requests[0]
    assert (method, path, json.loads(body)) == ("POST", "/orders/A%2F1%20%3F%23%C3%A9", {"note": "“hi”"})
    assert (headers["Content-Type"], headers["Host"]) == ("application/json", f"{ALLOWED}:{shop.port}")


def test_http_tool_with_a_query(shop: Seen) -> None:
    agent = agent_published(tools=[http_tool(shop.port, method="GET", url=f"http://{ALLOWED}:{shop.port}/o?v=1&id={{order_id}}")])
    run(agent, "order", {"order_id": "7&admin=1", "count": 2})
    assert shop.requests[0][:2] == ("GET", "/o?v=1&id=7%26admin%3D1&count=2")


def test_secrets_reach_the_service_and_nobody_else(shop: Seen) -> None:
    secret_set(name="SHOP_KEY", value="s3cret-value")
    agent = agent_published(tools=[http_tool(shop.port, headers={"Authorization": "Bearer {secret:SHOP_KEY}"})])
    answer = run(agent, "order", {"order_id": "1"})
    assert shop.requests[0][2]["Authorization"] == "Bearer s3cret-value"
    assert "s3cret" not in answer.content.decode()
    assert "s3cret" not in str(agent.versions.values())


def test_a_secret_that_was_deleted_is_named(shop: Seen) -> None:
    secret_set(name="SHOP_KEY", value="s3cret-value")
    agent = agent_published(tools=[http_tool(shop.port, headers={"X-Key": "{secret:SHOP_KEY}"})])
    ToolSecret.objects.all().delete()
    answer = run(agent, "order", {"order_id": "1"}).json()
    assert not answer["ok"]
    assert "SHOP_KEY is missing" in answer["error"]
    assert shop.requests == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "'order_id' is a required property"),
        ({"order_id": 7}, "at order_id: 7 is not of type 'string'"),
        ({"order_id": "1", "other": 1}, "'other' was unexpected"),
        ({"order_id": ".."}, "cannot be “..”"),
        ({"order_id": ""}, "cannot be “”"),
    ],
)
def test_arguments_are_checked_first(shop: Seen, arguments: Any, words: str) -> None:
    agent = agent_published(tools=[http_tool(shop.port)])
    answer = run(agent, "order", arguments)
    assert answer.status_code == 200
    assert not answer.json()["ok"]
    assert words in answer.json()["error"]
    assert shop.requests == []


@pytest.mark.parametrize(
    ("send", "expected"),
    [
        (reply(body=b"plain", content_type="text/plain"), {"ok": True, "result": "plain"}),
        (reply(body=b""), {"ok": True, "result": None}),
        (reply(204, b""), {"ok": True, "result": None}),
        (reply(body=b'{"a": NaN}'), {"ok": True, "result": '{"a": NaN}'}),
        (reply(body=b'"\\ud800"'), {"ok": True, "result": '"\\ud800"'}),
        (reply(body=b"[" * 100_000), {"ok": True, "result": "[" * 100_000}),
        (reply(404, b"no such order"), {"ok": False, "error": "order did not work. The service answered 404: no such order"}),
        (reply(500, b""), {"ok": False, "error": "order did not work. The service answered 500: no reason given"}),
    ],
)
def test_answers_of_every_sort(in_acme: Any, settings: Any, send: Any, expected: Any) -> None:
    settings.TOOL_ALLOWED_NETWORKS = [f"{ALLOWED}/32"]
    with serving(send) as shop:
        assert run(agent_published(tools=[http_tool(shop.port)]), "order", {"order_id": "1"}).json() == expected


def test_an_encoding_that_was_not_asked_for(in_acme: Any, settings: Any) -> None:
    settings.TOOL_ALLOWED_NETWORKS = [f"{ALLOWED}/32"]
    with serving(reply(Content_Encoding="gzip")) as shop:
        answer = run(agent_published(tools=[http_tool(shop.port)]), "order", {"order_id": "1"}).json()
    assert not answer["ok"]
    assert "gzip" in answer["error"]


def test_private_networks_are_out_of_reach(in_acme: Any) -> None:
    trap = Trap()
    tool = http_tool(trap.port, url=f"http://localhost:{trap.port}/{{order_id}}")
    answer = run(agent_published(tools=[tool]), "order", {"order_id": "1"}).json()
    assert not answer["ok"]
    assert "may not reach" in answer["error"]
    assert trap.connections() == 0
    trap.close()


def test_builtin_tool(in_acme: Any) -> None:
    calls: list[tuple[ToolContext, dict[str, Any]]] = []

    def transfer(context: ToolContext, arguments: dict[str, Any]) -> dict[str, str]:
        calls.append((context, arguments))
        return {"to": arguments["team"]}

    schema = {"type": "object", "properties": {"team": {"type": "string"}}, "required": ["team"]}
    tool_register("transfer", description="Passes the caller on.", parameters=schema, run=transfer)
    agent = agent_published(tools=[{"kind": "builtin", "name": "transfer"}])
    assert run(agent, "transfer", {"team": "sales"}).json() == {"ok": True, "result": {"to": "sales"}}
    assert calls == [(ToolContext("acme", str(agent.pk), "call", CALL_ID), {"team": "sales"})]
    assert run(agent, "transfer", {}).json()["ok"] is False
    assert len(calls) == 1


@pytest.mark.parametrize("error", [ToolFailed("Nobody is there."), TransientError("Nobody is there.")])
def test_builtin_tool_that_fails(in_acme: Any, error: Exception) -> None:
    def fail(context: ToolContext, arguments: dict[str, Any]) -> None:
        raise error

    tool_register("page", description="Calls a person.", run=fail)
    agent = agent_published(tools=[{"kind": "builtin", "name": "page"}])
    assert run(agent, "page", {}).json() == {"ok": False, "error": "Nobody is there."}


def test_end_call_is_not_compass_business(in_acme: Any) -> None:
    agent = agent_published(tools=[{"kind": "builtin", "name": "end_call"}])
    assert "talks to the caller" in run(agent, "end_call", {}).json()["error"]


def test_a_running_call_keeps_its_tools_when_the_agent_is_disabled(shop: Seen) -> None:
    agent = agent_published(tools=[http_tool(shop.port)])
    agent_disable(agent=agent)
    assert run(agent, "order", {"order_id": "1"}).json()["ok"]


def test_refusals(in_acme: Any, globex: Any) -> None:
    agent = agent_published(tools=[{"kind": "builtin", "name": "end_call"}])
    address = f"/agents/{agent.pk}/tools/end_call"
    unknown = run(agent, "teleport", {})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_tool")
    other_call = run(agent, "end_call", {}, call_id=str(uuid7()))
    assert (other_call.status_code, other_call.json()["code"]) == (403, "wrong_token")
    assert public_post(address, {}, bearer("acme", uuid7())).status_code == 403
    assert public_post(address, {}, {"Host": "localhost"}).status_code == 401
    with schema_context("globex"):
        assert run(agent, "end_call", {}, tenant="globex").status_code == 404
    invalid = run(agent, "end_call", "nothing")
    assert (invalid.status_code, invalid.json()["errors"][0]["field"]) == (422, "arguments")
    assert public_post(address, [], bearer("acme", agent.pk)).status_code == 422
