"""WhatsApp as a channel of the desktop."""

from django.core.cache import cache

from apps.core.errors import PermanentError
from apps.core.outbox import effect_enqueue
from apps.desktop.channels import LineChoice, TemplateChoice
from apps.desktop.errors import BadFile, DeskError, WindowClosed
from apps.desktop.models import Conversation, Message
from apps.desktop.selectors.outgoing import message_last_received
from apps.whatsapp.models import AgentPhoneMapping
from apps.whatsapp.outgoing import CAPTIONED, MAX_CAPTION, MAX_TEXT, content_of, kind_of
from apps.whatsapp.selectors import templates_of, window_open
from apps.whatsapp.services.turns import turn_of_unanswered
from apps.whatsapp.templates import template_choice

SEND = "whatsapp.message"
READ = "whatsapp.read"
TYPING_SECONDS = 8  # how often Meta is told at most


class NotSendable(DeskError):
    """WhatsApp cannot take this message; the text says why."""

    code = "not_sendable"
    status = 422


class WhatsAppChannel:
    """What the desktop can do on WhatsApp; every method runs in the tenant's schema."""

    name = "whatsapp"

    def message_send(self, message: Message) -> None:
        """Enqueues the effect that sends. Raises WindowClosed for anything but a template outside the 24 hours."""
        if message.kind != "template" and not window_open(message.conversation):
            raise WindowClosed
        _check(message)
        effect_enqueue(kind=SEND, key=f"{SEND}:{message.pk}", payload={"message": str(message.pk)})

    def read(self, conversation: Conversation) -> None:
        """Marks the contact's latest message, and so all before it, as read."""
        message = message_last_received(conversation)
        if message is not None and message.external_id:
            payload = {"phone_number_id": conversation.line, "wamid": message.external_id}
            effect_enqueue(kind=READ, key=f"{READ}:{message.pk}", payload=payload)

    def typing(self, conversation: Conversation) -> None:
        """Shows for up to 25 seconds that somebody types; best effort."""
        from apps.whatsapp.tasks import typing_task

        if window_open(conversation) and cache.add(f"whatsapp.typing:{conversation.pk}", 1, TYPING_SECONDS):
            typing_task.delay_on_commit(str(conversation.pk))

    def templates(self, conversation: Conversation) -> list[TemplateChoice]:
        """The approved templates of the conversation's number that a person can fill in."""
        found = (template_choice(template) for template in templates_of(conversation.line))
        return [choice for choice in found if choice is not None]

    def lines(self) -> list[LineChoice]:
        """The numbers that are switched on, by what people call them."""
        rows = AgentPhoneMapping.objects.filter(enabled=True)
        lines = [LineChoice(self.name, row.phone_number_id, str(row), row.agent_id) for row in rows]
        return sorted(lines, key=lambda line: (line.name.lower(), line.line))

    def identities(self, phone: str) -> dict[str, str]:
        """A wa_id is the number's digits."""
        return {"wa_id": phone.lstrip("+")}

    def returned_to_ai(self, conversation: Conversation) -> None:
        """What nobody has answered becomes a turn."""
        turn_of_unanswered(conversation)


def _check(message: Message) -> None:
    """What Meta would refuse is refused while its author is still there. Raises NotSendable, BadFile."""
    files = list(message.attachments.all())
    if len(files) > 1:
        raise BadFile("WhatsApp takes one file per message. Send them one after the other.")
    longest = MAX_CAPTION if files and message.kind != "template" else MAX_TEXT
    if len(message.text) > longest:
        raise NotSendable(f"WhatsApp takes at most {longest} characters here. Shorten the text.")
    try:
        kind = kind_of(message, files[0] if files else None)
        if not files or kind == "template":
            content_of(message, kind)
    except PermanentError as error:
        raise NotSendable(str(error)) from error
    if files and message.text.strip() and kind not in (*CAPTIONED, "template"):
        raise BadFile("WhatsApp shows no text with this kind of file. Send the text on its own.")
