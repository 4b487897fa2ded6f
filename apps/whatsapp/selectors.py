"""Reads of numbers, templates and turns."""

from django.utils import timezone

from apps.core.rows import row_read
from apps.desktop.models import Conversation
from apps.whatsapp.models import AgentPhoneMapping, Template, Turn


def mapping_for(phone_number_id: str) -> AgentPhoneMapping | None:
    """Who answers a number of the current tenant; None where it is not mapped, or switched off."""
    return row_read(AgentPhoneMapping, "WHERE phone_number_id = %s AND enabled", [phone_number_id])


def templates_of(phone_number_id: str) -> list[Template]:
    """The approved templates of the number's business account."""
    wabas = AgentPhoneMapping.objects.filter(phone_number_id=phone_number_id).exclude(waba_id="").values("waba_id")
    return list(Template.objects.filter(waba_id__in=wabas, status="APPROVED"))


def turn_collecting(conversation: Conversation) -> Turn | None:
    """The turn that is being collected, or None."""
    return Turn.objects.filter(conversation_id=conversation.pk, state=Turn.State.COLLECTING).first()


def window_open(conversation: Conversation) -> bool:
    """Whether anything but a template may be sent: within 24 hours of the contact's last message."""
    return conversation.window_until is not None and conversation.window_until > timezone.now()
