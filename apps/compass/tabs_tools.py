"""The editor's tab of tools: which of the library, which built-in ones with what options, and the agent's own inline tools."""

import json
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as __
from django.utils.translation import gettext_lazy as _

from apps.compass.editor import Editing, tab_register
from apps.compass.registry import BuiltinSpec, tool_builtin, tool_names
from apps.compass.selectors.tools import tools_all
from apps.compass.services.config import ConfigInvalid
from apps.compass.tools.offers import is_reference
from apps.core.payloads import json_read

Config = dict[str, Any]


@dataclass(frozen=True)
class OptionField:
    """A setting of a built-in tool as a form shows it. `lines`: a list of texts, one a line."""

    name: str
    label: str
    help: str
    value: str
    lines: bool


def tabs_tools_register() -> None:
    """Called from ready()."""
    tab_register("tools", _("Tools"), "wrench", "compass/agents/tabs/_tools.html", tools_context, read=tools_read, order=50)


def tools_context(editing: Editing) -> Config:
    """What can be chosen, and what is."""
    tools = editing.config.get("tools", [])
    references = {(tool["kind"], tool["name"]): tool for tool in tools if is_reference(tool)}
    chosen = {tool["name"]: tool.get("options", {}) for tool in tools if tool["kind"] == "builtin"}
    return {
        "library": [{"tool": row, "chosen": (row.kind, row.name) in references} for row in tools_all()],
        "builtins": [_builtin(spec, chosen) for spec in map(tool_builtin, tool_names()) if spec is not None],
        "inline": [_inline(tool) for tool in tools if tool["kind"] == "http" and not is_reference(tool)],
        "partial": [json.dumps(tool) for tool in references.values() if tool.get("tools") is not None],
    }


def _builtin(spec: BuiltinSpec, chosen: dict[str, Config]) -> Config:
    options = chosen.get(spec.name, {})
    fields = [_option(spec.name, name, schema, options) for name, schema in spec.options.get("properties", {}).items()]
    return {"spec": spec, "chosen": spec.name in chosen, "fields": fields, "chat": "turn" in spec.subjects}


def _option(tool: str, name: str, schema: Config, options: Config) -> OptionField:
    value = options.get(name, [] if schema.get("type") == "array" else "")
    lines = isinstance(value, list)
    text = "\n".join(value) if lines else str(value)
    return OptionField(f"option.{tool}.{name}", schema.get("title", name), schema.get("description", ""), text, lines)


def _inline(tool: Config) -> Config:
    return {"name": tool["name"], "description": tool["description"], "json": json.dumps(tool)}


def tools_read(posted: QueryDict) -> Config:
    """The part of the configuration that the tab's fields stand for. Order: library, built-in, inline. Raises ConfigInvalid."""
    partial = {(str(one.get("kind")), str(one.get("name"))): one for one in map(_tool, posted.getlist("tool_partial"))}
    library = []
    for value in posted.getlist("tool_library"):
        kind, _colon, name = value.partition(":")
        library.append(partial.get((kind, name), {"kind": kind, "name": name}))
    builtins = [{"kind": "builtin", "name": name, "options": _options(name, posted)} for name in posted.getlist("tool_builtin")]
    return {"tools": [*library, *builtins, *map(_tool, posted.getlist("tool_inline"))]}


def _tool(text: str) -> Config:
    """What the page itself wrote into a field that nobody sees."""
    try:
        tool = json_read(text)
    except ValueError:
        tool = None
    if not isinstance(tool, dict):
        raise ConfigInvalid([__("A tool did not come as the page had it. Load the page again, and save then.")])
    return tool


def _options(tool: str, posted: QueryDict) -> Config:
    spec = tool_builtin(tool)
    schemas = spec.options.get("properties", {}) if spec else {}
    values = {name: _value(schema, posted.get(f"option.{tool}.{name}", "")) for name, schema in schemas.items()}
    return {name: value for name, value in values.items() if value not in ("", [])}


def _value(schema: Config, text: str) -> Any:
    if schema.get("type") == "array":
        return [line.strip() for line in text.splitlines() if line.strip()]
    return text.strip()
