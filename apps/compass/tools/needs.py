"""What a configuration's tools need from elsewhere: library entries, built-ins, options and secrets."""

from typing import Any

from jsonschema import Draft202012Validator
from jsonschema import ValidationError as JsonSchemaError
from jsonschema.exceptions import best_match

from apps.compass.models import Tool, ToolSecret
from apps.compass.payloads_tools import HttpTool
from apps.compass.registry import BuiltinSpec, tool_builtin, tool_names
from apps.compass.tools.arguments import EXCERPT
from apps.compass.tools.offers import is_reference, library_rows
from apps.compass.words import SHOWN

Config = dict[str, Any]


def tools_problems(tools: list[Config]) -> list[str]:
    """A sentence for each tool that is not here or whose options do not fit."""
    return [*_builtin_problems(tools), *_library_problems(tools)]


def _builtin_problems(tools: list[Config]) -> list[str]:
    chosen = [(tool, tool_builtin(tool["name"])) for tool in tools if tool["kind"] == "builtin"]
    unknown = [tool["name"] for tool, spec in chosen if spec is None]
    problems = [f"tools: {', '.join(unknown)} is not built in; there are {', '.join(tool_names())}."] if unknown else []
    for tool, spec in chosen:
        error = best_match(Draft202012Validator(spec.options).iter_errors(tool["options"])) if spec else None
        if spec and error:
            problems.append(f"tools: {_setting_said(spec, error, tool['options'])}.")
    return problems


def _setting_said(spec: BuiltinSpec, error: JsonSchemaError, options: Config) -> str:
    """What is wrong with a setting, in the words in which its form asks for it."""
    missing = [name for name in spec.options.get("required", ()) if name not in options]
    name = next(map(str, [*error.absolute_path, *missing]), "")
    field = spec.options.get("properties", {}).get(name)
    if field is None:
        return f"the settings of {spec.name} do not fit: {error.message[:EXCERPT]}"
    what = f"“{str(error.instance)[:SHOWN]}” does not fit" if error.absolute_path else "nothing is written"
    return f"{what} under “{field['title']}” of “{spec.title}”. {field['description'].rstrip('.')}"


def _library_problems(tools: list[Config]) -> list[str]:
    wanted = {(tool["kind"], tool["name"]) for tool in tools if is_reference(tool)}
    if not wanted:
        return []
    known = set(Tool.objects.filter(name__in={name for _, name in wanted}).values_list("kind", "name"))
    return [
        f"tools: there is no tool named {name} in the library. Make it under Tools first." for _, name in sorted(wanted - known)
    ]


def secrets_missing(tools: list[Config]) -> set[str]:
    """The secrets that inline tools and the library's tools name and that are not stored."""
    needed = {name for tool in tools if _is_inline(tool) for name in HttpTool.model_validate(tool).http.secrets}
    needed |= {name for row in library_rows(tools).values() for name in row.secrets}
    return needed - set(ToolSecret.objects.filter(name__in=needed).values_list("name", flat=True)) if needed else set()


def _is_inline(tool: Config) -> bool:
    return bool(tool["kind"] == "http") and not is_reference(tool)
