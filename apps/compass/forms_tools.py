"""The form of a tool: rows of parameters, headers and picked fields, or the JSON Schema itself."""

import json
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as __
from django.utils.translation import gettext_lazy as _

from apps.compass.models import Tool
from apps.core.payloads import json_read

TYPES = ("string", "integer", "number", "boolean", "array", "object")
ROW_KEYS = {"type", "description", "enum"}
SCHEMA_KEYS = {"type", "properties", "required", "additionalProperties"}
METHODS = [(name, name) for name in ("GET", "POST", "PUT", "PATCH", "DELETE")]
BLANK_PARAMETER = {"name": "", "type": "string", "description": "", "required": True, "enum": ""}
SAMPLES: dict[str, Any] = {"integer": 1, "number": 1.5, "boolean": True, "array": [], "object": {}}


class HttpToolForm(forms.Form):
    """The single fields; the rows beside them are read by `spec_of`."""

    name = forms.CharField(
        label=_("Name"), max_length=64, help_text=_("What the model calls it, such as order_status: letters, digits and _.")
    )
    description = forms.CharField(
        label=_("Description"),
        max_length=1_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Tells the model what it does and when to use it. The clearer, the better it is used."),
    )
    method = forms.ChoiceField(label=_("Method"), choices=METHODS, initial="GET")
    url = forms.CharField(
        label=_("Address"),
        max_length=2_000,
        widget=forms.TextInput(
            attrs={"inputmode": "url", "spellcheck": "false", "placeholder": "https://api.example.com/orders/{order_id}"}
        ),
        help_text=_("{order_id} takes the parameter of that name; the others go into the query, or into the body as JSON."),
    )
    timeout = forms.FloatField(
        label=_("Seconds to wait"),
        min_value=0.5,
        max_value=15,
        initial=10,
        help_text=_("All tries together. A caller hears silence."),
    )
    retries = forms.IntegerField(
        label=_("Retries"), min_value=0, max_value=3, initial=0, help_text=_("When it cannot be reached or is overloaded.")
    )
    safe = forms.BooleanField(label=_("May be sent twice: doing it again changes nothing"), required=False)
    enabled = forms.BooleanField(label=_("Switched on"), required=False, initial=True)


class McpServerForm(forms.Form):
    """An MCP server; headers are rows, tools are found by asking it."""

    name = forms.CharField(
        label=_("Name"), max_length=64, help_text=_("Stands before the names of its tools: crm makes crm_find_customer.")
    )
    description = forms.CharField(label=_("What it is for"), max_length=1_000, required=False)
    url = forms.CharField(
        label=_("Address"),
        max_length=2_000,
        widget=forms.TextInput(attrs={"inputmode": "url", "spellcheck": "false", "placeholder": "https://mcp.example.com/mcp"}),
        help_text=_("Of a server that speaks streamable HTTP."),
    )
    timeout = forms.FloatField(label=_("Seconds to wait"), min_value=0.5, max_value=15, initial=10)
    enabled = forms.BooleanField(label=_("Switched on"), required=False, initial=True)


class RowsInvalid(Exception):
    """Rows that cannot be read; the text is a sentence."""


def http_spec(values: dict[str, Any], posted: QueryDict) -> dict[str, Any]:
    """The spec of an HTTP tool out of a valid form and its rows. Raises RowsInvalid."""
    http = {name: values[name] for name in ("method", "url", "timeout", "retries", "safe")}
    picked = _pairs(posted, "pick_name", "pick_path")
    return {"parameters": _schema(posted), "http": {**http, "headers": headers_of(posted), "pick": picked}}


def headers_of(posted: QueryDict) -> dict[str, str]:
    """The header rows."""
    return _pairs(posted, "header_name", "header_value")


def _pairs(posted: QueryDict, first: str, second: str) -> dict[str, str]:
    rows = zip(posted.getlist(first), posted.getlist(second), strict=False)
    return {name.strip(): value.strip() for name, value in rows if name.strip()}


def _schema(posted: QueryDict) -> dict[str, Any]:
    if posted.get("schema_mode") == "json":
        return json_object(posted.get("schema_json", ""), __("The JSON Schema"))
    rows = parameter_rows(posted)
    properties = {row["name"]: _property(row) for row in rows}
    if len(properties) < len(rows):
        raise RowsInvalid(__("Two parameters have the same name."))
    required = [row["name"] for row in rows if row["required"]]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def parameter_rows(posted: QueryDict) -> list[dict[str, Any]]:
    """The parameter rows that have a name."""
    names = ("param_name", "param_type", "param_description", "param_required", "param_enum")
    rows = zip(*(posted.getlist(name) for name in names), strict=False)
    return [
        {"name": name.strip(), "type": kind, "description": text.strip(), "required": needed == "yes", "enum": enum.strip()}
        for name, kind, text, needed, enum in rows
        if name.strip()
    ]


