"""HTTP tools: the tenant's own address, called with the model's arguments."""

import json
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from apps.compass.client import Answer, Call, Deadline, RequestFailed, request
from apps.compass.guard import Blocked
from apps.compass.paths import path_pick
from apps.compass.payloads_tools import PLACEHOLDER, HttpTool
from apps.compass.registry import ToolFailed
from apps.compass.tools.arguments import EXCERPT, arguments_check
from apps.compass.tools.secrets import Headers, headers_with_secrets

WITHOUT_BODY = {"GET", "DELETE"}
TRY_AGAIN = {429, 502, 503, 504}
RETRY_PAUSE = 0.25  # seconds before the second try, doubled with each further one
BLOCKED = "{} could not be used: its address is in a network that tools may not reach."


@dataclass(frozen=True)
class Prepared:
    """A request that is ready to be sent, and its headers as people may see them."""

    call: Call
    headers: Headers


def http_run(tool: HttpTool, arguments: dict[str, Any]) -> Any:
    """The result for the model. Raises ToolFailed."""
    prepared = http_prepare(tool, arguments)
    return http_result(tool, http_send(tool, prepared))


def http_prepare(tool: HttpTool, arguments: dict[str, Any]) -> Prepared:
    """Raises ToolFailed where arguments do not fit or a secret is missing."""
    arguments_check(arguments, tool.parameters)
    headers = headers_with_secrets(tool.http.headers)
    return Prepared(_call(tool, arguments, headers.sent), headers)


def http_send(tool: HttpTool, prepared: Prepared) -> Answer:
    """The service's answer, whatever its status, secrets blacked out. Raises ToolFailed when none came."""
    try:
        return prepared.headers.masked(_with_retries(tool, prepared.call))
    except Blocked as error:
        raise ToolFailed(BLOCKED.format(tool.name)) from error
    except RequestFailed as error:
        raise ToolFailed(f"{tool.name} did not work. {error}") from error


def http_result(tool: HttpTool, answer: Answer) -> Any:
    """What the model gets of an answer: all of it, or what the tool picks. Raises ToolFailed."""
    value = _value(tool.name, answer)
    if not tool.http.pick:
        return value
    if not isinstance(value, (dict, list)):
        raise ToolFailed(f"{tool.name} did not work. The service answered no JSON that its fields could be picked from.")
    return {name: path_pick(value, path) for name, path in tool.http.pick.items()}


def _with_retries(tool: HttpTool, call: Call) -> Answer:
    """All tries share the tool's one deadline: a caller who waits does not care how often it was tried."""
    deadline = Deadline(tool.http.timeout)
    for tries_left in range(tool.http.retries, 0, -1):
        try:
            answer = request(call, timeout=deadline.left())
            if answer.status not in TRY_AGAIN:
                return answer
        except RequestFailed:
            deadline.left()  # raises once the time is over
        time.sleep(min(RETRY_PAUSE * 2 ** (tool.http.retries - tries_left), deadline.left()))
    return request(call, timeout=deadline.left())


def _call(tool: HttpTool, arguments: dict[str, Any], headers: dict[str, str]) -> Call:
    http = tool.http
    url = PLACEHOLDER.sub(lambda found: _in_address(found[1], arguments), http.url)
    rest = {name: value for name, value in arguments.items() if name not in http.placeholders}
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


def _value(name: str, answer: Answer) -> Any:
    encoding = answer.headers.get("content-encoding", "identity")
    if encoding != "identity":
        raise ToolFailed(f"{name} did not work. The service answered in an encoding ({encoding[:20]}) that was not asked for.")
    text = answer.body.decode("utf-8", "replace")
    if not 200 <= answer.status < 300:
        raise ToolFailed(
            f"{name} did not work. The service answered {answer.status}: {text[:EXCERPT].strip() or 'no reason given'}"
        )
    return json_or_text(text) if "json" in answer.headers.get("content-type", "") else text


def json_or_text(text: str) -> Any:
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
