"""What answered a contact's message elsewhere and was told before it: it was put where the contact had been before."""

from django.db.models import F

from apps.desktop.events import conversation_changed
from apps.desktop.models import Conversation, DeskEvent, Message
from apps.desktop.services.conversations.elsewhere import ELSEWHERE, answers_elsewhere
from apps.desktop.services.messages.preview import preview_renew, preview_set


def answers_gather(conversation: Conversation, message: Message) -> None:
    """Brings the answers that came when all was resolved into this locked conversation of the message, unless it is so itself."""
    if conversation.status != Conversation.Status.RESOLVED:
        for answer in _elsewhere(conversation, message):
            _move(answer, conversation)
    if not conversation.messages.filter(at__lt=message.at).exists():
        DeskEvent.objects.filter(conversation=conversation, type=ELSEWHERE).delete()  # it was the contact who wrote first


def _elsewhere(conversation: Conversation, message: Message) -> list[Message]:
    rows = answers_elsewhere(conversation.contact_id, conversation.channel, conversation.line, message.at)
    return list(rows.filter(at__gt=F("conversation__resolved_at")).exclude(conversation=conversation))


def _move(answer: Message, conversation: Conversation) -> None:
    left = Conversation.objects.select_for_update().get(pk=answer.conversation_id)
    answer.conversation = conversation
    answer.save(update_fields=["conversation"])
    preview_set(conversation, answer)
    preview_renew(left)
    conversation_changed(left, "message", message=str(answer.pk), author=answer.author)
