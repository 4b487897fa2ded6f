"""Texts that colleagues call up with `/shortcut`."""

from django.db import transaction

from apps.desktop.models import CannedResponse, Contact


@transaction.atomic
def canned_set(*, shortcut: str, title: str, text: str, canned: CannedResponse | None = None) -> CannedResponse:
    """Makes or changes (`canned`, or the one with this shortcut) a canned response. Raises ValidationError."""
    row = canned or CannedResponse.objects.filter(shortcut=shortcut).first() or CannedResponse()
    row.shortcut, row.title, row.text = shortcut, title, text
    row.full_clean()
    row.save()
    return row


def canned_delete(*, canned: CannedResponse) -> None:
    """Removes a canned response; what was sent with it stays."""
    canned.delete()


def canned_text(canned: CannedResponse, contact: Contact) -> str:
    """Its text for a contact: `{name}` is their name, or nothing where it is not known."""
    return canned.text.replace("{name}", contact.name).strip()