def _property(row: dict[str, Any]) -> dict[str, Any]:
    kind = row["type"] if row["type"] in TYPES else "string"
    made: dict[str, Any] = {"type": kind}
    if row["description"]:
        made["description"] = row["description"]
    if row["enum"]:
        made["enum"] = [_choice(text.strip(), kind) for text in row["enum"].split(",") if text.strip()]
    return made


def _choice(text: str, kind: str) -> Any:
    try:
        return {"integer": int, "number": float}.get(kind, str)(text)
    except ValueError as error:
        raise RowsInvalid(__("“%(text)s” among the choices is no number.") % {"text": text}) from error


def json_object(text: str, what: str) -> dict[str, Any]:
    """A JSON object that somebody typed. Raises RowsInvalid."""
    try:
        value = json_read(text or "{}")
    except ValueError as error:
        raise RowsInvalid(__("%(what)s is not JSON: %(why)s.") % {"what": what, "why": error}) from error
    if not isinstance(value, dict):
        raise RowsInvalid(__("%(what)s has to be an object in braces.") % {"what": what})
    return value


def rows_of(schema: dict[str, Any]) -> list[dict[str, Any]] | None:
    """A stored schema as rows; None where rows cannot say all of it."""
    properties = schema.get("properties", {})
    if schema.keys() - SCHEMA_KEYS or schema.get("additionalProperties", False) is not False:
        return None
    if any(one.keys() - ROW_KEYS or one.get("type") not in TYPES for one in properties.values()):
        return None
    return [
        {
            "name": name,
            "type": one["type"],
            "description": one.get("description", ""),
            "required": name in schema.get("required", []),
            "enum": ", ".join(str(choice) for choice in one.get("enum", [])),
        }
        for name, one in properties.items()
    ]


def sample_of(schema: dict[str, Any]) -> dict[str, Any]:
    """Arguments to begin trying with."""
    return {name: _sample(name, one) for name, one in schema.get("properties", {}).items() if isinstance(one, dict)}


def _sample(name: str, one: dict[str, Any]) -> Any:
    choices = one.get("enum") or one.get("examples")
    return choices[0] if choices else SAMPLES.get(str(one.get("type")), f"some {name}")


def http_rows(tool: Tool | None, posted: QueryDict | None) -> dict[str, Any]:
    """What the page shows in its rows: as posted, else as stored, else one blank row each."""
    if posted is not None:
        rows, headers = parameter_rows(posted), headers_of(posted)
        picks, mode, text = (
            _pairs(posted, "pick_name", "pick_path"),
            posted.get("schema_mode", "form"),
            posted.get("schema_json", ""),
        )
        sample = posted.get("arguments", "{}")
    else:
        schema = tool.spec["parameters"] if tool else {"type": "object", "properties": {}}
        known = rows_of(schema)
        rows, mode, text = known or [], "form" if known is not None else "json", json.dumps(schema, indent=2, ensure_ascii=False)
        headers = tool.spec["http"]["headers"] if tool else {}
        picks = tool.spec["http"].get("pick", {}) if tool else {}
        sample = json.dumps(sample_of(schema), indent=2, ensure_ascii=False)
    return {
        "parameters": rows or [BLANK_PARAMETER],
        "headers": list(headers.items()) or [("", "")],
        "picks": list(picks.items()) or [("", "")],
        "schema_mode": mode,
        "schema_json": text,
        "sample": sample,
        "types": TYPES,
    }


def http_initial(tool: Tool) -> dict[str, Any]:
    """How the form of a stored tool begins."""
    http = {name: tool.spec["http"].get(name) for name in ("method", "url", "timeout", "retries", "safe")}
    return {
        "name": tool.name,
        "description": tool.description,
        "enabled": tool.enabled,
        **http,
        "timeout": f"{http['timeout']:g}",
    }


def mcp_initial(tool: Tool) -> dict[str, Any]:
    """How the form of a stored server begins."""
    kept = {"url": tool.spec["url"], "timeout": f"{tool.spec.get('timeout', 10):g}"}
    return {"name": tool.name, "description": tool.description, "enabled": tool.enabled, **kept}
