"""Calls and chats of a contact on one line of time."""

from datetime import timedelta

from django.utils import timezone
from django_tenants.utils import tenant_context

from apps.calls.models import Call
from apps.desktop.selectors import timeline_of
from apps.desktop.services.conversations import conversation_resolve
from apps.tenants.models import Tenant
from tests.desktop.factories import RecordingChannel, a_contact, a_conversation, says

NUMBER = "+442079460018"


def a_call(number: str, hours: int) -> Call:
    at = timezone.now() - timedelta(hours=hours)
    return Call.objects.create(
        channel="sip", room_name=f"call_acme_{number}_{hours}", agent_name="Reception", state="completed", from_number=number,
        started_at=at, ended_at=at + timedelta(seconds=61),
    )  # fmt: skip


def test_calls_and_chats_stand_in_one_line(desk: RecordingChannel, globex: Tenant) -> None:
    contact = a_contact(phone=NUMBER)
    a_call("+15550000000", 1)
    early, late = a_call(NUMBER, 5), a_call(NUMBER[1:], 2)
    first = a_conversation(contact=contact)
    says(first, "My order", at=timezone.now() - timedelta(hours=3))
    conversation_resolve(conversation_id=first.pk, user_id=None, outcome="Sent again")
    second = a_conversation(contact=contact)
    with tenant_context(globex):
        a_call(NUMBER, 4)
    items = timeline_of(contact)
    assert [item.id for item in items] == [str(row.pk) for row in (second, late, first, early)]
    assert [item.kind for item in items] == ["chat", "call", "chat", "call"]
    assert (items[1].title, items[1].seconds, items[1].path) == ("Call with Reception", 61.0, f"/calls/{late.pk}/")
    assert (items[2].title, items[2].detail, items[2].status) == ("My order", "Sent again", "resolved")


def test_a_contact_without_a_number_has_chats_only(desk: RecordingChannel) -> None:
    a_call("", 1)
    assert timeline_of(a_contact(phone="")) == []
