"""What contacts send arrives: at its contact, in its conversation, and with whoever answers the number."""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.utils import timezone

from apps.core.errors import Ignored, TransientError
from apps.core.schema import schema_current
from apps.desktop.errors import UnknownMessage, WindowClosed
from apps.desktop.models import Contact, Conversation, Message
from apps.desktop.selectors.outgoing import identities_of, message_contact, message_get
from apps.desktop.selectors.people import team_exists
from apps.desktop.services.contacts import contact_identity_change, contact_known_as, contact_upsert
from apps.desktop.services.conversations import conversation_open
from apps.desktop.services.messages import (
    message_advance,
    message_edit,
    message_reaction_set,
    message_receive,
    message_revoke,
    message_send,
    message_status_set,
)
from apps.tenants.selectors import tenant_by_slug
from apps.whatsapp.hours import Holder, holder_at
from apps.whatsapp.models import AgentPhoneMapping, ReactionSeen
from apps.whatsapp.payloads import InboundMessage, InboundStatus, changes_of, part, rewritten_of, text_of, writer_of
from apps.whatsapp.sentences import error_sentence
from apps.whatsapp.services.media import media_enqueue
from apps.whatsapp.services.turns import turn_collect, turn_forget
from apps.whatsapp.services.usage import message_charge

log = structlog.get_logger(__name__)
CHANNEL = "whatsapp"
STATUSES = {"sent": "sent", "delivered": "delivered", "read": "read", "played": "read", "failed": "failed"}
CLOSED_AGAIN = timedelta(hours=8)  # how often a contact hears that the company is closed
PATIENCE = 5  # attempts for which an event waits for the one that it is about


@transaction.atomic(savepoint=False)
def message_arrive(*, mapping: AgentPhoneMapping, payload: dict[str, Any], message: InboundMessage) -> Message | None:
    """Keeps a contact's message, and gives it to the agent or the team. None when it was known already."""
    contact = contact_of(payload, message.at)
    holder = _holder(mapping, timezone.now())
    conversation, created = conversation_open(
        contact=contact,
        channel=CHANNEL,
        line=mapping.phone_number_id,
        agent_id=holder.agent_id,
        team_slug=holder.team,
        at=message.at,
    )
    kept = message_receive(
        conversation=conversation,
        external_id=message.external_id,
        kind=message.kind,
        text=message.text,
        payload=message.payload,
        at=message.at,
        reply_to=message.reply_to,
        attachments=message.attachments,
        locked=True,
    )
    if kept is not None:
        if message.attachments:
            media_enqueue(kept)
        _answer(conversation, kept, holder, created)
    return kept


def contact_of(payload: dict[str, Any], at: datetime) -> Contact:
    """The contact who wrote at `at`; made when they are new. Raises Ignored where the message does not say who it is from."""
    writer = writer_of(payload)
    if not writer.identities:
        raise Ignored("The message does not say who it is from.")
    return contact_upsert(identities=writer.identities, name=writer.name, phone=writer.phone, at=min(at, timezone.now()))


def _holder(mapping: AgentPhoneMapping, now: datetime) -> Holder:
    tenant = tenant_by_slug(schema_current()) if mapping.business_hours and not mapping.timezone else None
    holder = holder_at(mapping, now, tenant.timezone if tenant else "UTC")
    team = holder.team if holder.team and team_exists(holder.team) else ""
    return Holder(holder.agent_id, team, holder.closed)


def _answer(conversation: Conversation, message: Message, holder: Holder, created: bool) -> None:
    since = conversation.waiting_since
    if since is None or message.at < since:
        return  # the answer, from the WhatsApp Business app, overtook it
    if conversation.status == Conversation.Status.PENDING and conversation.agent_id is not None:
        turn_collect(conversation=conversation, message=message)
    elif holder.closed and (created or conversation.assignee_id is None) and not _told_lately(conversation):
        with suppress(WindowClosed):  # a delivery that is days late
            message_send(
                conversation=conversation, author=Message.Author.SYSTEM, text=holder.closed, payload={"out_of_hours": True}
            )


def _told_lately(conversation: Conversation) -> bool:
    since = timezone.now() - CLOSED_AGAIN
    return conversation.messages.filter(author=Message.Author.SYSTEM, payload__out_of_hours=True, at__gt=since).exists()


