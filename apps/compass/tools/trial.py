"""Running a tool once for its owner: what was sent, what came back, and what the model would get."""

import time
from dataclasses import dataclass, field
from typing import Any

from apps.compass.payloads_tools import HttpTool, McpServer
from apps.compass.registry import ToolFailed
from apps.compass.tools.arguments import arguments_check
from apps.compass.tools.http import http_prepare, http_result, http_send
from apps.compass.tools.mcp import mcp_run

SHOWN = 20_000  # characters of a body


@dataclass
class Trial:
    """`seconds` from the request to the last byte. Secrets are blacked out; `error` is what the model would be told."""

    ok: bool = False
    method: str = ""
    url: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    status: int | None = None
    seconds: float = 0.0
    response: str = ""
    result: Any = None
    error: str = ""


def http_try(tool: HttpTool, arguments: dict[str, Any]) -> Trial:
    """Really calls the service once (and again, where the tool retries)."""
    trial = Trial()
    started = time.monotonic()
    try:
        prepared = http_prepare(tool, arguments)
        call = prepared.call
        trial.method, trial.url, trial.headers = call.method, call.url, prepared.headers.shown
        trial.body = (call.body or b"").decode()
        answer = http_send(tool, prepared)
        trial.seconds = time.monotonic() - started
        trial.status, trial.response = answer.status, answer.body.decode("utf-8", "replace")[:SHOWN]
        trial.result = http_result(tool, answer)
        trial.ok = True
    except ToolFailed as error:
        trial.seconds = trial.seconds or time.monotonic() - started
        trial.error = str(error)
    return trial


def mcp_try(server: McpServer, *, tool: str, arguments: dict[str, Any]) -> Trial:
    """Really calls one tool of the server."""
    known = next((one for one in server.tools if one.name == tool), None)
    trial = Trial(method="POST", url=server.url, headers=server.headers)
    started = time.monotonic()
    try:
        if known is None:
            raise ToolFailed(f"The server has no tool named {tool}. Look for its tools again.")
        arguments_check(arguments, known.parameters)
        trial.result = mcp_run(server, called=tool, tool=tool, arguments=arguments)
        trial.ok = True
    except ToolFailed as error:
        trial.error = str(error)
    trial.seconds = time.monotonic() - started
    return trial
