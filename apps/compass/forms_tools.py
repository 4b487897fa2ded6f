"""The form of a tool: rows of parameters, headers and picked fields, or the JSON Schema itself."""

import json
from collections.abc import Iterator
from math import isfinite
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as __
from django.utils.translation import gettext_lazy as _

from apps.compass.forms_focus import FocusedForm
from apps.compass.models import Tool
from apps.compass.words import SHOWN, json_fault
from apps.core.payloads import json_read

TYPES = ("string", "integer", "number", "boolean", "array", "object")
ROW_KEYS = {"type", "description", "enum"}
SCHEMA_KEYS = {"type", "properties", "required", "additionalProperties"}
METHODS = [(name, name) for name in ("GET", "POST", "PUT", "PATCH", "DELETE")]
BLANK_PARAMETER = {"name": "", "type": "string", "description": "", "required": True, "enum": ""}
SAMPLES: dict[str, Any] = {"integer": 1, "number": 1.5, "boolean": True, "array": [], "object": {}}


def _rows() -> forms.Field:
    """What rows on the page stand for: it only takes their errors, so that these stand beside them."""
    return forms.Field(required=False)


class HttpToolForm(FocusedForm):
    """The single fields; the rows beside them are read by `http_spec`."""

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
    parameters, headers, pick = _rows(), _rows(), _rows()


class McpServerForm(FocusedForm):
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
    headers = _rows()


class RowsInvalid(Exception):
    """Rows that cannot be read; the text is a sentence, `field` whose rows they are, empty where they are none of the form."""

    def __init__(self, text: str, field: str = "") -> None:
        super().__init__(text)
        self.field = field


def http_spec(values: dict[str, Any], posted: QueryDict) -> dict[str, Any]:
    """The spec of an HTTP tool out of a valid form and its rows. Raises RowsInvalid."""
    http = {name: values[name] for name in ("method", "url", "timeout", "retries", "safe")}
    picked = _named(pick_rows(posted), "pick")
    return {"parameters": _schema(posted), "http": {**http, "headers": headers_of(posted), "pick": picked}}


def headers_of(posted: QueryDict) -> dict[str, str]:
    """The headers that the rows make. Raises RowsInvalid."""
    return _named(header_rows(posted), "headers")


def header_rows(posted: QueryDict) -> list[tuple[str, str]]:
    """The header rows that have something in them, as they were posted."""
    return _pairs(posted, "header_name", "header_value")


def pick_rows(posted: QueryDict) -> list[tuple[str, str]]:
    """The same of the picked fields."""
    return _pairs(posted, "pick_name", "pick_path")


def _pairs(posted: QueryDict, first: str, second: str) -> list[tuple[str, str]]:
    rows = zip(posted.getlist(first), posted.getlist(second), strict=False)
    return [row for name, value in rows if any(row := (name.strip(), value.strip()))]


def _named(rows: list[tuple[str, str]], field: str) -> dict[str, str]:
    _names_check([name for name, _value in rows], field)
    return dict(rows)


def _names_check(names: list[str], field: str) -> None:
    if "" in names:
        raise RowsInvalid(__("A row has no name. Write one, or remove the row."), field)
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise RowsInvalid(__("Two rows are named “%(name)s”. Rename one, or remove it.") % {"name": twice[:SHOWN]}, field)


def _schema(posted: QueryDict) -> dict[str, Any]:
    if posted.get("schema_mode") == "json":
        return json_object(posted.get("schema_json", ""), __("The JSON Schema"), "parameters")
    rows = parameter_rows(posted)
    _names_check([row["name"] for row in rows], "parameters")
    properties = {row["name"]: _property(row) for row in rows}
    required = [row["name"] for row in rows if row["required"]]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def parameter_rows(posted: QueryDict) -> list[dict[str, Any]]:
    """The parameter rows that have something in them."""
    names = ("param_name", "param_type", "param_description", "param_required", "param_enum")
    rows = zip(*(posted.getlist(name) for name in names), strict=False)
    return [
        {"name": name.strip(), "type": kind, "description": text.strip(), "required": needed == "yes", "enum": enum.strip()}
        for name, kind, text, needed, enum in rows
        if name.strip() or text.strip() or enum.strip()
    ]