@transaction.atomic
def reaction_arrive(*, message: InboundMessage, content: dict[str, Any], attempts: int, who: str = "contact") -> None:
    """Sets or removes the reaction of the contact, or of the company in its app. An older one that is late changes nothing."""
    target = text_of(content.get("message_id"), 191)
    if not _reaction_is_newest(target if who == "contact" else f"{who}:{target}"[:191], message):
        raise Ignored("A later reaction to this message is known already.")
    try:
        message_reaction_set(external_id=target, who=who, emoji=text_of(content.get("emoji"), 40))
    except UnknownMessage as error:
        raise _wait_or_ignore(attempts, "The message that was reacted to is not known here.") from error


def _reaction_is_newest(target: str, message: InboundMessage) -> bool:
    seen, created = ReactionSeen.objects.select_for_update().get_or_create(
        target=target, defaults={"at": message.at, "external_id": message.external_id}
    )
    if created:
        return True
    if (message.at, message.external_id) <= (seen.at, seen.external_id):
        return False
    seen.at, seen.external_id = message.at, message.external_id
    seen.save()
    return True


def _wait_or_ignore(attempts: int, reason: str) -> TransientError | Ignored:
    """Deliveries come in any order: what an event is about may follow in a moment, or never."""
    return TransientError(reason) if attempts < PATIENCE else Ignored(reason)


def identity_change(*, payload: dict[str, Any], at: datetime) -> None:
    """A contact has another number, or user id, from now on (a system message). Raises Ignored where it does not say which."""
    changes = changes_of(payload)
    if not changes:
        raise Ignored("The system message does not say what the contact is called now.")
    with transaction.atomic():
        for kind, old, new in changes:
            contact_identity_change(kind=kind, old=old, new=new, at=min(at, timezone.now()))


def message_rewritten(*, message: InboundMessage, payload: dict[str, Any], attempts: int, ours: bool = False) -> None:
    """The contact edited or deleted a message (numbers that are also used in the WhatsApp Business app are told of it).

    `ours`: the company did, in that app.
    """
    target, text = rewritten_of(payload)
    at = min(message.at, timezone.now())
    try:
        if message.kind == "revoke":
            with transaction.atomic():
                gone = message_revoke(external_id=target, at=at, ours=ours)
                turn_forget(gone)
        elif text is None:
            raise Ignored("The edit does not say what the message says now.")
        else:
            message_edit(external_id=target, edit_id=message.external_id, text=text, at=at, ours=ours)
    except UnknownMessage as error:
        raise _wait_or_ignore(attempts, "The message that was edited or deleted is not known here.") from error


def status_arrive(*, status: InboundStatus, line: str, attempts: int) -> None:
    """What became of a message of ours. It may come before the answer that names the message: our own id came along with it."""
    name = STATUSES.get(status.status)
    if name is None:
        raise Ignored(f"A status “{status.status}” says nothing that is shown here.")
    kept = _status_keep(status, name) or (_claimed_by_tracker(status, line) and _status_keep(status, name))
    if not kept:
        raise _wait_or_ignore(attempts, "The message is not one of ours, or its sending has not ended yet.")
    if name == Message.Status.SENT and status.user_id:  # once a message is enough
        _recipient_known(status)


def _recipient_known(status: InboundStatus) -> None:
    """Whoever was written to by number has a user id that outlives it. Known by another one, it is the number that has moved."""
    contact = message_contact(status.external_id)
    if contact is None or "wa_user_id" in identities_of(contact):
        return
    try:
        contact_known_as(contact=contact, kind="wa_user_id", value=status.user_id)
    except TransientError as error:  # with the next message again
        log.info("contact_not_joined", why=type(error).__name__)


@transaction.atomic(savepoint=False)
def _status_keep(status: InboundStatus, name: str) -> bool:
    """False where no message is called so."""
    try:
        message_status_set(
            external_id=status.external_id,
            status=name,
            at=status.at,
            error_code=status.error_code,
            error_text=_error_text(status) if name == "failed" else "",
            pricing=status.pricing,
        )
    except UnknownMessage:
        return False
    message_charge(status.external_id, name)
    return True


def _claimed_by_tracker(status: InboundStatus, line: str) -> bool:
    """A message whose sending ended unclear, or whose worker died, learns here what Meta calls it."""
    found = message_get(status.tracker) if _is_uuid(status.tracker) else None
    if found is None or found.external_id is not None or found.conversation.line != line:
        return False
    message_advance(message_id=found.pk, status=Message.Status.SENT, external_id=status.external_id)
    return True


def _error_text(status: InboundStatus) -> str:
    details = text_of(part(status.error.get("error_data")).get("details"), 300)
    return error_sentence(status.error_code, details or text_of(status.error.get("title"), 300))


def _is_uuid(value: str) -> bool:
    return len(value) == 36 and value.count("-") == 4 and all(char in "0123456789abcdef-" for char in value)
