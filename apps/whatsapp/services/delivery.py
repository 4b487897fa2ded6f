"""Messages go to Meta: in a conversation's order, one at a time, and none twice.

Before a message is posted that is written down (Sending.posted_at). Whoever finds such a row left behind by a worker that died
cannot know whether Meta has the message, so it is flagged as uncertain and not sent again.
"""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import structlog
from django.db import transaction
from django.utils import timezone

from apps.core.errors import PermanentError, TransientError
from apps.core.mail import LEASE
from apps.core.prepared import prepared
from apps.desktop.models import Attachment, Message
from apps.desktop.selectors.outgoing import identities_of, message_and_next, message_get, message_next_pending
from apps.desktop.services.contacts import contact_known_as
from apps.desktop.services.messages import message_advance, message_failed, message_uncertain
from apps.whatsapp import graph
from apps.whatsapp.limits import send_hold, send_wait
from apps.whatsapp.models import AgentPhoneMapping, Sending
from apps.whatsapp.outgoing import content_of, kind_of, media_content, recipient_of
from apps.whatsapp.selectors import mapping_for

log = structlog.get_logger(__name__)
UNCERTAIN = "Whether WhatsApp took this message is not known. It was not sent again; ask the contact, or write anew."
TOO_LATE = "The message could not be sent in time. Send it again."


OWN = "conversation_id = %s AND message_id = %s AND started_at = %s"
FREE = f"DELETE FROM whatsapp_sending WHERE {OWN}"  # noqa: S608
TAKE = (
    "INSERT INTO whatsapp_sending (conversation_id, message_id, started_at, posted_at)"
    " SELECT conversation_id, id, %s, %s::timestamptz FROM desktop_message WHERE id = %s AND status = 'pending'"
    " ON CONFLICT DO NOTHING"
)
# Asked once the slot is ours: whoever had it before may have sent this very message since it was looked up.
POSTING = (
    f"UPDATE whatsapp_sending SET posted_at = %s WHERE {OWN}"  # noqa: S608
    " AND EXISTS (SELECT FROM desktop_message WHERE id = message_id AND status = 'pending')"
)


class Busy(TransientError):
    """Another message of the conversation is on its way."""


def message_deliver(message_id: str) -> str:
    """Sends the conversation's pending messages in their order, this one among them; returns its external id.

    Raises TransientError when this one is still pending afterwards.
    """
    message, pk = message_and_next(message_id)
    if message is None:
        raise PermanentError("The message is not here any more.")
    while pk is not None:
        following = message if pk == message.pk else message_get(pk)
        try:
            if following is not None:
                _send_one(following)
        except TransientError:
            if _pending(message_id):
                raise
            break  # this one is done; the later one has an effect of its own
        pk = message_next_pending(message.conversation_id)
    return message.external_id or Message.objects.values_list("external_id", flat=True).get(pk=message_id) or ""


def message_give_up(message_id: str) -> None:
    """The last attempt has failed."""
    if _pending(message_id):
        message_failed(message_id=message_id, code="", text=TOO_LATE)


def _pending(message_id: str) -> bool:
    return Message.objects.filter(pk=message_id, status=Message.Status.PENDING).exists()


def _send_one(message: Message) -> None:
    """Sends a message or settles that it cannot be; leaves it pending only with a TransientError."""
    try:
        ready: _Ready | PermanentError = _ready(message)
    except PermanentError as error:
        ready = error
    slot = _slot_take(message, posting=isinstance(ready, _Ready) and ready.attachment is None)
    try:
        posted = _post(message, slot, ready)
    except TransientError:
        _slot_free(slot)
        raise
    except graph.Uncertain:
        with transaction.atomic():
            message_uncertain(message_id=message.pk, text=UNCERTAIN)
            _slot_free(slot)
    except PermanentError as error:
        with transaction.atomic():
            message_failed(message_id=message.pk, code=getattr(error, "code", ""), text=str(error))
            _slot_free(slot)
    else:
        message.external_id = posted.wamid
        with transaction.atomic():
            message_advance(message_id=message.pk, status=Message.Status.SENT, external_id=posted.wamid)
            _slot_free(slot)
        _known_as(message, ready, posted)


def _slot_take(message: Message, *, posting: bool) -> Sending:
    """`posting`: written down with it that the post begins. Raises Busy while another message of the conversation is on its way,
    and where this one has been sent meanwhile."""
    now = timezone.now()
    slot = Sending(conversation_id=message.conversation_id, message_id=message.pk, started_at=now)
    slot.posted_at = now if posting else None
    with prepared(TAKE, [now, slot.posted_at, message.pk]) as cursor:
        taken = cursor.rowcount == 1
    if taken:
        return slot
    slot_clear(message.conversation_id, LEASE)
    raise Busy("An earlier message of this conversation is still on its way, or this one has been sent meanwhile.", after=1)


