"""Two contacts turn out to be one: nothing of either is lost, and there is one line of time."""

from typing import Any
from uuid import UUID

from auditlog.models import LogEntry
from django.db import transaction
from django.utils.translation import gettext_lazy

from apps.core.errors import TransientError
from apps.desktop.errors import MergeWaits, NotSupervisor, SameContact, UnknownContact
from apps.desktop.events import conversation_changed
from apps.desktop.models import Contact, ContactIdentity, Conversation
from apps.desktop.selectors.people import may_supervise
from apps.desktop.services.contacts.keeping import contact_announce
from apps.desktop.services.conversations.joining import conversation_join
from apps.desktop.services.conversations.opening import conversation_unresolved

Kept = dict[str, Any]
TOLD = {
    "name": gettext_lazy("Other name"),
    "phone": gettext_lazy("Other number"),
    "email": gettext_lazy("Other e-mail"),
    "language": gettext_lazy("Other language"),
}


@transaction.atomic
def contact_merge(*, contact: Contact, other: Contact) -> Contact:
    """Makes one of two contacts and returns it: the one that was known first, with all that there is of both.

    Where both say something, the first keeps the place, and what the other said stays as a field of its own. The audit log keeps
    what the other was. Raises TransientError while a message of a conversation that has to be joined is on its way.
    """
    kept, gone = _locked(contact, other)
    before = _told(gone)
    for conversation in Conversation.objects.select_for_update().filter(contact=gone).order_by("pk"):
        conversation_give(conversation, kept)
    gone.identities.update(contact=kept)
    _fill(kept, gone)
    gone.delete()
    _write_down(kept, before)
    return kept


@transaction.atomic
def contact_merge_by_hand(*, contact_id: UUID, other_id: UUID, user_id: UUID) -> Contact:
    """A supervisor says that two contacts are one person. It cannot be taken back; the audit log keeps what was.

    Raises NotSupervisor, SameContact, UnknownContact, MergeWaits.
    """
    if not may_supervise(user_id):
        raise NotSupervisor
    if contact_id == other_id:
        raise SameContact
    found = Contact.objects.in_bulk([contact_id, other_id])
    if len(found) != 2:
        raise UnknownContact
    try:
        kept = contact_merge(contact=found[contact_id], other=found[other_id])
    except TransientError:
        raise MergeWaits from None
    contact_announce(kept, user_id)
    return kept


def merged_values(kept: Contact, gone: Contact) -> Kept:
    """What the one contact has of both; where the other said something else, that is in `fields` under a name of its own."""
    told = {name: getattr(kept, name) or getattr(gone, name) for name in TOLD}
    beside = {
        str(other): theirs
        for name, other in TOLD.items()
        if (theirs := getattr(gone, name)) and theirs != told[name] and not _is_identity((kept, gone), theirs)
    }
    fields = _beside(kept.fields, {**beside, **gone.fields})
    return {**told, "fields": fields, "tags": list(dict.fromkeys([*kept.tags, *gone.tags]))}


def conversation_give(conversation: Conversation, contact: Contact) -> Conversation:
    """A conversation becomes another contact's; where they have one open on the same line, the two become one."""
    is_over = conversation.status == Conversation.Status.RESOLVED
    twin = None if is_over else conversation_unresolved(contact, conversation.channel, conversation.line)
    if twin is not None:
        return conversation_join(conversation=twin, other=conversation)
    conversation = Conversation.objects.select_for_update().get(pk=conversation.pk)
    conversation.contact = contact
    conversation_changed(conversation, "contact")
    return conversation


def _locked(contact: Contact, other: Contact) -> tuple[Contact, Contact]:
    """Always in the same order, so that two who merge the same wait for each other."""
    rows = list(Contact.objects.select_for_update().filter(pk__in=[contact.pk, other.pk]).order_by("pk"))
    if len(rows) != 2:
        raise TransientError("These contacts are being merged beside this.")
    return rows[0], rows[1]


def _fill(kept: Contact, gone: Contact) -> None:
    for name, value in merged_values(kept, gone).items():
        setattr(kept, name, value)
    kept.created_at = min(kept.created_at, gone.created_at)
    kept.save()


def _is_identity(contacts: tuple[Contact, Contact], text: str) -> bool:
    """A number by which a channel knows them is told by that."""
    return ContactIdentity.objects.filter(contact__in=contacts, value__in=[text, text.removeprefix("+")]).exists()


def _beside(mine: Kept, theirs: Kept) -> Kept:
    """Theirs under their own names; where mine says something else, under a name with a number."""
    both = dict(mine)
    for name, text in theirs.items():
        place, number = name, 2
        while place in both and both[place] != text:
            place, number = f"{name} ({number})", number + 1
        both[place] = text
    return both


def _told(contact: Contact) -> dict[str, str]:
    known = {name: str(getattr(contact, name)) for name in TOLD}
    known["identities"] = ", ".join(f"{row.kind} {row.value}" for row in contact.identities.order_by("pk"))
    return {"id": str(contact.pk), **known, "tags": ", ".join(contact.tags), "fields": str(contact.fields or "")}


def _write_down(kept: Contact, gone: dict[str, str]) -> None:
    now = _told(kept)
    changes = {f"merged {name}": [text, now[name]] for name, text in gone.items() if text}
    LogEntry.objects.log_create(kept, force_log=True, action=LogEntry.Action.UPDATE, changes=changes)
