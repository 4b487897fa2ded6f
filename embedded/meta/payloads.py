"""The webhooks' bodies: https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks/components"""

import hashlib
import time
from typing import Any

from embedded.meta.settings import Business
from embedded.meta.state import WINDOW_SECONDS, Contact, Message, State


def value_of(business: Business, **parts: Any) -> dict[str, Any]:
    """Return the `value` of a change of field `messages`."""
    metadata = {"display_phone_number": business.digits, "phone_number_id": business.id}
    return {"messaging_product": "whatsapp", "metadata": metadata} | parts


def contact_entry(contact: Contact, business: Business) -> dict[str, Any]:
    """Return how a webhook names a contact; who hides their number has a user id only."""
    profile = {"name": contact.name}
    if contact.username:
        profile["username"] = contact.username
    entry: dict[str, Any] = {"profile": profile, "user_id": contact.user_id(business.waba_id)}
    return entry | ({"wa_id": contact.wa_id} if contact.wa_id else {})


def message_value(state: State, message: Message) -> dict[str, Any]:
    """Return the webhook of a message that a contact wrote."""
    business, contact = state.businesses[message.number], state.contacts[message.contact]
    content: dict[str, Any] = {
        "from_user_id": contact.user_id(business.waba_id),
        "id": message.id,
        "timestamp": str(int(message.at)),
        "type": message.type,
    }
    if contact.wa_id:
        content["from"] = contact.wa_id
    if message.context:
        about = state.messages[message.context]
        wrote = contact.wa_id or contact.user_id(business.waba_id)
        content["context"] = {"from": wrote if about.from_contact else business.digits, "id": message.context}
    content |= message.content
    return value_of(business, contacts=[contact_entry(contact, business)], messages=[content])


def echo_value(state: State, message: Message, kind: str, content: dict[str, Any], echo_id: str) -> dict[str, Any]:
    """Return the webhook (field smb_message_echoes) of what a business said, edited or deleted in its WhatsApp Business app.

    https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/smb_message_echoes
    """
    business, contact = state.businesses[message.number], state.contacts[message.contact]
    row: dict[str, Any] = {"from": business.digits, "to_user_id": contact.user_id(business.waba_id), "id": echo_id}
    row |= {"to": contact.wa_id} if contact.wa_id else {}
    row |= {"timestamp": str(int(time.time())), "type": kind, kind: content}
    return value_of(business, contacts=[contact_entry(contact, business)], message_echoes=[row])


def status_value(state: State, message: Message, status: str) -> dict[str, Any]:
    """Return the webhook of a status of the business's message."""
    business, contact = state.businesses[message.number], state.contacts.get(message.contact)
    entry: dict[str, Any] = {"id": message.id, "status": status, "timestamp": str(int(time.time()))}
    if contact is None:
        entry["recipient_id"] = message.contact
    else:
        entry["recipient_user_id"] = contact.user_id(business.waba_id)
        entry |= {"recipient_id": contact.wa_id} if contact.wa_id else {}
    if message.tracker:
        entry["biz_opaque_callback_data"] = message.tracker
    if status == "failed":
        entry["errors"] = [message.error]
    else:
        entry |= _price(state, message, status)
    contacts = {"contacts": [contact_entry(contact, business)]} if contact else {}
    return value_of(business, **contacts, statuses=[entry])


def _price(state: State, message: Message, status: str) -> dict[str, Any]:
    """The conversation and the price; a free-form reply is free, and so is a utility template while the window is open."""
    free = message.category == "service" or (message.category == "utility" and state.window_open(message.number, message.contact))
    kind = "free_customer_service" if free else "regular"
    pricing = {"billable": not free, "pricing_model": "PMP", "category": message.category, "type": kind}
    name = f"{message.number}/{message.contact}/{message.category}"
    conversation: dict[str, Any] = {"id": hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()}
    if status == "sent":
        conversation["expiration_timestamp"] = str(int(message.at + WINDOW_SECONDS))
    return {"conversation": conversation | {"origin": {"type": message.category}}, "pricing": pricing}
