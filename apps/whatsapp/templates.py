"""Templates: what they look like to whoever chooses one, and how they are sent with values for their variables.

Wire format: https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/overview
"""

import re
from typing import Any

from apps.core.errors import PermanentError
from apps.desktop.channels import TemplateChoice
from apps.desktop.models import Message
from apps.whatsapp.envelope import dicts
from apps.whatsapp.files import HEADINGS
from apps.whatsapp.models import AgentPhoneMapping, Template
from apps.whatsapp.payloads import part, text_of

Json = dict[str, Any]
PLACE = re.compile(r"\{\{\s*([A-Za-z0-9_]+)\s*\}\}")
HEADER, BUTTON = "header.", "button."  # a variable's name begins with its part; the body's have no prefix


def template_choice(template: Template) -> TemplateChoice | None:
    """How a template is offered; None where it needs something that only a program can give, such as a place in its heading."""
    parts = _parts(template.components)
    header = parts["HEADER"]
    heading = heading_kind(template.components)
    if heading and heading not in HEADINGS:
        return None
    buttons = dicts(parts["BUTTONS"].get("buttons"))
    if any(text_of(button.get("type")) in ("OTP", "CATALOG", "MPM", "SPM", "FLOW") for button in buttons):
        return None
    return TemplateChoice(
        name=template.name,
        language=template.language,
        body=text_of(parts["BODY"].get("text")),
        variables=template_variables(template.components),
        header=text_of(header.get("text")),
        footer=text_of(parts["FOOTER"].get("text")),
        buttons=[text_of(button.get("text")) for button in buttons],
        heading=heading,
        heading_limits=HEADINGS.get(heading, {}),
    )


def heading_kind(components: list[Json]) -> str:
    """image, video, document or location, where a template's heading is no text; else nothing."""
    kind = text_of(_parts(components)["HEADER"].get("format"), 20).lower()
    return "" if kind == "text" else kind


def template_variables(components: list[Json]) -> list[str]:
    """The names of a template's places: `header.1`, then `1`, `2` or the named ones of the body, then `button.0.1`."""
    parts = _parts(components)
    names = [HEADER + name for name in _places(parts["HEADER"].get("text"))]
    names += _places(parts["BODY"].get("text"))
    for index, button in enumerate(dicts(parts["BUTTONS"].get("buttons"))):
        names += [f"{BUTTON}{index}.{name}" for name in _places(button.get("url"))]
    return names


def template_text(body: str, values: dict[str, str], prefix: str = "") -> str:
    """A part of a template with its places filled in; a place without a value stays as it is."""
    return PLACE.sub(lambda found: values.get(prefix + found[1]) or found[0], body)


def template_content(message: Message, media_id: str = "") -> Json:
    """The `template` part of a message whose payload has name, language and variables (a list, or name to value).

    In a heading that is no text stands the message's file, which Meta has as `media_id`, or what `heading_link` leads to.
    Raises PermanentError where the template is not there, or something of it is missing.
    """
    payload = part(message.payload.get("template")) or message.payload
    name, language = text_of(payload.get("name"), 512), text_of(payload.get("language"), 16)
    mapping = AgentPhoneMapping.objects.filter(phone_number_id=message.conversation.line).first()
    template = Template.objects.filter(name=name, language=language, waba_id=mapping.waba_id if mapping else "").first()
    if template is None:
        raise PermanentError(f"There is no template “{name}” in the language {language or 'that was asked for'}.")
    values = template_values(template.components, payload.get("variables"))
    components = [*_heading(message, template.components, media_id), *_components(template.components, values)]
    content: Json = {"name": name, "language": {"code": language, "policy": "deterministic"}}
    return {**content, "components": components} if components else content


def _heading(message: Message, components: list[Json], media_id: str) -> list[Json]:
    kind, file = heading_kind(components), message.attachments.first()
    link = text_of(message.payload.get("heading_link"), 2000)
    if not kind and not file:
        return []
    if kind not in HEADINGS:
        raise PermanentError("This template has no file in its heading. Send the file by itself.")
    if file is not None and (file.mime not in HEADINGS[kind] or file.size > HEADINGS[kind][file.mime]):
        raise PermanentError(f"The heading of this template is of the type {kind}. Attach a file of that type and of less size.")
    if file is None and not link.startswith("https://"):
        raise PermanentError(
            f"The heading of this template is of the type {kind}. Attach one, or say `heading_link`, over https."
        )
    media: Json = {"id": media_id} if file is not None else {"link": link}
    named = {"filename": file.name if file and file.name else "file"} if kind == "document" else {}
    return [{"type": "header", "parameters": [{"type": kind, kind: {**media, **named}}]}]


def template_values(components: list[Json], given: Any) -> dict[str, str]:
    """Values by the variables' names. Raises PermanentError where one is missing."""
    names = template_variables(components)
    values = dict(zip(names, given, strict=False)) if isinstance(given, list) else part(given)
    missing = [name for name in names if not text_of(values.get(name)).strip()]
    if missing:
        raise PermanentError(f"The template needs a value for {', '.join(missing)}. Fill in all of its variables.")
    return {name: _value(values[name]) for name in names}


def _value(value: Any) -> str:
    """Meta refuses line ends, tabs and more than four spaces in a row."""
    return " ".join(text_of(value, 1024).split())


def _components(components: list[Json], values: dict[str, str]) -> list[Json]:
    parts = _parts(components)
    header = _parameters(_places(parts["HEADER"].get("text")), values, HEADER)
    body = _parameters(_places(parts["BODY"].get("text")), values, "")
    found: list[Json] = [{"type": "header", "parameters": header}] if header else []
    found += [{"type": "body", "parameters": body}] if body else []
    for index, button in enumerate(dicts(parts["BUTTONS"].get("buttons"))):
        if places := _places(button.get("url")):
            texts = [{"type": "text", "text": values[f"{BUTTON}{index}.{name}"]} for name in places]
            found.append({"type": "button", "sub_type": "url", "index": str(index), "parameters": texts})
    return found


def _parameters(places: list[str], values: dict[str, str], prefix: str) -> list[Json]:
    """Positional places go in their order; named ones carry their name."""
    named = [{} if name.isdigit() else {"parameter_name": name} for name in places]
    return [{"type": "text", **extra, "text": values[prefix + name]} for name, extra in zip(places, named, strict=True)]


def _places(text: Any) -> list[str]:
    """The names in {{…}}, each once: numbers in their order, names as they come."""
    names = list(dict.fromkeys(PLACE.findall(text_of(text))))
    return sorted(names, key=int) if all(name.isdigit() for name in names) else names


def _parts(components: list[Json]) -> dict[str, Json]:
    found = {text_of(component.get("type")).upper(): component for component in dicts(components)}
    return {name: found.get(name, {}) for name in ("HEADER", "BODY", "FOOTER", "BUTTONS")}
