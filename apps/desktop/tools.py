"""The built-in tool `collect`: what an agent finds out is kept with the contact."""

from typing import Any

from django.db import transaction

from apps.compass.registry import Caller, ToolContext, ToolFailed, caller_of, tool_register
from apps.desktop.models import Contact
from apps.desktop.services.contacts import contact_update, contact_upsert

COLLECT = "collect"
DESCRIPTION = (
    "Keep what the contact told you about themselves. Ask for what is missing, one thing at a time, and call this once you "
    "know it; call it again when something changes. Leave out what you do not know."
)
OPTIONS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "fields": {
            "type": "array",
            "title": "What to ask for",
            "description": "One a line: name, a colon, and what it is, such as order number: the six digits on the invoice",
            "items": {"type": "string", "minLength": 1, "maxLength": 200},
            "maxItems": 30,
        }
    },
    "additionalProperties": False,
}
VALUE = 500  # characters


def tools_register() -> None:
    """Called from ready()."""
    tool_register(
        COLLECT, description=DESCRIPTION, run=collect, options=OPTIONS, shape=collect_parameters, title="Collect details"
    )


def collect_parameters(options: dict[str, Any]) -> dict[str, Any]:
    """One text for each field of the options."""
    properties = {}
    for line in options.get("fields", []):
        name, _, what = line.partition(":")
        properties[name.strip()] = {"type": "string", "maxLength": VALUE, "description": what.strip() or name.strip()}
    return {"type": "object", "properties": properties, "additionalProperties": False, "minProperties": 1}


def collect(context: ToolContext, arguments: dict[str, Any]) -> dict[str, Any]:
    """Adds to the contact's fields; what they held before under other names stays."""
    caller = caller_of(context)
    if caller.trial:
        return {"stored": False, "why": "This is a trial; nothing is kept."}
    with transaction.atomic():
        contact = Contact.objects.select_for_update().get(pk=caller_contact(caller).pk)
        contact_update(contact=contact, user_id=None, fields={**contact.fields, **arguments})
    return {"stored": sorted(arguments)}


def caller_contact(caller: Caller) -> Contact:
    """The contact of somebody who calls or writes; made where there is none. Raises ToolFailed for nobody."""
    if caller.contact_id:
        return Contact.objects.get(pk=caller.contact_id)
    if caller.phone:
        known = Contact.objects.filter(phone=caller.phone).order_by("created_at").first()
        return known or contact_upsert(identities={"phone": caller.phone}, name=caller.name, phone=caller.phone)
    if caller.identity:
        return contact_upsert(identities={"caller": caller.identity}, name=caller.name)
    raise ToolFailed("It is not known who the caller is, so nothing can be kept about them.")
