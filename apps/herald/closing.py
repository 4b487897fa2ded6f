"""The summary of a resolved conversation, written once people have had their say in it."""

import time
from typing import Any

from apps.billing.models import SourceType
from apps.billing.services import usage_charge
from apps.billing.services.limits import spend_open
from apps.compass.selectors import agent_config, agent_for_call
from apps.core.errors import Ignored, TransientError
from apps.core.models import OutboundEffect
from apps.core.outbox import effect_enqueue, sender
from apps.core.schema import schema_current
from apps.desktop.models import Conversation
from apps.desktop.selectors import conversation_get, history_of
from apps.desktop.services.conversations import conversation_summary_set
from apps.herald.answer import Chain, ModelSilent
from apps.herald.summary import ASK, LONGEST, TRANSCRIPT, WHO
from apps.herald.usage import Meter

KIND = "herald.summary"
SECONDS = 40.0  # for models and fallbacks together, below the outbox's lease of 60
ITEMS = 60


def summary_enqueue(conversation: Conversation) -> None:
    """In the transaction that resolves. What the agent alone has answered was summarised with its last turn."""
    if conversation.agent_id is not None and conversation.messages.filter(author="person", private=False).exists():
        key = f"{KIND}:{schema_current()}:{conversation.pk}:{conversation.version}"
        effect_enqueue(kind=KIND, key=key, payload={"conversation": str(conversation.pk)})


@sender(KIND)
def summary_effect(effect: OutboundEffect) -> str:
    """Has the agent's model summarise the whole conversation; the old summary stays when no model answers."""
    conversation = conversation_get(str(effect.payload["conversation"]))
    if conversation.status != Conversation.Status.RESOLVED or conversation.agent_id is None:
        raise Ignored("The conversation was taken up again.")
    config = agent_config(agent_for_call(conversation.agent_id))
    if refusal := spend_open(agent_id=conversation.agent_id).reason:
        raise Ignored(refusal)
    meter = Meter()
    chain = Chain(config, meter, time.monotonic() + SECONDS)
    try:
        answer = chain.ask(_request(conversation))
    except ModelSilent as error:
        raise TransientError(str(error)) from error
    _charge(effect, conversation, meter)
    if summary := " ".join(answer.text.split())[:LONGEST]:
        conversation_summary_set(conversation=conversation, summary=summary)
    return str(conversation.pk)


def _charge(effect: OutboundEffect, conversation: Conversation, meter: Meter) -> None:
    usage_charge(
        source_type=SourceType.SUMMARY,
        source_id=str(effect.pk),
        usage=meter.rows(),
        at=effect.created_at,
        agent_id=conversation.agent_id,
        channel=conversation.channel,
        conversation_id=conversation.pk,
    )


def _request(conversation: Conversation) -> list[dict[str, Any]]:
    lines = [f"{WHO[item['role']]}: {item['text']}" for item in history_of(conversation, ITEMS)]
    known = f"Known from before: {conversation.summary}\n\n" if conversation.summary else ""
    outcome = f"\nOutcome: {conversation.outcome}" if conversation.outcome else ""
    said = "\n".join(lines)[-TRANSCRIPT:]
    return [{"role": "system", "content": ASK}, {"role": "user", "content": f"{known}{said}{outcome}"}]
