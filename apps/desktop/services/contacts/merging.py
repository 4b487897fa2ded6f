"""Two contacts turn out to be one: nothing of either is lost, and there is one line of time."""

from typing import Any

from auditlog.models import LogEntry
from django.db import transaction

from apps.core.errors import TransientError
from apps.desktop.events import conversation_changed
from apps.desktop.models import Contact, Conversation
from apps.desktop.services.conversations.joining import conversation_join
from apps.desktop.services.conversations.opening import conversation_unresolved

Kept = dict[str, Any]
TOLD = ("name", "phone", "email", "language")


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
    more: Kept = {}
    for name in TOLD:
        mine, theirs = getattr(kept, name), getattr(gone, name)
        if theirs and not mine:
            setattr(kept, name, theirs)
        elif theirs and theirs != mine and not _is_identity(kept, theirs):
            more[name] = theirs
    kept.fields = _beside(kept.fields, {**more, **gone.fields})
    kept.tags = list(dict.fromkeys([*kept.tags, *gone.tags]))
    kept.created_at = min(kept.created_at, gone.created_at)
    kept.save()


def _is_identity(contact: Contact, text: str) -> bool:
    """A number by which a channel knows them is told by that."""
    return contact.identities.filter(value__in=[text, text.removeprefix("+")]).exists()


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
