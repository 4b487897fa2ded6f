"""A colleague's reaction to what a contact wrote: it leaves like a message, and is shown at the one that it belongs to."""

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from apps.desktop.channels import channel_for
from apps.desktop.errors import DeletedMessage, NotAssignee, UnknownMessage
from apps.desktop.events import conversation_changed
from apps.desktop.models import Conversation, Message
from apps.desktop.services.rules import conversation_refresh, require_unresolved

CONTACT = Message.Author.CONTACT


@transaction.atomic
def message_react(*, conversation: Conversation, message_id: UUID | str, user_id: UUID, emoji: str) -> Message:
    """Sends the reaction of the person who holds the conversation; "" takes it back. Returns the message reacted to.

    Raises NotAssignee, ConversationResolved, UnknownMessage, DeletedMessage, and what the channel raises, such as WindowClosed.
    """
    conversation_refresh(conversation)
    require_unresolved(conversation)
    if conversation.assignee_id != user_id:
        raise NotAssignee
    target = conversation.messages.filter(pk=message_id, author=CONTACT, external_id__isnull=False).first()
    if target is None:
        raise UnknownMessage("The message you react to is not in this conversation.")
    if target.kind == Message.REVOKED:
        raise DeletedMessage("That message was deleted, so nobody can react to it any more.")
    if _ours(target) == emoji:
        return target
    _set(target, {str(user_id): emoji} if emoji else {})
    sent = Message.objects.create(
        conversation=conversation, author=Message.Author.PERSON, user_id=user_id, kind=Message.REACTION,
        payload={"emoji": emoji}, reply_to=target, status=Message.Status.PENDING, at=timezone.now(),
    )  # fmt: skip
    conversation_changed(conversation, "reaction", user_id=user_id, message=str(target.pk))
    channel_for(conversation.channel).message_send(sent)
    return target


def reactions_failed(conversation_id: UUID) -> None:
    """What did not arrive is not shown, unless a later reaction has taken its place. Call it under the conversation's lock."""
    reactions = Message.objects.filter(conversation_id=conversation_id, kind=Message.REACTION).order_by("-at", "-pk")
    for failed in reactions.filter(status=Message.Status.FAILED).select_related("reply_to"):
        target = failed.reply_to
        if target is not None and reactions.filter(reply_to=target).first() == failed:
            _set(target, {})


def _ours(target: Message) -> str:
    return next((emoji for who, emoji in target.reactions.items() if who != "contact"), "")


def _set(target: Message, ours: dict[str, str]) -> None:
    """A company has one reaction at a message, whoever of it reacted."""
    theirs = {who: emoji for who, emoji in target.reactions.items() if who == "contact"}
    target.reactions = theirs | ours
    target.save(update_fields=["reactions"])
