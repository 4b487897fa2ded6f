"""What a message and its answer cost the database, step by step, once their contact is known."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.desktop.models import Message
from apps.whatsapp.models import Turn
from apps.whatsapp.tasks import turn_start_task
from tests.whatsapp.meta import Graph, deliver, said, status
from tests.whatsapp.test_path import reply

pytestmark = pytest.mark.django_db(transaction=True)
# each reply asks first whether its company is suspended
ARRIVES, STARTS, TYPING, SAYS, ENDS, REPORT = 24, 14, 10, 21, 12, 13


def _statements(step: Callable[[], object]) -> list[str]:
    with CaptureQueriesContext(connection) as seen:
        step()
    return [query["sql"] for query in seen.captured_queries]


def _few(step: Callable[[], object], most: int) -> None:
    """A step takes no more statements than it needs today; which they were is told when it does."""
    statements = _statements(step)
    assert len(statements) <= most, "\n".join(f"{number} {sql[:160]}" for number, sql in enumerate(statements, 1))


def _start() -> None:
    Turn.objects.filter(state="collecting").update(due_at=timezone.now())
    assert turn_start_task(str(Turn.objects.get(state="collecting").pk))


def _answered(herald: Any) -> None:
    """A contact's first message, and its answer."""
    deliver(said("Hello?"))
    _start()
    for seq, event, fields in ((0, "typing", {}), (1, "message", {"text": "Hello."}), (2, "done", {"summary": "Greeted."})):
        assert reply(herald, seq, event, **fields).status_code == 200


def test_a_message_and_its_answer_take_few_statements(number: Any, graph: Graph, herald: Any) -> None:
    _answered(herald)
    _few(lambda: deliver(said("Are you open?", at=time.time())), ARRIVES)
    _few(_start, STARTS)
    _few(lambda: reply(herald, 0, "typing"), TYPING)
    _few(lambda: reply(herald, 1, "message", text="Yes."), SAYS)
    _few(lambda: reply(herald, 2, "done", summary="Opening hours."), ENDS)
    answer = Message.objects.filter(author="ai").latest("at")
    assert (answer.text, answer.status) == ("Yes.", "sent")
    _few(lambda: deliver(status(str(answer.external_id), "delivered")), REPORT)
    answer.refresh_from_db()
    assert answer.status == "delivered"
