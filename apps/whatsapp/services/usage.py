"""What is charged for chats: the models of each turn, an answer that reached the contact, voice notes, and what Meta charges for.

It is written in the transaction that ends a turn, or takes a status: two or three statements, where an effect of its own would
cost one and a dozen behind it. Prices cannot make either fail (billing's `usage_charge`).
"""

from decimal import Decimal
from typing import Any

import phonenumbers
from django.db import transaction

from apps.billing.models import SourceType
from apps.billing.services import usage_charge
from apps.desktop.models import Attachment
from apps.desktop.selectors.reports import Reported, message_reports_lock
from apps.whatsapp.models import Turn, TurnEvent
from apps.whatsapp.payloads import text_of

ANSWER = {"kind": "platform", "provider": "meridian", "model": "turn", "turns": 1}
ARRIVED = ("delivered", "read")  # Meta charges for messages that were delivered
TELLING = (*ARRIVED, "sent")  # whose pricing counts, the first that there is


def turn_charge(turn: Turn) -> bool:
    """Charges what a locked turn used by now, however it ended; told again, the difference. False where it used nothing."""
    usage = [*turn.usage, *([ANSWER] if turn.attempts and _said(turn) else [])]
    if not usage:
        return False
    usage_charge(
        source_type=SourceType.TURN,
        source_id=str(turn.pk),
        usage=usage,
        at=turn.created_at,
        agent_id=turn.agent_id,
        channel="whatsapp",
        conversation_id=turn.conversation_id,
    )
    return True


@transaction.atomic(savepoint=False)
def message_charge(wamid: str, status: str) -> bool:
    """Charges a message by Meta's pricing fields, once it was delivered; false where a status changes nothing about that.

    It is worked out from all statuses there are, so that their order and number make no difference: what Meta says when it is
    delivered counts, else when it is read, else when it is sent. Without any it has no price, and finance is shown so. What was
    sent from the WhatsApp Business app costs nothing.
    """
    if status not in TELLING:
        return False
    message = message_reports_lock(wamid)
    if message is None or message.is_echo or not _is_news(message.pricing, status):
        return False
    usage_charge(
        source_type=SourceType.MESSAGE,
        source_id=wamid,
        usage=[_message_usage(message)],
        at=message.at,
        agent_id=message.agent_id if message.is_ai else None,
        channel=message.channel,
        conversation_id=message.conversation_id,
    )
    return True


def _is_news(pricing: dict[str, Any], status: str) -> bool:
    """Whether a status is the first that says that the message arrived, or the one whose pricing counts."""
    arrived = [name for name in ARRIVED if name in pricing]
    return bool(arrived) and (arrived == [status] or status == _telling(pricing))


def _telling(pricing: dict[str, Any]) -> str:
    return next((name for name in TELLING if pricing.get(name)), "")


def voice_charge(attachment: Attachment, config: dict[str, Any], seconds: float | None) -> None:
    """Charges a voice note that was transcribed by an agent's provider; `seconds` None has no price, and finance is shown so."""
    message, stt = attachment.message, config["stt"]
    length = {} if seconds is None else {"audio_duration": round(seconds, 3)}
    usage_charge(
        source_type=SourceType.TRANSCRIPT,
        source_id=str(attachment.pk),
        usage=[{"kind": "stt", "provider": stt["provider"], "model": stt["model"], **length}],
        at=attachment.created_at,
        agent_id=config["id"],
        channel="whatsapp",
        conversation_id=message.conversation_id if message else None,
        duration=Decimal(str(round(seconds or 0, 3))),
    )


def _said(turn: Turn) -> bool:
    """Whether a message of it went to the contact; replies know it from reading the turn."""
    known = getattr(turn, "said", None)
    return TurnEvent.objects.filter(turn=turn, event="message", dropped=False).exists() if known is None else bool(known)


def _message_usage(message: Reported) -> dict[str, Any]:
    pricing = message.pricing.get(_telling(message.pricing)) or {}
    category = text_of(pricing.get("category"), 40).lower() or "unknown"
    country = _country(message.phone)
    return {
        "kind": "messages",
        "provider": "meta",
        "model": f"{category}/{country}" if country else category,
        "messages": 1,
        "billable": pricing.get("billable") is not False,
        "type": text_of(pricing.get("type"), 60),
        "pricing_model": text_of(pricing.get("pricing_model"), 20),
    }


def _country(phone: str) -> str:
    """ISO 3166, as Meta's rates depend on it; empty where the number is not known."""
    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(phone)) or ""
    except phonenumbers.NumberParseException:
        return ""