@transaction.atomic
def slot_clear(conversation_id: UUID, lease: timedelta) -> None:
    """Frees the slot of a worker that died; what it had posted is uncertain."""
    rows = Sending.objects.select_for_update().filter(conversation_id=conversation_id, started_at__lt=timezone.now() - lease)
    left = rows.first()
    if left is not None:
        if left.posted_at is not None and _pending(str(left.message_id)):
            message_uncertain(message_id=left.message_id, text=UNCERTAIN)
        left.delete()


def _slot_free(slot: Sending) -> None:
    with prepared(FREE, [slot.pk, slot.message_id, slot.started_at]):
        pass


def _slot_posting(slot: Sending) -> None:
    """Writes down that the post begins. Raises Busy where the slot was taken away, or another has just sent the message."""
    with prepared(POSTING, [timezone.now(), slot.pk, slot.message_id, slot.started_at]) as cursor:
        if cursor.rowcount != 1:
            raise Busy("Preparing this message took too long, or it has been sent meanwhile.", after=1)


@dataclass(frozen=True)
class _Ready:
    """What a post needs; a file has still to be uploaded."""

    mapping: AgentPhoneMapping
    to: dict[str, str]
    kind: str
    attachment: Attachment | None
    content: graph.Json


def _ready(message: Message) -> _Ready:
    """Raises PermanentError where the message cannot be sent, TransientError while Meta's pace does not allow it."""
    mapping = _mapping(message)
    to = recipient_of(identities_of(message.conversation.contact))
    attachment = message.attachments.first()
    kind = kind_of(message, attachment)
    content = {} if attachment else content_of(message, kind)
    if wait := send_wait(mapping.phone_number_id, str(message.conversation.contact_id)):
        raise TransientError("The pace that Meta allows is used up for the moment.", after=wait)
    return _Ready(mapping, to, kind, attachment, content)


def _post(message: Message, slot: Sending, ready: _Ready | PermanentError) -> graph.Posted:
    """What Meta says of it. Raises Refused, RateLimited, NotReached, Uncertain or PermanentError."""
    if isinstance(ready, PermanentError):
        raise ready
    content, line = ready.content, ready.mapping.phone_number_id
    if ready.attachment:
        content = _uploaded(message, ready.mapping, ready.kind, ready.attachment)
        _slot_posting(slot)
    try:
        return graph.message_post(
            token=ready.mapping.access_token,
            phone_number_id=line,
            to=ready.to,
            kind=ready.kind,
            content=content,
            reply_to=_context(message, ready.kind),
            tracker=str(message.pk),
        )
    except graph.RateLimited as error:
        pair = error.code == "131056"
        send_hold(line, str(message.conversation.contact_id), seconds=error.after or 1, pair=pair)
        raise


def _known_as(message: Message, ready: _Ready | PermanentError, posted: graph.Posted) -> None:
    """Answers come from the number as Meta writes it; without it they would be somebody else's."""
    used = ready.to.get("to") if isinstance(ready, _Ready) else None
    if not used or posted.wa_id in ("", used):
        return
    try:
        contact_known_as(contact=message.conversation.contact, kind="wa_id", value=posted.wa_id)
    except TransientError as error:  # with the next message again
        log.info("contact_not_joined", why=type(error).__name__)


def _mapping(message: Message) -> AgentPhoneMapping:
    mapping = mapping_for(message.conversation.line)
    if mapping is None:
        raise PermanentError("This number is not mapped any more, or switched off. Map it again to send from it.")
    return mapping


def _context(message: Message, kind: str) -> str | None:
    return message.reply_to.external_id if message.reply_to and kind != "reaction" else None


def _uploaded(message: Message, mapping: AgentPhoneMapping, kind: str, attachment: Attachment) -> graph.Json:
    """Uploads the file; Meta keeps it for 30 days. An upload that ended unclear can be done again."""
    try:
        with attachment.file.open("rb") as file:
            media_id = graph.media_upload(
                token=mapping.access_token,
                phone_number_id=mapping.phone_number_id,
                file=file.file,
                mime=attachment.mime,
                name=attachment.name or "file",
            )
    except FileNotFoundError as error:
        raise PermanentError("The file is not here any more. Attach it again.") from error
    except graph.Uncertain as error:
        raise TransientError("The file did not get to Meta.") from error
    return media_content(message, kind, media_id, attachment.name)
