"""Rows that can come to be: of an older Meridian, of an API's customer, of a strange MCP server. Their pages open."""

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from django.test import Client
from django_tenants.utils import tenant_context

from apps.compass.models import AgentVersion, Tool
from apps.compass.payloads_checks import ScenarioIn
from apps.compass.payloads_tools import schema_usable
from apps.compass.registry import ToolFailed
from apps.compass.services import agent_draft_save
from apps.compass.services.checks import scenario_save
from apps.compass.services.tools import tool_create
from apps.compass.tools.arguments import arguments_check
from apps.tenants.models import Tenant
from tests.addresses import at
from tests.compass.factories import agent_published
from tests.compass.servers import ALLOWED, serving

pytestmark = pytest.mark.django_db
# What versions stored by an older Meridian lack: parts that came later, and fields of parts.
LATER = (
    ("knowledge",),
    ("variables",),
    ("prompt", "greetings"),
    ("media_bot", "record"),
    ("media_bot", "record_days"),
    ("turn_taking", "preemptive"),
)
CALL = {"method": "GET", "url": "https://shop.example/"}


def pages_open(admin: Client, acme: Tenant, tools: list[dict[str, Any]]) -> AgentVersion:
    """An agent with a published version and a draft that use these tools: every page about them answers 200."""
    with tenant_context(acme):
        agent = agent_published(tools=tools)
        draft = agent_draft_save(agent=agent, config={**agent.versions.get().config, "limits": {"max_call_seconds": 60}})
        given = {"name": "Hours", "lines": ["When?"], "assertions": [{"kind": "tool", "value": "order"}]}
        check = scenario_save(agent=agent, given=ScenarioIn.model_validate(given))
    _opened(admin, draft, check.pk)
    return draft


def _opened(admin: Client, draft: AgentVersion, check: Any) -> None:
    slug, pk = draft.agent.slug, draft.agent.pk
    for address in (
        at("agents"),
        at("agent", slug),
        at("agent-publish", slug),
        at("agent-history", slug),
        at("agent-version", slug, 1),
        at("agent-version", slug, 2),
        at("agent-export", slug),
        at("agent-checks", pk),
        at("agent-check-new", pk),
        at("agent-check-edit", pk, check),
        at("tools"),
        at("providers"),
        f"/api/v1/agents/{pk}",
    ):
        assert (address, admin.get(address).status_code) == (address, 200)


def test_versions_of_an_older_meridian(admin: Client, acme: Tenant) -> None:
    inline = {"kind": "http", "name": "order", "description": "Finds it.", "http": CALL}
    draft = pages_open(admin, acme, [inline])
    older = deepcopy(draft.config)
    for path in LATER:
        part = older if len(path) == 1 else older[path[0]]
        del part[path[-1]]
    call = older["tools"][0]["http"]
    older["tools"][0]["http"] = {name: call[name] for name in ("method", "url", "headers", "timeout")}
    with tenant_context(acme):
        AgentVersion.objects.update(config=older)
        check = draft.agent.scenarios.get().pk
    _opened(admin, draft, check)


@pytest.mark.parametrize(
    "parameters",
    [
        {"type": "object"},
        {"type": "object", "properties": {"a": True, "b": False}},
        {"type": "object", "properties": {"a": {"type": ["string", "null"]}, "b": {"enum": ["x, y", 1, None]}}},
        {"type": "object", "properties": {"": {}, "a\x00": {}}, "required": ["nobody"]},
    ],
)
def test_http_tools_of_the_api(admin: Client, acme: Tenant, parameters: Any) -> None:
    body = {"name": "order", "kind": "http", "description": "Finds it.", "spec": {"parameters": parameters, "http": CALL}}
    made = admin.post("/api/v1/tools", body, content_type="application/json")
    assert made.status_code == 201
    assert admin.get(at("tool-edit", made.json()["id"])).status_code == 200
    pages_open(admin, acme, [{"kind": "http", "name": "order"}])


