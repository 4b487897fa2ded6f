"""Who wrote or called: the contact with these identities, as of the time they did.

Deliveries come in any order. So a change of number or user id is kept with its time (IdentityChange): what was written under
the old one before it belongs to whoever has the new one. And an identity keeps since when it has named its contact, so that an
older message does not take a number back from the person who has it now.
"""

from collections.abc import Iterable
from datetime import datetime
from functools import cache

from django.db import IntegrityError, transaction

from apps.core.prepared import prepared
from apps.core.rows import row_columns, rows_made
from apps.desktop.errors import DeskError
from apps.desktop.models import Contact, ContactIdentity, IdentityChange
from apps.desktop.services.contacts.keeping import contact_fill
from apps.desktop.services.contacts.merging import contact_merge

STRENGTH = ("wa_user_id", "wa_id")  # the first stays with a person; a phone number can pass to another
TRIES = 3
MOST_CHANGES = 20  # in a row; nobody changes more often, and a circle ends
Rows = dict[tuple[str, str], ContactIdentity | None]


def contact_upsert(
    *, identities: dict[str, str], name: str = "", phone: str = "", language: str = "", at: datetime | None = None
) -> Contact:
    """The contact with any of these identities (kind to value), or a new one; unknown identities are added to it.

    `at` is when they were used, by the channel's clock; None is now. The stronger identity decides: a number that names another
    person now moves to them. Where a weaker one named somebody of whom no stronger one is known, the two are one contact, and
    are merged. Raises DeskError, and TransientError where the merge has to wait.
    """
    known = [(kind, identities[kind]) for kind in _by_strength(identities) if identities[kind]]
    rows = _rows(known, at)
    contact = _known_already(rows, name=name, phone=phone, language=language)
    if contact is not None:
        return contact
    for _ in range(TRIES):
        try:
            with transaction.atomic():
                return _upsert(known, at, name=name, phone=phone, language=language)
        except IntegrityError:
            continue  # another worker made the same contact meanwhile: now it can be found
    raise DeskError("This contact is being changed elsewhere; try again.")


def identity_now(kind: str, value: str, at: datetime) -> str:
    """What an identity that was used at `at` is called since: every change after that followed."""
    for _ in range(MOST_CHANGES):
        change = IdentityChange.objects.filter(kind=kind, old=value, at__gte=at).order_by("at").first()
        if change is None:
            break
        value, at = change.new, change.at
    return value


def _known_already(rows: Rows, **values: str) -> Contact | None:
    """The contact when nothing about it is new, as with most messages: then nothing is written."""
    contact = _find(rows)
    if contact is None or any(row is None or row.contact_id != contact.pk for row in rows.values()):
        return None
    return None if any(value and not getattr(contact, key) for key, value in values.items()) else contact


def _by_strength(kinds: Iterable[str]) -> list[str]:
    return sorted(kinds, key=lambda kind: STRENGTH.index(kind) if kind in STRENGTH else len(STRENGTH))


def _upsert(known: list[tuple[str, str]], at: datetime | None, **values: str) -> Contact:
    rows = _rows(known, at)
    values["phone"] = _phone_now(values["phone"], dict(known), rows)
    contact = _find(rows)
    if contact is None:
        contact = Contact.objects.create(**values)
    elif missing := {key: value for key, value in values.items() if value and not getattr(contact, key)}:
        contact_fill(contact, missing)
    return _joined(contact, rows, at)


def _joined(contact: Contact, rows: Rows, at: datetime | None) -> Contact:
    """Each identity leads to this contact from now on."""
    stronger: list[str] = []
    for (kind, value), row in rows.items():
        if row is None:
            ContactIdentity.objects.create(kind=kind, value=value, contact=contact, since=at)
        elif row.contact_id != contact.pk:
            if row.since is not None and stronger and not row.contact.identities.filter(kind__in=stronger).exists():
                contact = contact_merge(contact=contact, other=row.contact)
            elif at is None or row.since is None or row.since <= at:
                ContactIdentity.objects.filter(pk=row.pk).update(contact=contact, since=at)
        stronger.append(kind)
    return contact


def _phone_now(phone: str, used: dict[str, str], rows: Rows) -> str:
    """The number that the person has by now, where the one they wrote from has been changed since."""
    value = next((value for kind, value in rows if kind == "wa_id"), "")
    changed = value != used.get("wa_id") and value.isdigit()
    return f"+{value}" if changed and phone == f"+{used['wa_id']}" else phone


def _rows(known: list[tuple[str, str]], at: datetime | None) -> Rows:
    """Read once: what is missing here and appears meanwhile must fail, not be taken for a number that moved."""
    return dict(_row(kind, value, at) for kind, value in known)


def _row(kind: str, value: str, at: datetime | None) -> tuple[tuple[str, str], ContactIdentity | None]:
    """An identity; by what it is called since, where its row is gone or somebody else's by now."""
    row = _identity(kind, value)
    if at is not None and (row is None or (row.since is not None and row.since > at)):
        now = identity_now(kind, value, at)
        if now != value:
            return (kind, now), _identity(kind, now)
    return (kind, value), row


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
