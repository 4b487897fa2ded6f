"""Between businesses and contacts: what one side sends and the other gets, with its statuses."""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

from embedded.meta.deliveries import Deliveries
from embedded.meta.errors import GraphError, status_error
from embedded.meta.faults import ControlError, Faults
from embedded.meta.limits import Limits
from embedded.meta.payloads import echo_value, message_value, status_value
from embedded.meta.state import TYPING_SECONDS, Contact, Message, State, wamid

ECHOES = "smb_message_echoes"


class Network:
    """Accepts messages of businesses and contacts and sees to their statuses and webhooks."""

    def __init__(self, state: State, faults: Faults, deliveries: Deliveries, status_seconds: float) -> None:
        self.state = state
        self.faults = faults
        self.deliveries = deliveries
        self.status_seconds = status_seconds
        self.limits = Limits()
        self._tasks: set[asyncio.Task[None]] = set()

    async def stop(self) -> None:
        """End what is on its way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def business_send(self, number: str, recipient: str, contact: Contact | None, message: Message) -> None:
        """Accept a business's message. Raises GraphError for a limit, and where `at_once` is set for what fails later."""
        if self.faults.limits and (code := self.limits.refused(number, recipient)):
            raise GraphError(code)
        if code := self._why_not(number, contact, message):
            if self.faults.at_once:
                raise GraphError(code)
            message.error = status_error(code)
        elif self.faults.status_code and self.faults.take("status_count"):
            message.error = status_error(self.faults.status_code)
        self.state.message_add(message)
        self._spawn(self._progress(message))

    def business_read(self, message: Message, *, typing: bool) -> None:
        """The business has read a contact's message and all before it, and perhaps types now."""
        chat = self.state.chat(message.number, message.contact)
        for earlier in chat.ids[: chat.ids.index(message.id) + 1]:
            if self.state.messages[earlier].from_contact:
                self.state.message_advance(self.state.messages[earlier], "read")
        if typing:
            chat.typing_until = time.time() + TYPING_SECONDS
            self.state.changed()

    def contact_send(self, contact: Contact, number: str, kind: str, content: dict[str, Any], context: str = "") -> Message:
        """Accept a contact's message and deliver its webhook."""
        message = Message(wamid(), number, contact.key, True, kind, content, time.time(), "sent", context)
        if kind == "reaction":
            self._react(message, "contact")
        self.state.message_add(message)
        self._webhook(message, message_value(self.state, message), about=message.id)
        return message

    def business_echo(self, contact: Contact, number: str, text: str) -> Message:
        """The business writes in its WhatsApp Business app; the product is told."""
        content = {"text": {"body": text}}
        message = Message(wamid(), number, contact.key, False, "text", content, time.time(), "sent", app=True)
        self.state.message_add(message)
        if contact.key not in self.state.off:
            chat = self.state.chat(number, contact.key)
            chat.unread, chat.typing_until = chat.unread + 1, 0.0
            self.state.message_advance(message, "delivered")
        self._webhook(message, echo_value(self.state, message, "text", content["text"], message.id), field=ECHOES)
        return message

    def business_rewrite(self, message: Message, text: str) -> None:
        """The business edits what it said in that app, or (no text) deletes it; the product is told."""
        told: dict[str, Any] = {"original_message_id": message.id}
        if text:
            message.content = {"text": {"body": text}}
            told["message"] = {"type": "text"} | message.content
        else:
            message.type, message.content = "revoked", {}
        self.state.changed()
        kind = "edit" if text else "revoke"
        self._webhook(message, echo_value(self.state, message, kind, told, wamid()), field=ECHOES)

    def contact_read(self, contact: Contact, number: str) -> None:
        """The contact has the chat before them: everything that has arrived is read."""
        chat = self.state.chat(number, contact.key)
        chat.unread = 0
        for message_id in chat.ids:
            message = self.state.messages[message_id]
            if not message.from_contact and message.status == "delivered" and message.type != "reaction":
                self._status(message, "read")

    def phone_switch(self, contact: Contact, on: bool) -> None:
        """Switch a contact's phone on or off; what was sent meanwhile arrives when it is on again."""
        if not on:
            self.state.off.add(contact.key)
            self.state.changed()
            return
        self.state.off.discard(contact.key)
        for message in list(self.state.messages.values()):
            if message.contact == contact.key and not message.from_contact and message.status == "sent":
                self._arrive(message)
        self.state.changed()

    def number_change(self, contact: Contact, wa_id: str) -> None:
        """Give a contact another phone number; every business they wrote to is told by a system message."""
        if not wa_id.isdecimal() or self.state.contact_by_number(wa_id):
            raise ControlError("The new number has to be digits, with the country's code, and nobody else's.")
        before = (contact.wa_id, contact.moves)
        for number in [number for number, key in self.state.chats if key == contact.key]:
            business = self.state.businesses[number]
            contact.wa_id, contact.moves = wa_id, before[1] + 1
            new_user_id = contact.user_id(business.waba_id)
            contact.wa_id, contact.moves = before  # the message itself still comes from the old one
            body = f"User {contact.name} changed from {contact.wa_id} to {wa_id}"
            system = {"body": body, "wa_id": wa_id, "user_id": new_user_id, "type": "user_changed_number"}
            self.contact_send(contact, number, "system", {"system": system})
        contact.wa_id, contact.moves = wa_id, before[1] + 1
        self.state.changed()

    def delivered(self, message_id: str) -> None:
        """The product has taken a contact's message."""
        message = self.state.messages.get(message_id)
        if message is not None:
            self.state.message_advance(message, "delivered")

    def _why_not(self, number: str, contact: Contact | None, message: Message) -> int:
        if contact is None:
            return 131026
        if message.type not in ("template", "reaction") and not self.state.window_open(number, contact.key):
            return 131047
        return 0

    async def _progress(self, message: Message) -> None:
        """Sent, then delivered when the phone is on; or failed."""
        await asyncio.sleep(self.status_seconds)
        if message.error is not None:
            self._status(message, "failed")
            return
        self._status(message, "sent")
        if message.contact not in self.state.off:
            await asyncio.sleep(self.status_seconds)
            self._arrive(message)

    def _arrive(self, message: Message) -> None:
        if message.type == "reaction":
            self._react(message, "business")
        else:
            chat = self.state.chat(message.number, message.contact)
            chat.unread += 1
            chat.typing_until = 0.0
        self._status(message, "delivered")

    def _react(self, message: Message, who: str) -> None:
        reaction = message.content["reaction"]
        target = self.state.messages.get(reaction["message_id"])
        if target is None:
            return
        target.reactions.pop(who, None)
        if reaction.get("emoji"):
            target.reactions[who] = reaction["emoji"]

    def _status(self, message: Message, status: str) -> None:
        if self.state.message_advance(message, status):
            self._webhook(message, status_value(self.state, message, status))

    def _webhook(self, message: Message, value: dict[str, Any], about: str = "", field: str = "messages") -> None:
        waba_id = self.state.businesses[message.number].waba_id
        self.deliveries.send(f"{message.number}/{message.contact}", waba_id, field, value, about=about)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
