"""MCP servers: a real one (the SDK's) as stand-in, spoken to through the guard, by admins, agents and nobody else."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn
from django.test import Client
from django.urls import reverse
from django_tenants.utils import tenant_context
from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings

from apps.compass.models import Tool
from apps.compass.payloads_tools import McpServer
from apps.compass.registry import ToolContext, ToolFailed
from apps.compass.selectors import agent_config, agent_for_call
from apps.compass.services import secret_set
from apps.compass.services.tools import mcp_refresh, tool_create
from apps.compass.tools import tool_run
from apps.compass.tools.mcp import McpFailed, mcp_tools
from apps.tenants.models import Tenant, User
from tests.compass.factories import agent_published
from tests.compass.servers import ALLOWED, VICTIM, Trap, reply, serving

CONTEXT = ToolContext("acme", "x", "call", "x")


def crm() -> MCPServer:
    server = MCPServer("crm")

    @server.tool()
    def find_customer(number: str) -> dict[str, str]:
        """Finds a customer by number."""
        return {"name": f"Customer {number}"}

    @server.tool()
    def say(text: str) -> str:
        """Says it back."""
        return text

    @server.tool()
    def break_down() -> str:
        """Never works."""
        raise ValueError("The drawer is stuck.")

    return server


@contextmanager
def speaking(**options: Any) -> Iterator[str]:
    """The server on ALLOWED for the time of the block; yields its address."""
    listener = socket.create_server((ALLOWED, 0))
    free = TransportSecuritySettings(enable_dns_rebinding_protection=False)
    app = crm().streamable_http_app(transport_security=free, **options)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="on"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"http://{ALLOWED}:{listener.getsockname()[1]}/mcp"
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        listener.close()


@pytest.fixture(
    scope="module", params=[{"json_response": False}, {"json_response": True, "stateless_http": True}], ids=["sse", "json"]
)
def address(request: pytest.FixtureRequest) -> Iterator[str]:
    with speaking(**request.param) as url:
        yield url


@pytest.fixture(autouse=True)
def _allowed(settings: Any) -> None:
    settings.TOOL_ALLOWED_NETWORKS = [f"{ALLOWED}/32"]


def stored(url: str, **values: Any) -> Tool:
    server = mcp_refresh(server=McpServer(url=url, **values))
    return tool_create(name="crm", kind="mcp", spec=server.model_dump(mode="json"))


def run(agent: Any, name: str, **arguments: Any) -> Any:
    return tool_run(version=agent_for_call(agent.pk), name=name, arguments=arguments, context=CONTEXT)


def test_its_tools_are_listed_and_run(in_acme: Any, address: str) -> None:
    tool = stored(address)
    assert [one["name"] for one in tool.spec["tools"]] == ["find_customer", "say", "break_down"]
    agent = agent_published(tools=[{"kind": "mcp", "name": "crm"}])
    specs = {one["name"]: one for one in agent_config(agent_for_call(agent.pk))["tools"]}
    assert set(specs) == {"crm_find_customer", "crm_say", "crm_break_down"}
    assert specs["crm_find_customer"]["description"] == "Finds a customer by number."
    assert specs["crm_find_customer"]["parameters"]["required"] == ["number"]
    assert {one["kind"] for one in specs.values()} == {"mcp"}
    assert run(agent, "crm_find_customer", number="7")["name"] == "Customer 7"
    assert "héllo" in str(run(agent, "crm_say", text="héllo"))
    with pytest.raises(ToolFailed, match="Error executing tool break_down"):
        run(agent, "crm_break_down")
    with pytest.raises(ToolFailed, match="'number' is a required property"):
        run(agent, "crm_find_customer")


def test_only_what_is_chosen_is_offered(in_acme: Any, address: str) -> None:
    tool = stored(address)
    tool.spec["tools"][2]["enabled"] = False
    tool.save()
    agent = agent_published(tools=[{"kind": "mcp", "name": "crm", "tools": ["say", "break_down"]}])
    assert [one["name"] for one in agent_config(agent_for_call(agent.pk))["tools"]] == ["crm_say"]
    again = mcp_refresh(server=tool.server)
    assert [one.enabled for one in again.tools] == [True, True, False]


def test_secrets_go_in_headers(in_acme: Any) -> None:
    secret_set(name="CRM", value="canary-mcp-key")
    with serving(reply(401)) as door:
        server = McpServer(url=f"http://{ALLOWED}:{door.port}/mcp", headers={"Authorization": "Bearer {secret:CRM}"})
        with pytest.raises(McpFailed, match="does not accept the key"):
            mcp_tools(server)
        assert door.requests[0][2]["Authorization"] == "Bearer canary-mcp-key"


@pytest.mark.parametrize(
    ("send", "words"),
    [
        (reply(404), "no MCP server at this address"),
        (reply(500), "answered 500"),
        (reply(body=b"<html>", content_type="text/html"), "is this the address of an MCP server"),
        (reply(body=b'{"jsonrpc": "2.0", "id": 1, "error": {"code": -1, "message": "Closed today."}}'), "Closed today"),
        (reply(body=b"x" * 300_000), "more than 256 KB"),
    ],
)
def test_servers_that_are_none(in_acme: Any, send: Any, words: str) -> None:
    with serving(send) as door, pytest.raises(McpFailed, match=words):
        mcp_tools(McpServer(url=f"http://{ALLOWED}:{door.port}/mcp"))


def test_a_stream_that_stays_open_is_not_waited_for(in_acme: Any) -> None:
    gone = threading.Event()

    def endless(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.end_headers()
        for number in (1, 2):
            handler.wfile.write(b'data: {"jsonrpc":"2.0","id":%d,"result":{"tools":[{"name":"a"}]}}\n\n' % number)
        handler.wfile.flush()
        gone.wait(60)

    with serving(endless) as door:
        server = McpServer(url=f"http://{ALLOWED}:{door.port}/mcp", timeout=15)
        assert [tool.name for tool in mcp_tools(server)] == ["a"]
        gone.set()


@pytest.mark.parametrize("host", [VICTIM, "localhost", "10.0.0.1", "169.254.169.254", "[::ffff:127.0.0.1]", "2130706433"])
def test_the_guard_stands_before_it(in_acme: Any, host: str) -> None:
    trap = Trap()
    with pytest.raises(McpFailed, match="a network that tools may not reach"):
        mcp_tools(McpServer(url=f"http://{host}:{trap.port}/mcp"))
    with serving(reply(307, Location=f"http://{host}:{trap.port}/mcp")) as door, pytest.raises(McpFailed):
        mcp_tools(McpServer(url=f"http://{ALLOWED}:{door.port}/mcp"))
    assert trap.connections() == 0
    trap.close()


def test_on_its_page(
    client_for: Callable[[User | None, str], Client], acme: Tenant, alice: User, bob: User, address: str
) -> None:
    admin = client_for(alice, "acme")

    def at(name: str, *args: object) -> str:
        return reverse(name, urlconf="config.urls_tenant", args=args)

    form = {"name": "crm", "description": "Customers", "url": address, "timeout": "5", "enabled": "on"}
    nowhere = admin.post(at("mcp-new"), {**form, "url": "http://10.0.0.1/mcp"})
    assert (nowhere.status_code, "may not reach" in nowhere.content.decode()) == (422, True)
    assert admin.post(at("mcp-new"), form).status_code == 302
    with tenant_context(acme):
        tool = Tool.objects.get()
    assert "find_customer" in admin.get(at("mcp-edit", tool.pk)).content.decode()
    admin.post(at("mcp-edit", tool.pk), {**form, "chosen": ["say"]})
    with tenant_context(acme):
        assert [one.name for one in Tool.objects.get().server.tools if one.enabled] == ["say"]
    page = admin.post(at("mcp-test", tool.pk), {"called": "say", "arguments": '{"text": "good day"}'}).content.decode()
    assert "It works." in page and "good day" in page
    assert client_for(bob, "acme").post(at("mcp-edit", tool.pk), form).status_code == 403
