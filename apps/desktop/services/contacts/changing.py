"""A channel says that somebody is called otherwise now."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from apps.desktop.models import Contact, ContactIdentity, Conversation, IdentityChange, Message
from apps.desktop.services.contacts.finding import STRENGTH, identity_now
from apps.desktop.services.contacts.keeping import contact_announce, contact_fill
from apps.desktop.services.contacts.merging import contact_merge, conversation_give


@transaction.atomic
def contact_identity_change(*, kind: str, old: str, new: str, at: datetime) -> Contact | None:
    """An identity became another at `at`. None where nobody is known by either; it is kept for what is still to come.

    Where the new one has a contact of its own that is known only since then, the message overtook this news: the two are merged.
    Known from before, it was somebody else's: they keep what they said then, and what has been said since goes to whom it is now.
    """
    IdentityChange.objects.get_or_create(kind=kind, old=old, at=at, defaults={"new": new})
    old_row = _row(kind, old)
    if old_row is not None and old_row.since is not None and old_row.since > at:
        old_row = None  # somebody else has it by now
    new_row = _row(kind, identity_now(kind, new, at))
    if old_row is None:
        return new_row.contact if new_row else None
    contact = _renamed(old_row, at) if new_row is None else _met(old_row, new_row, at)
    _phone_change(contact, kind, old, identity_now(kind, new, at))
    contact_announce(contact, None)
    return contact


@transaction.atomic
def contact_known_as(*, contact: Contact, kind: str, value: str) -> Contact:
    """A channel calls somebody otherwise than they were called here; from now on both names are theirs.

    Where another contact has it, the two are merged. Raises TransientError while that has to wait.
    """
    given = {"contact": contact, "since": timezone.now()}
    row, made = ContactIdentity.objects.select_related("contact").get_or_create(kind=kind, value=value, defaults=given)
    if made or row.contact_id == contact.pk:
        return contact
    return contact_merge(contact=contact, other=row.contact)


def _row(kind: str, value: str) -> ContactIdentity | None:
    return (
        ContactIdentity.objects.select_for_update(of=("self",)).select_related("contact").filter(kind=kind, value=value).first()
    )


def _renamed(row: ContactIdentity, at: datetime) -> Contact:
    """Nobody has the new one yet. As a row of its own, so that of several it is the newest."""
    row.delete()
    ContactIdentity.objects.create(kind=row.kind, value=identity_now(row.kind, row.value, at), contact=row.contact, since=at)
    return row.contact


def _met(old_row: ContactIdentity, new_row: ContactIdentity, at: datetime) -> Contact:
    """Both are known here."""
    contact = old_row.contact
    if old_row.contact_id != new_row.contact_id:
        contact = _one_of(old_row, new_row, at)
    ContactIdentity.objects.filter(pk=old_row.pk).delete()
    return contact


def _one_of(old_row: ContactIdentity, new_row: ContactIdentity, at: datetime) -> Contact:
    """Whom both mean from now on."""
    if new_row.since is not None and new_row.since >= at and _begins_after(new_row.contact, at):
        return contact_merge(contact=old_row.contact, other=new_row.contact)
    ContactIdentity.objects.filter(pk=new_row.pk).update(contact=old_row.contact, since=at)
    for conversation in Conversation.objects.filter(contact=new_row.contact).order_by("pk"):
        if _is_after(conversation, at):
            conversation_give(conversation, old_row.contact)
    return old_row.contact


def _begins_after(contact: Contact, at: datetime) -> bool:
    """Nothing is known of them but what this channel has brought since then."""
    others = contact.identities.exclude(kind__in=STRENGTH).exists()
    return not others and all(_is_after(conversation, at) for conversation in contact.conversations.all())


def _is_after(conversation: Conversation, at: datetime) -> bool:
    return not Message.objects.filter(conversation=conversation, at__lt=at).exists()


def _phone_change(contact: Contact, kind: str, old: str, new: str) -> None:
    if kind == "wa_id" and contact.phone in ("", f"+{old}") and new.isdigit():
        contact_fill(contact, {"phone": f"+{new}"})
