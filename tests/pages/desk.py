"""A desk with work on it, as the desktop's pages show it; use inside a tenant's schema."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import Any

from django.core.files.base import ContentFile
from django.utils import timezone

from apps.compass.selectors import agent_by_slug
from apps.desktop import channels
from apps.desktop.channels import TemplateChoice
from apps.desktop.models import CannedResponse, Conversation, Message
from apps.desktop.services.contacts import contact_upsert
from apps.desktop.services.conversations import conversation_claim, conversation_escalate, conversation_open
from apps.desktop.services.messages import attachment_stored, message_receive, message_send, message_sent
from apps.desktop.services.team import team_create
from apps.tenants.models import User
from tests.compass.factories import agent_published
from tests.desktop.factories import RecordingChannel

LINE = "1000000001"
# A red picture of 8 by 8 pixels.
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000080000000808020000004b6d29dc0000001149444154789c63d862638315310c2d09006c7b4b019e33"
    "23880000000049454e44ae426082"
)
# Remembers, in a browser, who was seen to type: the words go after five seconds.
WATCH_TYPISTS = """() => {
  const look = () => {
    const typists = document.querySelector("[data-typing]");
    if (typists?.textContent && typists.getClientRects().length) window.typist = typists.textContent;
  };
  new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true });
}"""
_numbers = count(1)


class DeskChannel(RecordingChannel):
    """WhatsApp's place, without WhatsApp."""

    name = "whatsapp"

    def templates(self, conversation: Conversation) -> list[TemplateChoice]:
        body = "Hello {{1}}, your order {{2}} has arrived. Shall we talk about it?"
        return [
            TemplateChoice(
                "order_arrived", "en", body, ["header.1", "1", "2"], "News for {{1}}", "Acme, 1 Main Street", ["Yes", "No"]
            ),
            TemplateChoice("we_missed_you", "en", "We could not answer in time. May we write to you again?"),
        ]


@contextmanager
def desk_channel(stand_in: DeskChannel | None = None) -> Iterator[DeskChannel]:
    """Takes WhatsApp's place in the registry."""
    before = channels._channels.get("whatsapp")
    stand_in = stand_in or DeskChannel()
    channels.channel_register(stand_in)
    yield stand_in
    channels._channels.pop("whatsapp")
    if before is not None:
        channels.channel_register(before)


def chat(name: str = "Maria Gonzales", *, agent: bool = True, **contact: Any) -> Conversation:
    """A conversation in which nobody has written yet: with the AI agent, or open for people."""
    number = f"1555{next(_numbers):07}"
    made = contact_upsert(identities={"wa_id": number}, name=name, **{"phone": f"+{number}", **contact})
    agent_id = (agent_by_slug("reception") or agent_published()).pk if agent else None
    return conversation_open(contact=made, channel="whatsapp", line=LINE, agent_id=agent_id)[0]


def hears(conversation: Conversation, text: str = "Hello", *, ago: float = 0, **values: Any) -> Message:
    """The contact writes, `ago` seconds ago."""
    given = {"external_id": f"wamid.in{next(_numbers)}", "kind": "text", "payload": {}, **values}
    message = message_receive(conversation=conversation, text=text, at=timezone.now() - timedelta(seconds=ago), **given)
    assert message is not None
    return message


def talks(conversation: Conversation, count: int) -> list[Message]:
    """The contact has written that many messages, one a second, each with its number; all are unread."""
    begun = timezone.now() - timedelta(hours=1)
    rows = [
        Message(
            conversation=conversation, author="contact", status="received", external_id=f"wamid.in{next(_numbers)}",
            text=f"Message {number:03}", at=begun + timedelta(seconds=number),
        )
        for number in range(count)
    ]  # fmt: skip
    last = rows[-1].at
    changed = {"unread": count, "last_message_at": last, "window_until": last + timedelta(days=1)}
    Conversation.objects.filter(pk=conversation.pk).update(**changed)
    return Message.objects.bulk_create(rows)


def says(conversation: Conversation, text: str, *, by: User | None = None, ago: float = 0, **values: Any) -> Message:
    """A colleague answers, or the AI agent where `by` is None; WhatsApp takes it."""
    author = "person" if by else "ai"
    message = message_send(conversation=conversation, author=author, user_id=by.pk if by else None, text=text, **values)
    Message.objects.filter(pk=message.pk).update(at=timezone.now() - timedelta(seconds=ago))
    return message_sent(message_id=message.pk, external_id=f"wamid.out{message.pk}")


def file_of(message: Message, name: str, mime: str, data: bytes) -> Message:
    """The file of a received message has been fetched."""
    attachment = message.attachments.get()
    attachment.name = name
    attachment.save()
    attachment_stored(attachment_id=attachment.pk, file=ContentFile(data, name=name), mime=mime, size=len(data))
    return message


def part(mime: str) -> list[dict[str, Any]]:
    """What `attachments` of a received message is."""
    return [{"external_id": f"media-{next(_numbers)}", "mime": mime, "name": "", "size": 0}]


def canned() -> None:
    """Three canned responses."""
    for shortcut, title, text in (
        ("hello", "Greeting", "Hello {name}, thank you for writing to us. How can I help?"),
        ("hours", "Opening hours", "We are open Monday to Friday from 9:00 to 17:00."),
        ("thanks", "Good-bye", "Thank you, {name}. Have a good day!"),
    ):
        CannedResponse.objects.create(shortcut=shortcut, title=title, text=text)


@dataclass
class Desk:
    """Conversations in every state."""

    waiting: Conversation
    mine: Conversation
    with_ai: Conversation


def desk_make(alice: User, bob: User) -> Desk:
    """Maria waits for a person, Tom is bob's, and the AI agent talks to Aiko."""
    team_create(slug="support", name="Support", user_ids=[alice.pk, bob.pk])
    canned()
    waiting = chat("Maria Gonzales")
    hears(waiting, "Hi, my parcel is late. Where is it?", ago=600)
    says(waiting, "I am sorry to hear that. What is your order number?", ago=590)
    hears(waiting, "It is A-4711. I would rather talk to a human please", ago=480)
    summary = "Order A-4711 is late; she asked for a person."
    conversation_escalate(conversation=waiting, reason="Asked for a person", team_slug="support", summary=summary)
    mine = chat("Tom Becker", agent=False)
    hears(mine, "Can I change my *delivery* address?", ago=300)
    conversation_claim(conversation_id=mine.pk, user_id=bob.pk)
    says(mine, "Of course. What is the new one?", by=bob, ago=240)
    hears(mine, "12 Station Road", ago=200)
    with_ai = chat("Aiko Tanaka")
    hears(with_ai, "What are your opening hours?", ago=90)
    says(with_ai, "We are open Monday to Friday, 9:00 to 17:00.", ago=80)
    for conversation in (waiting, mine, with_ai):
        conversation.refresh_from_db()
    return Desk(waiting, mine, with_ai)
