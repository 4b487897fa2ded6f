"""Calls as a channel of the Agent Desktop: a conversation that an agent handed over is answered by phoning back."""

from apps.desktop.channels import TemplateChoice
from apps.desktop.errors import DeskError
from apps.desktop.models import Conversation, Message


class NotWritable(DeskError):
    code = "call_back"
    sentence = "This contact phoned, so there is nothing to write to. Call them back, and keep a note here."


class CallChannel:
    """What the desktop asks of a channel that nobody can write to."""

    name = "call"

    def message_send(self, message: Message) -> None:
        """Raises NotWritable."""
        raise NotWritable

    def read(self, conversation: Conversation) -> None:
        """A caller sees no marks."""

    def typing(self, conversation: Conversation) -> None:
        """Nor that somebody types."""

    def templates(self, conversation: Conversation) -> list[TemplateChoice]:
        """There are none."""
        return []

    def returned_to_ai(self, conversation: Conversation) -> None:
        """The agent speaks again when they call again."""
