"""Running a tool for a model: arguments checked, then the built-in's function or the tenant's own address."""

import json
from typing import Any
from urllib.parse import quote, urlencode

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from jsonschema.validators import extend
from referencing import Registry

from apps.compass.client import Answer, Call, RequestFailed, request
from apps.compass.guard import Blocked
from apps.compass.models import AgentVersion, ToolSecret
from apps.compass.payloads import PLACEHOLDER, SECRET, HttpTool
from apps.compass.registry import ToolContext, ToolFailed, tool_builtin
from apps.core.errors import MeridianError

EXCERPT = 300
WITHOUT_BODY = {"GET", "DELETE"}

# A tenant's own regular expression could keep a web worker busy for ever; the service behind the tool checks anyway.
ArgumentsValidator = extend(Draft202012Validator, {"pattern": None, "patternProperties": None})


class UnknownTool(MeridianError):
    """The agent's published version has no such tool."""


def tool_run(*, version: AgentVersion, name: str, arguments: dict[str, Any], context: ToolContext) -> Any:
    """What the tool returns, as JSON. Raises UnknownTool, or ToolFailed with a sentence that the model can use."""
    tool = next((tool for tool in version.config["tools"] if tool["name"] == name), None)
    if tool is None:
        raise UnknownTool(f"{version.agent} has no tool named {name}.")
    if tool["kind"] == "http":
        return _http_run(HttpTool.model_validate(tool), arguments)
    return _builtin_run(name, arguments, context)


def _builtin_run(name: str, arguments: dict[str, Any], context: ToolContext) -> Any:
    spec = tool_builtin(name)
    if spec is None:
        raise UnknownTool(f"{name} is not part of this installation.")
    if spec.run is None:
        raise ToolFailed(f"{name} is done by the one who talks to the caller, not by Compass.")
    _check(arguments, spec.parameters)
    try:
        return spec.run(context, arguments)
    except MeridianError as error:
        raise ToolFailed(str(error)) from error


def _http_run(tool: HttpTool, arguments: dict[str, Any]) -> Any:
    _check(arguments, tool.parameters)
    try:
        answer = request(_call(tool, arguments), timeout=tool.http.timeout)
    except Blocked as error:
        raise ToolFailed(f"{tool.name} could not be used: its address is in a network that tools may not reach.") from error
    except RequestFailed as error:
        raise ToolFailed(f"{tool.name} did not work. {error}") from error
    return _result(tool.name, answer)


def _check(arguments: dict[str, Any], schema: dict[str, Any]) -> None:
    # an empty registry of its own: the default one would fetch what a $ref names
    error = best_match(ArgumentsValidator(schema, registry=Registry()).iter_errors(arguments))
    if error is not None:
        place = ".".join(str(part) for part in error.absolute_path)
        raise ToolFailed(f"The arguments do not fit{f' at {place}' if place else ''}: {error.message[:EXCERPT]}.")


def _call(tool: HttpTool, arguments: dict[str, Any]) -> Call:
    http = tool.http
    url = PLACEHOLDER.sub(lambda found: _in_address(found[1], arguments), http.url)
    rest = {name: value for name, value in arguments.items() if name not in http.placeholders}
    headers = _with_secrets(http.headers)
    if http.method not in WITHOUT_BODY:
        return Call(http.method, url, {**headers, "Content-Type": "application/json"}, json.dumps(rest).encode())
    if rest:
        texts = {name: _text(value) for name, value in rest.items()}
        url += ("&" if "?" in url else "?") + urlencode(texts, errors="replace")
    return Call(http.method, url, headers, None)


def _in_address(name: str, arguments: dict[str, Any]) -> str:
    if name not in arguments:
        raise ToolFailed(f"The argument {name} is needed.")
    value = _text(arguments[name])
    if value in ("", ".", ".."):
        raise ToolFailed(f"The argument {name} cannot be “{value}”.")
    return quote(value, safe="", errors="replace")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _with_secrets(headers: dict[str, str]) -> dict[str, str]:
    names = {name for value in headers.values() for name in SECRET.findall(value)}
    if not names:
        return headers
    secrets = {row.name: row.value for row in ToolSecret.objects.filter(name__in=names)}
    missing = names - secrets.keys()
    if missing:
        raise ToolFailed(f"The tool is not set up: {', '.join(sorted(missing))} is missing under Secrets in Compass.")
    return {header: SECRET.sub(lambda found: secrets[found[1]], value) for header, value in headers.items()}


def _result(name: str, answer: Answer) -> Any:
    encoding = answer.headers.get("content-encoding", "identity")
    if encoding != "identity":
        raise ToolFailed(f"{name} did not work. The service answered in an encoding ({encoding[:20]}) that was not asked for.")
    text = answer.body.decode("utf-8", "replace")
    if not 200 <= answer.status < 300:
        raise ToolFailed(
            f"{name} did not work. The service answered {answer.status}: {text[:EXCERPT].strip() or 'no reason given'}"
        )
    return _json(text) if "json" in answer.headers.get("content-type", "") else text


def _json(text: str) -> Any:
    """The document, or the text itself where it is none that could be passed on."""
    if not text.strip():
        return None
    try:
        value = json.loads(text, parse_constant=_refuse)
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return text
    return value


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
