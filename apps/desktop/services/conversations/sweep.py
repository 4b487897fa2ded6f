"""What time does to conversations: claims run out, offers go on to others, and what was put off comes back."""

from collections.abc import Callable, Iterator
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from apps.desktop.models import Conversation
from apps.desktop.services.conversations.offering import conversation_awake, conversation_offer

Step = Callable[[Conversation], None]
DUE = "claim_until <= now() OR answer_due_at <= now() OR snoozed_until <= now()"  # as in the steps, in SQL


def conversation_sweep(now: datetime) -> int:
    """Works through what is due in the current tenant and returns how many. Others may sweep beside it."""
    steps = (
        (Q(claim_until__lte=now), _claim_lost),
        (Q(answer_due_at__lte=now), _offer_on),
        (Q(snoozed_until__lte=now), conversation_awake),
    )
    return sum(_work(due, step) for due, step in steps)


def _work(due: Q, step: Step) -> int:
    return sum(1 for conversation_id in _ids(due) if _one(due, conversation_id, step))


def _ids(due: Q) -> Iterator[UUID]:
    yield from list(Conversation.objects.filter(due).order_by("pk").values_list("pk", flat=True))


@transaction.atomic
def _one(due: Q, conversation_id: UUID, step: Step) -> bool:
    conversation = Conversation.objects.select_for_update(skip_locked=True).filter(due, pk=conversation_id).first()
    if conversation is not None:
        step(conversation)
    return conversation is not None


def _claim_lost(conversation: Conversation) -> None:
    conversation_offer(conversation, conversation.team, "claim_expired", assignee=str(conversation.assignee_id))


def _offer_on(conversation: Conversation) -> None:
    conversation_offer(conversation, conversation.team.next_team if conversation.team else None, "offered_on")