@pytest.mark.parametrize(
    ("kind", "spec", "field"),
    [
        ("http", {"http": {**CALL, "url": "https://\x00/"}}, "url"),
        ("mcp", {"url": "https://shop.example/mcp", "tools": [{"name": "\x00"}]}, "tools"),
    ],
)
def test_what_is_nothing_without_its_nul_is_refused(admin: Client, acme: Tenant, kind: str, spec: Any, field: str) -> None:
    body = {"name": "order", "kind": kind, "description": "Finds it.", "spec": spec}
    answer = admin.post("/api/v1/tools", body, content_type="application/json")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
    with tenant_context(acme):
        assert not Tool.objects.exists()


def test_a_tool_that_newer_rules_would_refuse(admin: Client, acme: Tenant) -> None:
    with tenant_context(acme):
        tool = tool_create(name="order", kind="http", description="Finds it.", spec={"http": CALL})
        tool.spec["http"]["headers"] = {"X-Key": "{secret:SHOP} é"}
        tool.save()
    for address in (at("tools"), at("tool-edit", tool.pk), at("providers"), "/api/v1/tools"):
        assert admin.get(address).status_code == 200


def _mcp(*tools: Any) -> Callable[[BaseHTTPRequestHandler], None]:
    """A server that lists these, as JSON."""
    lists: Iterator[int] = iter(range(1, 99))

    def send(handler: BaseHTTPRequestHandler) -> None:
        at = next(lists)
        body = json.dumps({"jsonrpc": "2.0", "id": {1: 1, 3: 2}.get(at), "result": {"tools": tools} if at == 3 else {}}).encode()
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return send


@pytest.mark.parametrize(
    "schema", [None, 5, [], {"type": "string"}, {"type": 5}, {"type": "object", "properties": []}, {"properties": {}}]
)
def test_an_mcp_server_with_a_strange_schema(admin: Client, acme: Tenant, settings: Any, schema: Any) -> None:
    settings.TOOL_ALLOWED_NETWORKS = [f"{ALLOWED}/32"]
    with serving(_mcp({"name": "say", "description": None, "inputSchema": schema})) as server:
        form = {"name": "order", "url": f"http://{ALLOWED}:{server.port}/mcp", "timeout": "5", "enabled": "on"}
        assert admin.post(at("mcp-new"), form).status_code == 302
    with tenant_context(acme):
        tool = Tool.objects.get()
    assert [one["parameters"] for one in tool.spec["tools"]] == [{"type": "object", "properties": {}}]
    assert admin.get(at("mcp-edit", tool.pk)).status_code == 200
    tried = admin.post(at("mcp-test", tool.pk), {"called": "say", "arguments": '{"a": 1}'})
    assert (tried.status_code, "did not work" in tried.content.decode()) == (200, True)
    pages_open(admin, acme, [{"kind": "mcp", "name": "order"}])


def test_an_mcp_server_that_names_a_tool_with_a_nul(admin: Client, acme: Tenant, settings: Any) -> None:
    settings.TOOL_ALLOWED_NETWORKS = [f"{ALLOWED}/32"]
    with serving(_mcp({"name": "\x00"})) as server:
        form = {"name": "order", "url": f"http://{ALLOWED}:{server.port}/mcp", "timeout": "5"}
        answer = admin.post(at("mcp-new"), form)
    assert "lists a tool without a name" in answer.content.decode()
    with tenant_context(acme):
        assert not Tool.objects.exists()


def test_a_schema_whose_id_is_no_address() -> None:
    schema = {"type": "object", "properties": {"a": {"$id": "http://["}}, "$id": "x"}
    with pytest.raises(ToolFailed, match="refers to another one that cannot be read"):
        arguments_check({"a": 1}, schema)


def test_a_schema_that_only_lacks_its_type_keeps_its_properties() -> None:
    assert schema_usable({"properties": {"a": {}}}) == {"type": "object", "properties": {"a": {}}}
