"""Every write to the tenant's tool library."""

from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from pydantic import ValidationError

from apps.compass.models import Tool
from apps.compass.payloads_tools import HttpTool, McpServer, schema_usable
from apps.compass.registry import tool_builtin
from apps.compass.selectors.tools import agents_using
from apps.compass.tools.mcp import McpFailed, mcp_tools
from apps.compass.words import said, said_whole
from apps.core.errors import PermanentError
from apps.core.payloads import storable

PARTS = {"http", "parameters"}
NAMED = {"headers", "pick"}


class ToolInvalid(PermanentError):
    """A tool cannot be kept; `errors` are pairs of a field (empty for the whole) and a sentence."""

    code = "invalid_tool"

    def __init__(self, errors: list[tuple[str, str]]) -> None:
        super().__init__(" ".join(text for _field, text in errors))
        self.errors = errors


def tool_create(
    *, name: str, kind: str, spec: dict[str, Any], description: str = "", enabled: bool = True, by: UUID | None = None
) -> Tool:
    """Adds a tool to the library. Raises ToolInvalid."""
    return _keep(Tool(name=name, kind=kind), name, description, spec, enabled, by)


@transaction.atomic
def tool_update(
    *, tool: Tool, name: str, spec: dict[str, Any], description: str = "", enabled: bool = True, by: UUID | None = None
) -> Tool:
    """Changes a tool for every agent that uses it. Raises ToolInvalid, also for a new name while agents use the old one."""
    if name != tool.name:
        _unused(tool, _("Its name cannot be changed while agents use it: %(agents)s. Take it out of them first."))
    return _keep(tool, name, description, spec, enabled, by)


def tool_enable(*, tool: Tool, enabled: bool) -> Tool:
    """A tool that is switched off is offered to no agent from now on, also not in running calls."""
    tool.enabled = enabled
    tool.save(update_fields=["enabled", "updated_at"])
    return tool


@transaction.atomic
def tool_delete(*, tool: Tool) -> None:
    """Raises ToolInvalid naming the agents that use it."""
    _unused(tool, _("It is used by %(agents)s. Take it out of them first, or switch it off."))
    tool.delete()


def tool_checked(*, name: str, kind: str, spec: dict[str, Any], description: str = "") -> HttpTool | McpServer:
    """The tool in its parts, not kept. Raises ToolInvalid."""
    try:
        if kind == Tool.Kind.MCP:
            HttpTool.model_validate({"kind": "http", "name": name, "description": "x", "http": {"url": "http://x.example"}})
            return _usable(McpServer.model_validate(spec))
        extra = spec.keys() - PARTS
        if extra:
            raise ToolInvalid([("", f"spec: {', '.join(sorted(extra))} is not part of an HTTP tool.")])
        return HttpTool.model_validate({"kind": "http", "name": name, "description": description, **spec})
    except ValidationError as error:
        raise ToolInvalid([_told(item) for item in error.errors()]) from error


def _usable(server: McpServer) -> McpServer:
    tools = [tool.model_copy(update={"parameters": schema_usable(tool.parameters)}) for tool in server.tools]
    return server.model_copy(update={"tools": tools})


def mcp_refresh(*, server: McpServer) -> McpServer:
    """The server with the tools that it has now; those known stay switched on or off. Raises McpFailed."""
    known = {tool.name: tool.enabled for tool in server.tools}
    found = mcp_tools(server)
    if not found:
        raise McpFailed(_("The server answers, and has no tools."))
    tools = [tool.model_copy(update={"enabled": known.get(tool.name, True)}) for tool in found]
    return server.model_copy(update={"tools": tools})


def _keep(tool: Tool, name: str, description: str, spec: dict[str, Any], enabled: bool, by: UUID | None) -> Tool:
    spec, description = storable(spec), storable(description.strip())  # before it is checked: what is kept has to hold
    checked = tool_checked(name=name, kind=tool.kind, spec=spec, description=description)
    if tool_builtin(name) is not None:
        raise ToolInvalid([("name", _("A built-in tool has this name. Choose another."))])
    include = PARTS if isinstance(checked, HttpTool) else None
    tool.spec = checked.model_dump(mode="json", include=include)
    tool.name, tool.description, tool.enabled, tool.updated_by = name, description, enabled, by
    try:
        with transaction.atomic():
            tool.save()
    except IntegrityError as error:
        raise ToolInvalid([("name", _("There is a tool of this name already. Choose another."))]) from error
    return tool


def _unused(tool: Tool, sentence: str) -> None:
    agents = agents_using(tool)
    if agents:
        raise ToolInvalid([("name", sentence % {"agents": ", ".join(agents)})])


def _told(item: Any) -> tuple[str, str]:
    """Where in the form, and what is wrong, as a sentence; one of several headers or picks is named."""
    place = [str(part) for part in item["loc"]]
    http = place[:1] == ["http"] and len(place) > 1
    field, rest = (place[1], place[2:]) if http else (next(iter(place), ""), place[1:])
    named = field in NAMED and rest and "[key]" not in rest
    return field, f"“{rest[0]}”: {said(item)}." if named else said_whole(item)
