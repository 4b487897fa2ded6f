"""Meta's envelope taken apart: every entry, change, message and status becomes one inbox item with an id of its own."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from apps.core.inbox import Item

PROVIDER = "meta"
MESSAGE, STATUS, ERROR = "message", "status", "error"
ECHO, ECHOES = "echo", "smb_message_echoes"
MAX_ID = 191
MAX_KIND = 64


def items_of(payload: dict[str, Any]) -> list[Item]:
    """What a webhook holds, in its order and each once. What Meta may add one day is kept as it came."""
    found = (item for entry in dicts(payload.get("entry")) for item in _entry(entry))
    return list({item.external_id: item for item in found}.values())


def dicts(value: Any) -> list[dict[str, Any]]:
    """The objects of a list; anything else counts as none."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _entry(entry: dict[str, Any]) -> Iterator[Item]:
    for change in dicts(entry.get("changes")):
        value = change.get("value")
        field = str(change.get("field", ""))[:MAX_KIND]
        if field == "messages" and isinstance(value, dict):
            yield from _messages(str(entry.get("id", "")), value)
        elif field == ECHOES and isinstance(value, dict):
            yield from _echoes(str(entry.get("id", "")), value)
        else:
            # Other fields have no id of their own: the same content at the same time is the same event.
            payload = {"waba_id": str(entry.get("id", "")), "time": entry.get("time"), "value": value}
            yield Item(_digest(field, payload), field or "unknown", payload)


def _messages(waba_id: str, value: dict[str, Any]) -> Iterator[Item]:
    metadata = value.get("metadata")
    common = {"waba_id": waba_id, "metadata": metadata if isinstance(metadata, dict) else {}}
    contacts = dicts(value.get("contacts"))
    for message in dicts(value.get("messages")):
        payload = {**common, "contact": _contact_of(message, contacts), MESSAGE: message}
        yield Item(_id(message.get("id"), payload), MESSAGE, payload)
    for status in dicts(value.get("statuses")):
        payload = {**common, STATUS: status}
        yield Item(_status_id(status, payload), STATUS, payload)
    for error in dicts(value.get("errors")):
        payload = {**common, ERROR: error}
        yield Item(_digest(ERROR, payload), ERROR, payload)


def _echoes(waba_id: str, value: dict[str, Any]) -> Iterator[Item]:
    """What the company sent from its WhatsApp Business app; each is told in the form of a message, as `message`.

    https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/smb_message_echoes
    """
    metadata = value.get("metadata")
    common = {"waba_id": waba_id, "metadata": metadata if isinstance(metadata, dict) else {}}
    for message in dicts(value.get("message_echoes")):
        payload = {**common, MESSAGE: message}
        wamid = message.get("id")
        known = isinstance(wamid, str) and 0 < len(wamid) < MAX_ID - len(ECHO)
        yield Item(f"{ECHO}:{wamid}" if known else _digest(ECHO, payload), ECHO, payload)


def _contact_of(message: dict[str, Any], contacts: list[dict[str, Any]]) -> dict[str, Any]:
    """The entry of `contacts` that wrote this message; with one contact and one writer it is that one."""
    for contact in contacts:
        if _same(contact.get("user_id"), message.get("from_user_id")) or _same(contact.get("wa_id"), message.get("from")):
            return contact
    named = message.get("from") or message.get("from_user_id")
    return contacts[0] if len(contacts) == 1 and not named else {}


def _same(one: Any, other: Any) -> bool:
    return bool(one) and one == other


def _id(given: Any, payload: dict[str, Any]) -> str:
    return given if isinstance(given, str) and 0 < len(given) <= MAX_ID else _digest(MESSAGE, payload)


def _status_id(status: dict[str, Any], payload: dict[str, Any]) -> str:
    wamid, name = status.get("id"), status.get("status")
    if not isinstance(wamid, str) or not isinstance(name, str) or not wamid or len(wamid) + len(name) >= MAX_ID:
        return _digest(STATUS, payload)
    return f"{wamid}:{name}"


def _digest(kind: str, payload: dict[str, Any]) -> str:
    text = json.dumps(payload, sort_keys=True, separators=(",", ":"))
    return f"{kind}:{hashlib.sha256(text.encode()).hexdigest()}"
