"""Contacts and how channels know them."""

from collections.abc import Iterable
from functools import cache
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from apps.core.prepared import prepared
from apps.core.rows import row_columns, rows_made
from apps.desktop.errors import DeskError
from apps.desktop.events import conversation_changed
from apps.desktop.models import Contact, ContactIdentity, Conversation

STRENGTH = ("wa_user_id", "wa_id")  # the first stays with a person; a phone number can pass to another
TRIES = 3
Rows = dict[tuple[str, str], ContactIdentity | None]


def contact_upsert(*, identities: dict[str, str], name: str = "", phone: str = "", language: str = "") -> Contact:
    """The contact with any of these identities (kind to value), or a new one; unknown identities are added to it.

    Two contacts are never merged: the stronger identity decides, and a number that names another person now moves to them.
    """
    known = [(kind, identities[kind]) for kind in _by_strength(identities) if identities[kind]]
    contact = _known_already(_rows(known), name=name, phone=phone, language=language)
    if contact is not None:
        return contact
    for _ in range(TRIES):
        try:
            with transaction.atomic():
                return _upsert(known, name=name, phone=phone, language=language)
        except IntegrityError:
            continue  # another worker made the same contact meanwhile: now it can be found
    raise DeskError("This contact is being changed elsewhere; try again.")


def _known_already(rows: Rows, **values: str) -> Contact | None:
    """The contact when nothing about it is new, as with most messages: then nothing is written."""
    contact = _find(rows)
    if contact is None or any(row is None or row.contact_id != contact.pk for row in rows.values()):
        return None
    return None if any(value and not getattr(contact, key) for key, value in values.items()) else contact


def _by_strength(kinds: Iterable[str]) -> list[str]:
    return sorted(kinds, key=lambda kind: STRENGTH.index(kind) if kind in STRENGTH else len(STRENGTH))


def _upsert(known: list[tuple[str, str]], **values: str) -> Contact:
    rows = _rows(known)
    contact = _find(rows)
    if contact is None:
        contact = Contact.objects.create(**values)
    elif missing := {key: value for key, value in values.items() if value and not getattr(contact, key)}:
        _fill(contact, missing)
    for (kind, value), row in rows.items():
        if row is None:
            ContactIdentity.objects.create(kind=kind, value=value, contact=contact)
        elif row.contact_id != contact.pk:
            ContactIdentity.objects.filter(pk=row.pk).update(contact=contact)
    return contact


def _rows(known: list[tuple[str, str]]) -> Rows:
    """Read once: what is missing here and appears meanwhile must fail, not be taken for a number that moved."""
    return {(kind, value): _identity(kind, value) for kind, value in known}


def _identity(kind: str, value: str) -> ContactIdentity | None:
    with prepared(_identity_sql(), [kind, value]) as cursor:
        values = cursor.fetchone()
    if values is None:
        return None
    identity, contact = rows_made(values, ContactIdentity, Contact)
    identity.contact = contact
    return identity


@cache
def _identity_sql() -> str:
    return (
        f"SELECT {row_columns(ContactIdentity, 'known')}, {row_columns(Contact, 'person')}"  # noqa: S608
        " FROM desktop_contactidentity AS known JOIN desktop_contact AS person ON person.id = known.contact_id"
        " WHERE known.kind = %s AND known.value = %s"
    )


def _find(rows: Rows) -> Contact | None:
    """By the strongest identity; a weaker one counts only where its contact lacks the stronger kinds."""
    stronger: list[str] = []
    for (kind, _), row in rows.items():
        if row and not (stronger and row.contact.identities.filter(kind__in=stronger).exists()):
            return row.contact
        stronger.append(kind)
    return None


def _fill(contact: Contact, values: dict[str, str]) -> None:
    for key, value in values.items():
        setattr(contact, key, value)
    contact.save(update_fields=[*values, "updated_at"])


@transaction.atomic
def contact_identity_change(*, kind: str, old: str, new: str) -> Contact | None:
    """A channel says that an identity became another. None when the old one is not known here.

    Where the new one belongs to somebody already, both contacts stay as they are and the old identity is kept.
    """
    row = ContactIdentity.objects.select_for_update().select_related("contact").filter(kind=kind, value=old).first()
    if row is None:
        return None
    if not ContactIdentity.objects.filter(kind=kind, value=new).exclude(contact=row.contact).exists():
        ContactIdentity.objects.get_or_create(kind=kind, value=new, defaults={"contact": row.contact})
        row.delete()
        if row.contact.phone == f"+{old}":
            _fill(row.contact, {"phone": f"+{new}"})
        _announce(row.contact, None)
    return row.contact


@transaction.atomic
def contact_update(
    *,
    contact: Contact,
    user_id: UUID | None,
    name: str | None = None,
    email: str | None = None,
    fields: dict[str, Any] | None = None,
    tags: list[str] | None = None,
) -> Contact:
    """A colleague changes what is kept about a contact; None leaves a part as it is. Raises ValidationError."""
    contact.refresh_from_db(from_queryset=Contact.objects.select_for_update())
    given = {"name": name, "email": email, "fields": fields, "tags": _tags(tags)}
    for key, value in given.items():
        if value is not None:
            setattr(contact, key, value)
    contact.full_clean()
    contact.save()
    _announce(contact, user_id)
    return contact


def _tags(tags: list[str] | None) -> list[str] | None:
    """Trimmed, without doubles, in the order they came."""
    return None if tags is None else list(dict.fromkeys(tag.strip() for tag in tags if tag.strip()))


def _announce(contact: Contact, user_id: UUID | None) -> None:
    for conversation in (
        Conversation.objects.select_for_update().filter(contact=contact).exclude(status="resolved").order_by("pk")
    ):
        conversation_changed(conversation, "contact", user_id=user_id)
