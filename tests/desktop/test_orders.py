"""Meta delivers at least once and in any order: whatever the order and however often, the state is the same."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.desktop.models import Conversation, Message
from apps.desktop.services.messages import message_receive, message_send, message_sent, message_status_set
from tests.desktop.factories import RecordingChannel, a_conversation, says

BEGAN = datetime(2026, 11, 1, 12, tzinfo=UTC)
STATUSES = ("sent", "delivered", "read", "failed")
RELAXED = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


class Undo(Exception):
    """Takes an example's rows away again."""


def shuffled(items: tuple[str, ...]) -> st.SearchStrategy[list[str]]:
    """Some of the items, each once or more, in any order."""
    return st.lists(st.sampled_from(items), min_size=1, max_size=9)


@RELAXED
@given(reported=shuffled(STATUSES))
def test_statuses_in_any_order_and_number_end_alike(desk: RecordingChannel, reported: list[str]) -> None:
    with pytest.raises(Undo), transaction.atomic():
        conversation = a_conversation()
        says(conversation)
        message = message_send(conversation=conversation, author="ai", text="Hello")
        message_sent(message_id=message.pk, external_id="wamid.out")
        advanced = [
            message_status_set(
                external_id="wamid.out",
                status=status,
                at=BEGAN + timedelta(seconds=STATUSES.index(status)),
                error_code="131026" if status == "failed" else "",
                pricing={"category": "service"} if status == "sent" else None,
            )
            for status in reported
        ]
        message.refresh_from_db()
        assert message.status == max(["sent", *reported], key=STATUSES.index)
        assert message.error_code == ("131026" if "failed" in reported else "")
        assert sorted(message.statuses.values_list("status", flat=True)) == sorted(set(reported))
        assert [row.at for row in message.statuses.filter(status="read")] == [BEGAN + timedelta(seconds=2)] * ("read" in reported)
        assert sum(advanced) <= 3
        raise Undo


@RELAXED
@given(order=st.lists(st.integers(0, 5), min_size=1, max_size=14))
def test_messages_in_any_order_and_number_end_alike(desk: RecordingChannel, order: list[int]) -> None:
    with pytest.raises(Undo), transaction.atomic():
        conversation = a_conversation()
        for number in order:
            message_receive(
                conversation=conversation,
                external_id=f"wamid.{number}",
                kind="text",
                text=f"Message {number}",
                payload={},
                at=BEGAN + timedelta(minutes=number),
            )
        wanted = sorted(set(order))
        row = Conversation.objects.get(pk=conversation.pk)
        assert [message.text for message in Message.objects.order_by("at")] == [f"Message {number}" for number in wanted]
        assert row.unread == len(wanted) and row.last_message_text == f"Message {wanted[-1]}"
        assert row.waiting_since == BEGAN + timedelta(minutes=wanted[0])
        assert row.window_until == BEGAN + timedelta(minutes=wanted[-1], hours=24)
        assert row.version == 2 + len(wanted)
        raise Undo
