"""What the company sends from its WhatsApp Business app, on a number that is used in both (Coexistence)."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.core.errors import Ignored
from apps.desktop.models import Message
from apps.desktop.services.contacts import contact_upsert
from apps.desktop.services.messages import conversation_echoed, message_echo
from apps.whatsapp.models import AgentPhoneMapping
from apps.whatsapp.payloads import InboundMessage, addressee_of
from apps.whatsapp.services.inbound import CHANNEL
from apps.whatsapp.services.media import media_enqueue
from apps.whatsapp.services.turns import turn_answered


@transaction.atomic(savepoint=False)
def echo_arrive(*, mapping: AgentPhoneMapping, payload: dict[str, Any], message: InboundMessage) -> Message | None:
    """Shows it as sent by the company; it answers what the contact wrote before. None when it was known already.

    Raises Ignored where the message does not say whom it went to.
    """
    whom = addressee_of(payload)
    if not whom.identities:
        raise Ignored("The message does not say whom it went to.")
    at = min(message.at, timezone.now())
    contact = contact_upsert(identities=whom.identities, phone=whom.phone, at=at)
    conversation = conversation_echoed(contact=contact, channel=CHANNEL, line=mapping.phone_number_id)
    kept = message_echo(
        conversation=conversation,
        external_id=message.external_id,
        kind=message.kind,
        text=message.text,
        payload=message.payload,
        at=at,
        reply_to=message.reply_to,
        attachments=message.attachments,
    )
    if kept is not None:
        if message.attachments:
            media_enqueue(kept)
        turn_answered(conversation, kept.at)
    return kept
