"""Which tools a configuration offers a model: its own, the library's, MCP servers' and the built-in ones, under one shape."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from apps.compass.models import Tool
from apps.compass.payloads_tools import HttpTool, McpServer, McpTool
from apps.compass.registry import EVERYWHERE, BuiltinSpec, ToolContext, ToolFailed, tool_builtin, tool_runner
from apps.compass.tools.arguments import arguments_check
from apps.compass.tools.http import http_run
from apps.compass.tools.mcp import mcp_run
from apps.core.errors import MeridianError

NAME_LENGTH = 64  # what models take
UNNAMEABLE = re.compile(r"[^a-zA-Z0-9_-]+")
Config = dict[str, Any]


@dataclass(frozen=True)
class Offer:
    """A tool as a model is told of it, and how it is run. `subjects`: call, turn, or both."""

    name: str
    description: str
    parameters: dict[str, Any]
    kind: str
    run: Callable[[ToolContext, dict[str, Any]], Any]
    subjects: tuple[str, ...] = EVERYWHERE


def tool_specs(tools: list[Config], *, subject: str | None = None) -> list[dict[str, Any]]:
    """The tools of a stored configuration as `GET /agents/{id}` answers them, for calls, for turns, or all."""
    return [
        {"name": offer.name, "description": offer.description, "parameters": offer.parameters, "kind": offer.kind}
        for offer in offers_of(tools)
        if subject is None or subject in offer.subjects
    ]


def offers_of(tools: list[Config]) -> list[Offer]:
    """In the order of the configuration, each name once; what is switched off or gone is left out."""
    rows = library_rows(tools)
    offers: dict[str, Offer] = {}
    for tool in tools:
        for offer in _offers(tool, rows):
            offers.setdefault(offer.name, offer)
    return list(offers.values())


def library_rows(tools: list[Config]) -> dict[tuple[str, str], Tool]:
    """The enabled tools of the library that a configuration names, by kind and name; no query where it names none."""
    wanted = {tool["name"] for tool in tools if is_reference(tool)}
    rows = Tool.objects.filter(name__in=wanted, enabled=True) if wanted else ()
    return {(row.kind, row.name): row for row in rows}


def is_reference(tool: Config) -> bool:
    """Whether what it does is kept in the library."""
    return tool["kind"] == Tool.Kind.MCP or (tool["kind"] == Tool.Kind.HTTP and "http" not in tool)


def _offers(tool: Config, rows: dict[tuple[str, str], Tool]) -> list[Offer]:
    if tool["kind"] == "builtin":
        spec = tool_builtin(tool["name"])
        return [_builtin_offer(spec, tool.get("options") or {})] if spec else []
    if not is_reference(tool):
        return [_http_offer(HttpTool.model_validate(tool))]
    row = rows.get((tool["kind"], tool["name"]))
    if row is None:
        return []
    if row.kind == Tool.Kind.HTTP:
        return [_http_offer(row.http)]
    return [_mcp_offer(row.name, row.server, one) for one in mcp_chosen(row.server, tool.get("tools"))]


def _http_offer(tool: HttpTool) -> Offer:
    return Offer(tool.name, tool.description, tool.parameters, "http", lambda _, arguments: http_run(tool, arguments))


def mcp_chosen(server: McpServer, wanted: list[str] | None) -> list[McpTool]:
    """The tools that are switched on in the library, and of those what the agent wants; None wants all."""
    return [tool for tool in server.tools if tool.enabled and (wanted is None or tool.name in wanted)]


def mcp_name(server: str, tool: str) -> str:
    """The name that models know an MCP tool by: its server's, and its own in letters that models take."""
    return f"{server}_{UNNAMEABLE.sub('_', tool)}"[:NAME_LENGTH]


def _mcp_offer(name: str, server: McpServer, tool: McpTool) -> Offer:
    called = mcp_name(name, tool.name)

    def run(_: ToolContext, arguments: dict[str, Any]) -> Any:
        arguments_check(arguments, tool.parameters)
        return mcp_run(server, called=called, tool=tool.name, arguments=arguments)

    return Offer(called, tool.description or tool.name, tool.parameters, "mcp", run)


def _builtin_offer(spec: BuiltinSpec, options: Config) -> Offer:
    parameters = spec.parameters_with(options)
    return Offer(
        spec.name, spec.description, parameters, "builtin", partial(_builtin_run, spec, options, parameters), spec.subjects
    )


def _builtin_run(spec: BuiltinSpec, options: Config, parameters: Config, context: ToolContext, arguments: dict[str, Any]) -> Any:
    run = tool_runner(spec.name, context.subject_kind)
    if run is None:
        raise ToolFailed(f"{spec.name} is done by the one who talks to the caller, not by Compass.")
    arguments_check(arguments, parameters)
    asking = ToolContext(context.tenant, context.agent_id, context.subject_kind, context.subject_id, options)
    try:
        return run(asking, arguments)
    except MeridianError as error:
        raise ToolFailed(str(error)) from error
