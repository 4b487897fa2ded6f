"""Template messages: https://developers.facebook.com/docs/whatsapp/cloud-api/guides/send-message-templates"""

from typing import Any

from embedded.meta.errors import GraphError, missing, parameter
from embedded.meta.fields import object_in, text_in
from embedded.meta.state import State
from embedded.meta.templates import component_of, variables_of

KINDS = ("header", "body", "footer", "button")


def template_check(state: State, number: str, content: dict[str, Any]) -> None:
    """Check that the template exists, is approved and gets as many values as it has variables. Raises GraphError."""
    template = template_find(state, number, content)
    if template["status"] == "PAUSED":
        raise GraphError(132015, "This template is paused because of its quality.")
    if template["status"] != "APPROVED":
        raise _unknown(content)
    given = _given(content)
    for kind in ("header", "body"):
        _variables_check(template, kind, given.get(kind, []))
    _header_check(component_of(template, "HEADER"), given.get("header", []))
    _buttons_check(template, content)


def template_find(state: State, number: str, content: dict[str, Any]) -> dict[str, Any]:
    """Return the template that a message names. Raises GraphError."""
    name = text_in(content, "name", "template['name']")
    language = text_in(object_in(content, "language"), "code", "template['language']['code']")
    for template in state.templates[state.businesses[number].waba_id]:
        if (template["name"], template["language"]) == (name, language):
            return template
    raise _unknown(content)


def parameters_of(content: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    """Return the parameters that a message has for a component."""
    return _given(content).get(kind, [])


def _unknown(content: dict[str, Any]) -> GraphError:
    details = f"template name ({content['name']}) does not exist in {content['language']['code']}"
    return GraphError(132001, details, message="(#132001) Template name does not exist in the translation", status=404)


def _given(content: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    components = content.get("components") or []
    if not isinstance(components, list) or not all(isinstance(part, dict) for part in components):
        raise parameter("Param template['components'] must be a list of objects.")
    found: dict[str, list[dict[str, Any]]] = {}
    for part in components:
        kind = str(part.get("type", "")).lower()
        if kind not in KINDS:
            raise parameter(f"Param template['components']['type'] must be one of {{{', '.join(KINDS)}}} - got \"{kind}\".")
        parameters = part.get("parameters") or []
        if not isinstance(parameters, list) or not all(isinstance(value, dict) for value in parameters):
            raise parameter("Param template['components']['parameters'] must be a list of objects.")
        if kind != "button":
            found[kind] = parameters
    return found


def _variables_check(template: dict[str, Any], kind: str, given: list[dict[str, Any]]) -> None:
    wanted = variables_of(component_of(template, kind.upper()).get("text", ""))
    texts = [value for value in given if value.get("type", "text") not in ("image", "video", "document", "location")]
    if len(texts) != len(wanted):
        details = (
            f"{kind}: number of localizable_params ({len(texts)}) does not match the expected number of params ({len(wanted)})"
        )
        raise GraphError(132000, details, message="(#132000) Number of parameters does not match the expected number of params")
    for value in texts:
        if value.get("type") == "text":
            text_in(value, "text", "template['components']['parameters']['text']", longest=1024)
    if template["parameter_format"] == "NAMED" and {value.get("parameter_name") for value in texts} != set(wanted):
        raise GraphError(
            132012, f"{kind}: parameter names are {', '.join(wanted)}", message="(#132012) Parameter format does not match"
        )


def _header_check(header: dict[str, Any], given: list[dict[str, Any]]) -> None:
    wanted = header.get("format", "TEXT").lower()
    if wanted != "text" and [value.get("type") for value in given] != [wanted]:
        details = (
            f"header: Format mismatch, expected {wanted.upper()}, received {given[0].get('type', 'UNKNOWN') if given else 'NONE'}"
        )
        raise GraphError(132012, details, message="(#132012) Parameter format does not match format in the created template")


def _buttons_check(template: dict[str, Any], content: dict[str, Any]) -> None:
    buttons = component_of(template, "BUTTONS").get("buttons", [])
    given: dict[int, dict[str, Any]] = {}
    for part in content.get("components") or []:
        if part["type"].lower() == "button":
            index = str(part.get("index", ""))
            if not index.isdecimal() or int(index) >= len(buttons):
                raise parameter(f"Param template['components']['index'] {index!r} is no button of this template.")
            given[int(index)] = part
    for number, button in enumerate(buttons):
        if variables_of(button.get("url", "")) and not given.get(number, {}).get("parameters"):
            raise missing(f"template['components'][button {number}]['parameters']")
