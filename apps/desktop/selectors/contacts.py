"""Contacts by themselves: finding one, by which numbers they are known, and what two of them would be as one."""

from dataclasses import dataclass
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import Count, Max, QuerySet

from apps.desktop.errors import SameContact, UnknownContact
from apps.desktop.models import Contact, Conversation
from apps.desktop.selectors.conversations import people_matching

MOST = 20


@dataclass(frozen=True)
class Together:
    """`first` was known before `second`; `joined` are conversations that are open with both on one line and become one."""

    first: Contact
    second: Contact
    numbers: list[str]
    conversations: int
    joined: list[Conversation]


def contact_get(contact_id: UUID | str) -> Contact:
    """Raises UnknownContact, also for what is no id at all."""
    try:
        return Contact.objects.get(pk=contact_id)
    except (Contact.DoesNotExist, ValidationError):
        raise UnknownContact from None


def contacts_find(q: str) -> QuerySet[Contact]:
    """Who has this in their name, e-mail or number: whoever wrote last comes first. With `chats` and `last_at`."""
    q = q.replace("\x00", " ").strip()
    rows = Contact.objects.filter(pk__in=Contact.objects.filter(people_matching(q)).values("pk")) if q else Contact.objects.all()
    rows = rows.annotate(chats=Count("conversations"), last_at=Max("conversations__last_message_at"))
    return rows.order_by("-last_at", "-pk")


def phones_of(contact: Contact) -> list[str]:
    """Every number by which they are known, E.164 where the channel has it so; the one that is shown comes first."""
    kinds = {"phone": "", "wa_id": "+"}
    rows = contact.identities.filter(kind__in=kinds).order_by("pk").values_list("kind", "value")
    known = [kinds[kind] + value for kind, value in rows]
    return list(dict.fromkeys(filter(None, [contact.phone, *known])))


def contacts_together(contact: Contact, other: Contact) -> Together:
    """What making one of two would bring together; changes nothing. Raises SameContact."""
    if contact.pk == other.pk:
        raise SameContact
    first, second = sorted((contact, other), key=lambda one: one.pk)
    open_ones = Conversation.objects.exclude(status=Conversation.Status.RESOLVED)
    lines = {(row.channel, row.line) for row in open_ones.filter(contact=first)}
    return Together(
        first=first,
        second=second,
        numbers=list(dict.fromkeys([*phones_of(first), *phones_of(second)])),
        conversations=Conversation.objects.filter(contact__in=(first, second)).count(),
        joined=[row for row in open_ones.filter(contact=second) if (row.channel, row.line) in lines],
    )
