"""What becomes of our messages: statuses in any order, doubled, late, with prices and errors."""

import itertools
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from apps.core.inbox import inbox_drain
from apps.core.models import InboundEvent
from apps.desktop.models import Message, MessageStatus
from apps.desktop.services.messages import message_send
from tests.whatsapp.meta import Graph, deliver, recorded, said, status, work

pytestmark = pytest.mark.django_db


@pytest.fixture
def sent(team_number: Any, graph: Graph, conversation: Any) -> Message:
    """A message that Meta took as wamid.ours1."""
    deliver(said("Hi"))
    work()
    message = message_send(conversation=conversation(), author="system", text="Hello")
    work()
    message.refresh_from_db()
    assert (message.status, message.external_id) == ("sent", "wamid.ours1")
    return message


def reported(message: Message) -> tuple[str, list[str]]:
    message.refresh_from_db()
    return message.status, sorted(message.statuses.values_list("status", flat=True))


@pytest.mark.parametrize("order", list(itertools.permutations(["sent", "delivered", "read"])))
def test_statuses_advance_in_any_order_and_each_is_kept(sent: Message, order: tuple[str, ...]) -> None:
    for name in (*order, *order):
        deliver(status("wamid.ours1", name))
        work()
    assert reported(sent) == ("read", ["delivered", "read", "sent"])


def test_played_is_read(sent: Message) -> None:
    deliver(status("wamid.ours1", "played"))
    work()
    assert reported(sent) == ("read", ["read"])


def test_a_late_131047_fails_the_message_and_says_what_to_do(sent: Message) -> None:
    deliver(status("wamid.ours1", "sent"), status("wamid.ours1", "failed"))
    work()
    deliver(status("wamid.ours1", "delivered"))
    work()
    assert reported(sent)[0] == "failed"
    assert sent.error_code == "131047"
    assert sent.error_text.startswith("The contact last wrote more than 24 hours ago")


def test_a_code_without_words_of_ours_is_told_in_metas(sent: Message) -> None:
    error = {"code": 135000, "title": "Generic user error", "error_data": {"details": "Something about it."}}
    deliver(status("wamid.ours1", "failed", errors=[error]))
    work()
    sent.refresh_from_db()
    assert sent.error_text == "Meta refused it: Something about it. (135000)."


def test_prices_are_kept(sent: Message) -> None:
    pricing = {"billable": True, "pricing_model": "PMP", "category": "service", "type": "regular"}
    deliver(status("wamid.ours1", "delivered", pricing=pricing))
    work()
    assert MessageStatus.objects.get(status="delivered").pricing == pricing


@pytest.mark.parametrize("name", ["status_sent", "status_delivered", "status_read", "status_played", "status_failed"])
def test_recorded_statuses_of_nobodys_message_wait_and_are_ignored(team_number: Any, name: str) -> None:
    deliver(recorded(name))
    start = timezone.now()
    for minute in range(8):
        with time_machine.travel(start + timedelta(minutes=minute), tick=False):
            work()
    row = InboundEvent.objects.get()
    assert (row.state, row.note) == ("ignored", "The message is not one of ours, or its sending has not ended yet.")


def test_an_unknown_status_is_ignored(sent: Message) -> None:
    deliver(status("wamid.ours1", "warned"))
    work()
    assert reported(sent) == ("sent", [])


def test_a_status_before_the_answer_names_the_message(sent: Message, conversation: Any) -> None:
    message = message_send(conversation=conversation(), author="system", text="Again")
    deliver(status("wamid.early", "delivered", biz_opaque_callback_data=str(message.pk)))
    inbox_drain()
    assert reported(message) == ("delivered", ["delivered"])
    assert message.external_id == "wamid.early"


def test_a_tracker_of_another_line_names_nothing(sent: Message, conversation: Any) -> None:
    message = message_send(conversation=conversation(), author="system", text="Again")
    payload = status("wamid.early", "delivered", biz_opaque_callback_data=str(message.pk))
    payload["entry"][0]["changes"][0]["value"]["metadata"]["phone_number_id"] = "999"
    deliver(payload)
    inbox_drain()
    message.refresh_from_db()
    assert (message.status, message.external_id) == ("pending", None)
