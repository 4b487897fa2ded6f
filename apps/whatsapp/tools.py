"""The built-in tool `send_whatsapp`: an agent on the phone follows up in the chat."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.compass.registry import Caller, ToolContext, ToolFailed, caller_of, caller_register, tool_register
from apps.desktop.errors import DeskError
from apps.desktop.models import Contact, Conversation, Message
from apps.desktop.services.contacts import contact_upsert
from apps.desktop.services.conversations import conversation_open
from apps.desktop.services.messages import message_send
from apps.whatsapp.models import AgentPhoneMapping, Turn
from apps.whatsapp.selectors import window_open

SEND = "send_whatsapp"
DESCRIPTION = (
    "Send the caller a WhatsApp message at the number they call from, such as a link, an address or a summary. "
    "Ask whether they would like that first. Write it as a message of its own; it cannot be taken back."
)
PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {"text": {"type": "string", "minLength": 1, "maxLength": 1_000, "description": "What it says."}},
    "required": ["text"],
    "additionalProperties": False,
}
OPTIONS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "template": {
            "type": "string",
            "title": "Template for callers who have not written lately",
            "description": "WhatsApp takes free text only within 24 hours of the contact's last message. The template's one "
            "variable gets the text; without a template such callers cannot be written to.",
            "maxLength": 512,
        },
        "language": {"type": "string", "title": "Language of the template", "description": "Such as en_US.", "maxLength": 16},
        "line": {
            "type": "string",
            "title": "Sent from",
            "description": "Meta's phone number id; empty for the first number that is switched on.",
            "maxLength": 64,
        },
    },
    "additionalProperties": False,
}


def tools_register() -> None:
    """Called from ready()."""
    caller_register("turn", caller_find)
    tool_register(
        SEND,
        description=DESCRIPTION,
        parameters=PARAMETERS,
        run=send_whatsapp,
        subjects=("call",),
        options=OPTIONS,
        title="Send a WhatsApp message",
    )


def caller_find(turn_id: str) -> Caller:
    """Whose message a turn answers; a turn that is not stored is a trial."""
    turn = Turn.objects.filter(pk=turn_id).first()
    conversation = Conversation.objects.filter(pk=turn.conversation_id).first() if turn else None
    return Caller(contact_id=str(conversation.contact_id)) if conversation else Caller(trial=True)


@transaction.atomic
def send_whatsapp(context: ToolContext, arguments: dict[str, Any]) -> dict[str, Any]:
    """Writes to the caller's number within WhatsApp's rules. Raises ToolFailed with what to tell the caller."""
    caller = caller_of(context)
    if caller.trial:
        return {"sent": False, "why": "This is a trial; nothing is sent."}
    if not caller.phone:
        raise ToolFailed("The caller's number is not known, so nothing can be sent. Read it out instead.")
    mapping = _line(context.options)
    conversation, _new = conversation_open(
        contact=_contact(caller), channel="whatsapp", line=mapping.phone_number_id, agent_id=mapping.agent_id
    )
    try:
        message_send(conversation=conversation, author=Message.Author.AI, **_content(conversation, context, arguments["text"]))
    except DeskError as error:
        raise ToolFailed(f"The message could not be sent: {error}") from error
    return {"sent": True, "to": caller.phone}


def _line(options: dict[str, Any]) -> AgentPhoneMapping:
    rows = AgentPhoneMapping.objects.filter(enabled=True).order_by("created_at")
    mapping = rows.filter(phone_number_id=options["line"]).first() if options.get("line") else rows.first()
    if mapping is None:
        raise ToolFailed("No WhatsApp number is set up to send from. Offer another way.")
    return mapping


def _contact(caller: Caller) -> Contact:
    known = {"wa_id": caller.phone.lstrip("+")}
    return contact_upsert(identities=known, name=caller.name, phone=caller.phone, at=timezone.now())


def _content(conversation: Conversation, context: ToolContext, text: str) -> dict[str, Any]:
    """Free text inside the customer service window, outside of it the agent's template."""
    if window_open(conversation):
        return {"text": text}
    name = context.options.get("template")
    if not name:
        raise ToolFailed("This caller has not written on WhatsApp in the last 24 hours, so WhatsApp takes no message to them.")
    language = context.options.get("language") or "en"
    plain = " ".join(text.split())  # variables take no line breaks
    return {"kind": "template", "text": text, "payload": {"name": name, "language": language, "variables": [plain]}}