def _property(row: dict[str, Any]) -> dict[str, Any]:
    kind = row["type"] if row["type"] in TYPES else "string"
    made: dict[str, Any] = {"type": kind}
    if row["description"]:
        made["description"] = row["description"]
    if row["enum"]:
        made["enum"] = list(_choices(row, kind))
    return made


def _choices(row: dict[str, Any], kind: str) -> Iterator[Any]:
    for text in filter(None, map(str.strip, row["enum"].split(","))):
        try:
            yield _choice(text, kind)
        except ValueError as error:
            sentence = __("“%(text)s” among the choices of %(name)s is no number. Write numbers with commas between.")
            raise RowsInvalid(sentence % {"text": text[:SHOWN], "name": row["name"]}, "parameters") from error


def _choice(text: str, kind: str) -> Any:
    value = {"integer": int, "number": float}.get(kind, str)(text)
    if isinstance(value, float) and not isfinite(value):
        raise ValueError(text)
    return value


def json_object(text: str, what: str, field: str = "") -> dict[str, Any]:
    """A JSON object that somebody typed. Raises RowsInvalid with `field`."""
    try:
        value = json_read(text or "{}")
    except ValueError as error:
        raise RowsInvalid(__("%(what)s cannot be read. %(why)s") % {"what": what, "why": json_fault(error)}, field) from error
    if not isinstance(value, dict):
        raise RowsInvalid(__("%(what)s has to be an object: put it in braces, { and }.") % {"what": what}, field)
    return value


def rows_of(schema: dict[str, Any]) -> list[dict[str, Any]] | None:
    """A stored schema as rows; None where rows cannot say all of it, or would say it otherwise."""
    properties, required = schema.get("properties", {}), schema.get("required", [])
    if schema.keys() - SCHEMA_KEYS or schema.get("additionalProperties", False) is not False or set(required) - properties.keys():
        return None
    rows = [_row(name, one, name in required) for name, one in properties.items() if _is_plain(name, one)]
    return rows if len(rows) == len(properties) and all(_says(row, properties[row["name"]]) for row in rows) else None


def _is_plain(name: str, one: Any) -> bool:
    """JSON Schema allows True and False in the place of a schema too."""
    return (
        bool(name) and name == name.strip() and isinstance(one, dict) and not one.keys() - ROW_KEYS and one.get("type") in TYPES
    )


def _row(name: str, one: dict[str, Any], required: bool) -> dict[str, Any]:
    choices = ", ".join(str(choice) for choice in one.get("enum", []))
    return {
        "name": name,
        "type": one["type"],
        "description": one.get("description", ""),
        "required": required,
        "enum": choices,
    }


def _says(row: dict[str, Any], one: dict[str, Any]) -> bool:
    """Whether the row, when it is posted again, makes this; a choice with a comma in it would become two."""
    try:
        return _property(row) == {key: value for key, value in one.items() if value != ""}
    except RowsInvalid:
        return False


def sample_of(schema: dict[str, Any]) -> dict[str, Any]:
    """Arguments to begin trying with."""
    return {name: _sample(name, one) for name, one in schema.get("properties", {}).items() if isinstance(one, dict)}


def _sample(name: str, one: dict[str, Any]) -> Any:
    choices = one.get("enum") or one.get("examples")
    return choices[0] if choices else SAMPLES.get(str(one.get("type")), f"some {name}")


def http_rows(tool: Tool | None, posted: QueryDict | None) -> dict[str, Any]:
    """What the page shows in its rows: as posted, else as stored, else one blank row each."""
    if posted is not None:
        rows, headers, picks = parameter_rows(posted), header_rows(posted), pick_rows(posted)
        mode, text, sample = (posted.get(name, "") for name in ("schema_mode", "schema_json", "arguments"))
    else:
        schema = tool.spec["parameters"] if tool else {"type": "object", "properties": {}}
        known = rows_of(schema)
        rows, mode, text = known or [], "form" if known is not None else "json", json.dumps(schema, indent=2, ensure_ascii=False)
        headers = list(tool.spec["http"]["headers"].items()) if tool else []
        picks = list(tool.spec["http"].get("pick", {}).items()) if tool else []
        sample = json.dumps(sample_of(schema), indent=2, ensure_ascii=False)
    return {
        "parameters": rows or [BLANK_PARAMETER],
        "headers": headers or [("", "")],
        "picks": picks or [("", "")],
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
