"""What colleagues keep about a contact."""

from typing import Any
from uuid import UUID

from django.db import transaction

from apps.desktop.events import conversation_changed
from apps.desktop.models import Contact, Conversation


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
    contact_announce(contact, user_id)
    return contact


def contact_fill(contact: Contact, values: dict[str, str]) -> None:
    """Writes these fields of a contact."""
    for key, value in values.items():
        setattr(contact, key, value)
    contact.save(update_fields=[*values, "updated_at"])


def contact_announce(contact: Contact, user_id: UUID | None) -> None:
    """Tells whoever looks at an unresolved conversation with them that the contact has changed."""
    for conversation in (
        Conversation.objects.select_for_update().filter(contact=contact).exclude(status="resolved").order_by("pk")
    ):
        conversation_changed(conversation, "contact", user_id=user_id)


def _tags(tags: list[str] | None) -> list[str] | None:
    """Trimmed, without doubles, in the order they came."""
    return None if tags is None else list(dict.fromkeys(tag.strip() for tag in tags if tag.strip()))
