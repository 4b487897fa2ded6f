"""Conversations and messages to work on."""

from datetime import datetime
from itertools import count
from typing import Any

from django.utils import timezone

from apps.core.ids import uuid7
from apps.desktop.channels import TemplateChoice
from apps.desktop.errors import WindowClosed
from apps.desktop.models import Contact, Conversation, Message
from apps.desktop.services.contacts import contact_upsert
from apps.desktop.services.conversations import conversation_open
from apps.desktop.services.messages import message_receive

LINE = "100200300"
_numbers = count(1)


class RecordingChannel:
    """Keeps what it is told; closes the window as WhatsApp's does."""

    name = "test"

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.reads: list[Conversation] = []
        self.returned: list[Conversation] = []

    def message_send(self, message: Message) -> None:
        until = message.conversation.window_until
        if message.kind != "template" and (until is None or until <= timezone.now()):
            raise WindowClosed
        self.sent.append(message)

    def read(self, conversation: Conversation) -> None:
        self.reads.append(conversation)

    def typing(self, conversation: Conversation) -> None:
        return None

    def templates(self, conversation: Conversation) -> list[TemplateChoice]:
        return [TemplateChoice("hello", "en", "Hello {{1}}", ["1"])]

    def returned_to_ai(self, conversation: Conversation) -> None:
        self.returned.append(conversation)


def a_contact(**values: Any) -> Contact:
    number = f"1555{next(_numbers):07}"
    return contact_upsert(**{"identities": {"wa_id": number}, "name": f"Contact {number}", "phone": f"+{number}", **values})


def a_conversation(*, agent: bool = True, contact: Contact | None = None, team_slug: str = "") -> Conversation:
    """With the AI, or open for people; nobody has written yet."""
    agent_id = uuid7() if agent else None
    made, _ = conversation_open(contact=contact or a_contact(), channel="test", line=LINE, agent_id=agent_id, team_slug=team_slug)
    return made


def says(conversation: Conversation, text: str = "Hello", at: datetime | None = None, **values: Any) -> Message:
    """The contact writes."""
    given = {"external_id": f"wamid.{next(_numbers)}", "kind": "text", "payload": {}, **values}
    message = message_receive(conversation=conversation, text=text, at=at or timezone.now(), **given)
    assert message is not None
    return message
