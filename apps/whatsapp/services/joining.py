"""Two conversations of a contact became one: what Herald and Meta were busy with in the one that is gone."""

from datetime import timedelta

from django.utils import timezone

from apps.core.errors import TransientError
from apps.core.mail import LEASE
from apps.desktop.models import Conversation
from apps.whatsapp.models import Sending, Turn
from apps.whatsapp.services.delivery import slot_clear
from apps.whatsapp.services.turns import turn_finish, turn_of_unanswered

OPEN = (Turn.State.COLLECTING, Turn.State.RUNNING)


def conversations_joined(kept: Conversation, gone: Conversation) -> None:
    """Turns of `gone` are stale, and what nobody has answered becomes a turn of `kept` where the AI holds it.

    Raises TransientError while a message of `gone` is on its way: who sends it has to be able to say how that ended.
    """
    _nothing_on_its_way(gone)
    for turn in Turn.objects.select_for_update().filter(conversation_id=gone.pk, state__in=OPEN):
        turn_finish(turn, Turn.State.STALE, "It was joined with the contact's other conversation.")
    Turn.objects.filter(conversation_id=gone.pk).update(conversation_id=kept.pk)
    if kept.status == Conversation.Status.PENDING:
        turn_of_unanswered(kept)


def _nothing_on_its_way(gone: Conversation) -> None:
    slot_clear(gone.pk, LEASE)
    slot = Sending.objects.filter(conversation_id=gone.pk).first()
    if slot is not None:
        wait = slot.started_at + LEASE - timezone.now()
        raise TransientError(
            "A message of this conversation is on its way.", after=min(2.0, max(wait, timedelta()).total_seconds())
        )
