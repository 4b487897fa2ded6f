"""Whether an answer may begin, by the spend limits of its company."""

from datetime import timedelta
from decimal import Decimal

from django.utils import timezone

from apps.billing.models import SourceType
from apps.billing.services.limits import Decision, estimate_or, spend_forget, spend_gate
from apps.compass.costs import answer_cost
from apps.compass.selectors import AgentUnavailable, agent_published
from apps.desktop.models import Conversation, Message
from apps.whatsapp.models import Turn

LASTS = timedelta(minutes=15)  # longer than a turn and the repeats of its last event
TOLD_AGAIN = timedelta(hours=8)  # how often a contact hears that nobody can answer
UNPRICED_ANSWER = Decimal("0.01")  # dollars


def turn_gate(turn: Turn, conversation: Conversation) -> Decision:
    """Holds what an answer may cost. Repeats are harmless."""
    return spend_gate(
        source_type=SourceType.TURN,
        source_id=str(turn.pk),
        agent_id=conversation.agent_id,
        channel=conversation.channel,
        estimate=lambda: _estimate(conversation),
        lasts=LASTS,
    )


def turn_unspent(turn: Turn) -> None:
    """The turn ended and used nothing: what was held for it is given back."""
    spend_forget(source_type=SourceType.TURN, source_id=str(turn.pk))


def told_lately(conversation: Conversation) -> bool:
    """Whether the contact knows already."""
    since = timezone.now() - TOLD_AGAIN
    return conversation.messages.filter(author=Message.Author.SYSTEM, payload__spend_limit=True, at__gt=since).exists()


def _estimate(conversation: Conversation) -> Decimal:
    try:
        cost = answer_cost(agent_published(conversation.agent_id or "").config)
    except AgentUnavailable:
        return Decimal(0)
    return estimate_or(cost.total, cost.currency, bool(cost.unpriced), UNPRICED_ANSWER)
