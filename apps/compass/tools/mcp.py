"""MCP servers over streamable HTTP, spoken through the guarded client: no connection leaves by another way.

Wire format: https://modelcontextprotocol.io/specification/2025-06-18/basic/transports#streamable-http
"""

import json
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from apps.compass.client import Answer, Call, Deadline, RequestFailed, request
from apps.compass.guard import Blocked
from apps.compass.payloads_tools import McpServer, McpTool
from apps.compass.registry import ToolFailed
from apps.compass.tools.arguments import EXCERPT
from apps.compass.tools.secrets import Headers, headers_with_secrets
from apps.core.payloads import json_read, storable

PROTOCOL = "2025-06-18"
MAX_PAGES = 10
MAX_TOOLS = 100
CLIENT = {"name": "Meridian", "version": "1"}
TEXTS = {"text/event-stream", "application/json"}
Json = dict[str, Any]


class McpFailed(ToolFailed):
    """The server could not be used; the sentence is for the tool's owner and the model alike."""


def mcp_run(server: McpServer, *, called: str, tool: str, arguments: Json) -> Any:
    """Calls one tool of a server. Raises ToolFailed."""
    try:
        with McpSession(server) as session:
            return _content(called, session.ask("tools/call", {"name": tool, "arguments": arguments}))
    except McpFailed as error:
        raise ToolFailed(f"{called} did not work. {error}") from error


def mcp_tools(server: McpServer) -> list[McpTool]:
    """The tools that a server has now, at most 100. Raises McpFailed."""
    with McpSession(server) as session:
        found: list[Json] = []
        cursor: str | None = None
        for _ in range(MAX_PAGES):
            page = session.ask("tools/list", {"cursor": cursor} if cursor else {})
            found += [one for one in page.get("tools") or [] if isinstance(one, dict)]
            cursor = page.get("nextCursor")
            if not cursor or len(found) >= MAX_TOOLS:
                break
    return [_tool(one) for one in found[:MAX_TOOLS]]


def _tool(found: Json) -> McpTool:
    found = storable(found)
    schema = found.get("inputSchema")
    try:
        return McpTool(
            name=found.get("name", ""),
            description=str(found.get("description") or found.get("title") or "")[:4_000],
            parameters=schema if isinstance(schema, dict) else {"type": "object", "properties": {}},
        )
    except ValidationError as error:
        raise McpFailed("The server lists a tool without a name.") from error


def _content(called: str, result: Json) -> Any:
    """Structured content where there is some, else the texts (specification, Server Features, Tools, Tool Result)."""
    parts = [part for part in result.get("content") or [] if isinstance(part, dict)]
    text = "\n".join(str(part.get("text") or f"({part.get('type', 'something')})") for part in parts)
    if result.get("isError"):
        raise ToolFailed(f"{called} did not work: {text[:EXCERPT] or 'no reason given'}")
    return result["structuredContent"] if isinstance(result.get("structuredContent"), dict) else text


class McpSession:
    """One handshake and what is asked after it, all within the server's timeout."""

    def __init__(self, server: McpServer) -> None:
        self._server = server
        self._headers: Headers = headers_with_secrets(server.headers)
        self._deadline = Deadline(server.timeout)
        self._own: dict[str, str] = {}
        self._next = 0

    def __enter__(self) -> "McpSession":
        wish = {"protocolVersion": PROTOCOL, "capabilities": {}, "clientInfo": CLIENT}
        answer = self._post({"jsonrpc": "2.0", "id": self._id(), "method": "initialize", "params": wish})
        result = self._result(answer, self._next)
        self._own["MCP-Protocol-Version"] = str(result.get("protocolVersion") or PROTOCOL)[:20]
        if session := answer.headers.get("mcp-session-id"):
            self._own["Mcp-Session-Id"] = session
        self._post({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return self

    def __exit__(self, *_: object) -> None:
        """Servers forget idle sessions by themselves; a caller who waits is not kept for a goodbye."""

    def ask(self, method: str, params: Json) -> Json:
        """The result of one request. Raises McpFailed."""
        return self._result(self._post({"jsonrpc": "2.0", "id": self._id(), "method": method, "params": params}), self._next)

    def _id(self) -> int:
        self._next += 1
        return self._next

    def _post(self, message: Json) -> Answer:
        headers = {**self._headers.sent, "Content-Type": "application/json", "Accept": ", ".join(sorted(TEXTS)), **self._own}
        wanted = message.get("id")
        call = Call("POST", self._server.url, headers, json.dumps(message).encode())
        try:
            answer = request(call, timeout=self._deadline.left(), enough=lambda body: wanted is None or _has(body, wanted))
        except Blocked as error:
            raise McpFailed("The server's address is in a network that tools may not reach.") from error
        except RequestFailed as error:
            raise McpFailed(str(error)) from error
        answer = self._headers.masked(answer)
        if not 200 <= answer.status < 300:
            raise McpFailed(_refusal(answer))
        return answer

    def _result(self, answer: Answer, wanted: int) -> Json:
        reply = next((one for one in _messages(answer) if one.get("id") == wanted and one.keys() & {"result", "error"}), None)
        if reply is None:
            raise McpFailed("The server gave no answer to what it was asked; is this the address of an MCP server?")
        if isinstance(reply.get("error"), dict):
            raise McpFailed(f"The server refused: {str(reply['error'].get('message') or 'no reason given')[:EXCERPT]}")
        result = reply.get("result")
        return result if isinstance(result, dict) else {}


def _refusal(answer: Answer) -> str:
    if answer.status in (401, 403):
        return f"The server answered {answer.status}: it does not accept the key in the headers."
    if answer.status in (404, 405):
        return f"The server answered {answer.status}: there is no MCP server at this address. It often ends in /mcp."
    return f"The server answered {answer.status}."


def _has(body: bytes, wanted: int) -> bool:
    """Whether a stream of events already holds the reply, so that one that stays open is not waited for."""
    return body.endswith((b"\n\n", b"\r\n\r\n")) and any(
        one.get("id") == wanted for one in _events(body.decode("utf-8", "replace"))
    )


def _messages(answer: Answer) -> Iterator[Json]:
    text = answer.body.decode("utf-8", "replace")
    if "event-stream" in answer.headers.get("content-type", ""):
        return _events(text)
    return _objects(text)


def _events(text: str) -> Iterator[Json]:
    """The messages of a stream (https://html.spec.whatwg.org/multipage/server-sent-events.html, 9.2.6)."""
    for event in text.replace("\r\n", "\n").replace("\r", "\n").split("\n\n"):
        lines = [line[5:].removeprefix(" ") for line in event.split("\n") if line.startswith("data:")]
        if lines:
            yield from _objects("\n".join(lines))


def _objects(text: str) -> Iterator[Json]:
    try:
        value = json_read(text)
    except ValueError:
        return
    yield from (one for one in (value if isinstance(value, list) else [value]) if isinstance(one, dict))
