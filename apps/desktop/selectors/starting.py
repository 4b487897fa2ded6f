"""What is known before a colleague writes first."""

from datetime import datetime

from django.db.models import Max
from django.utils import timezone

from apps.desktop.channels import LineChoice, identities_on
from apps.desktop.models import Contact, ContactIdentity, Conversation


def contact_known(line: LineChoice, phone: str, contact: Contact | None) -> Contact | None:
    """Who this is: by how the channel knows the number, then the contact that was chosen, then whose number it is."""
    for kind, value in identities_on(line, phone).items():
        row = ContactIdentity.objects.select_related("contact").filter(kind=kind, value=value).first()
        if row is not None:
            return row.contact
    if contact is not None or not phone:
        return contact
    return Contact.objects.filter(phone=phone).order_by("created_at").first()


def conversation_there(contact: Contact, line: LineChoice) -> Conversation | None:
    """Their unresolved conversation on this line."""
    rows = contact.conversations.filter(channel=line.channel, line=line.line)
    return rows.exclude(status=Conversation.Status.RESOLVED).first()


def window_of(contact: Contact, line: LineChoice) -> datetime | None:
    """Until when they may be written to freely on this line; None where only a template may be sent now."""
    rows = contact.conversations.filter(channel=line.channel, line=line.line, window_until__gt=timezone.now())
    until: datetime | None = rows.aggregate(until=Max("window_until"))["until"]
    return until
