"""Herald in the same installation: the turn and its events go as calls, and mean what the requests mean."""

from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone
from django_tenants.utils import schema_context

from apps.core.errors import TransientError
from apps.core.models import OutboundEffect
from apps.core.outbox import outbox_send
from apps.desktop.models import Message
from apps.desktop.services.conversations import conversation_claim
from apps.herald.tasks import herald_turn_task
from apps.whatsapp.models import Turn
from apps.whatsapp.services import dispatch, replies
from apps.whatsapp.services.replies import reply_here
from apps.whatsapp.tasks import turn_start_task
from tests.embedded.waiting import wait_until
from tests.whatsapp.meta import Graph, deliver, said

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def queued(settings: Any, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What would have gone to Herald's queue."""
    settings.HERALD_URL = ""
    calls: list[Any] = []
    monkeypatch.setattr(herald_turn_task, "apply_async", lambda args, **_: calls.append(args))
    return calls


@pytest.fixture
def turn(number: Any, graph: Graph, queued: list[Any]) -> Turn:
    """A contact's message, whose turn Herald has."""
    deliver(said("Hello?"))
    Turn.objects.update(due_at=timezone.now())
    assert turn_start_task(str(Turn.objects.get().pk))
    return Turn.objects.get()


def event(turn: Turn, seq: int, name: str, **fields: Any) -> int:
    """The status of an event that Herald hands over."""
    return reply_here({"turn_id": str(turn.pk), "seq": seq, "event": name, **fields})[0]


def test_a_turn_is_handed_over_without_a_token(turn: Turn, queued: list[Any]) -> None:
    ((body, token),) = queued
    assert (body["turn_id"], body["messages"][0]["text"], token) == (str(turn.pk), "Hello?", "")


def test_the_answer_is_sent_by_the_thread_that_says_it(turn: Turn, graph: Graph) -> None:
    assert event(turn, 0, "typing") == 200
    assert event(turn, 1, "message", text="Hello.") == 200
    assert graph.texts == ["Hello."]
    assert event(turn, 2, "done", summary="Greeted.") == 200
    assert Message.objects.get(author="ai").status == "sent"
    assert Turn.objects.get().state == "done"
    wait_until(lambda: [mark["typing_indicator"] for mark in graph.marks] == [{"type": "text"}])


def test_refusals_have_the_statuses_of_the_address(turn: Turn, graph: Graph, bob: Any) -> None:
    assert event(turn, 1, "message", text="Too early.") == 425
    assert event(turn, 0, "shout") == 422
    conversation_claim(conversation_id=turn.conversation_id, user_id=bob.pk)
    assert event(turn, 0, "message", text="Too late.") == 409
    assert event(turn, 0, "message", text="Too late.") == 409
    assert graph.sent == []


def test_an_event_is_taken_once(turn: Turn, graph: Graph) -> None:
    for _ in range(2):
        assert event(turn, 0, "message", text="Once.") == 200
    assert graph.texts == ["Once."]


def test_another_tenant_knows_no_such_turn(turn: Turn, globex: Any) -> None:
    with schema_context("globex"):
        assert event(turn, 0, "message", text="Not here.") == 404
    assert not Message.objects.filter(author="ai").exists()


def test_a_database_that_is_away_is_worth_another_try(turn: Turn, monkeypatch: pytest.MonkeyPatch, graph: Graph) -> None:
    def away(**_: Any) -> None:
        raise OperationalError

    with monkeypatch.context() as patched:
        patched.setattr(replies, "reply_take", away)
        assert event(turn, 0, "message", text="Hello.") == 503
    assert event(turn, 0, "message", text="Hello.") == 200
    assert graph.texts == ["Hello."]


def test_a_queue_that_is_away_is_tried_again(
    number: Any, graph: Graph, queued: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: Any) -> None:
        raise TransientError("The queue cannot be reached.")

    deliver(said("Hello?"))
    Turn.objects.update(due_at=timezone.now())
    with monkeypatch.context() as patched:
        patched.setitem(dispatch._herald, "here", away)
        turn_start_task(str(Turn.objects.get().pk))
    effect = OutboundEffect.objects.get(kind="whatsapp.turn")
    assert (effect.state, queued) == ("pending", [])
    OutboundEffect.objects.update(available_at=timezone.now())
    assert outbox_send()
    assert len(queued) == 1
