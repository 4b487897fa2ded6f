"""The whole way: contact -> webhook -> turn -> Herald -> reply -> Meta -> status, and to a person."""

from typing import Any

import pytest
import time_machine
from django.utils import timezone

from apps.core.models import InboundEvent
from apps.desktop.models import Message
from apps.desktop.services.conversations import conversation_claim
from apps.desktop.services.messages import message_send
from apps.whatsapp.models import Turn, TurnEvent
from apps.whatsapp.tasks import turns_sweep_task
from tests.compass.factories import public_post
from tests.whatsapp.meta import Graph, deliver, said, status, work

pytestmark = pytest.mark.django_db(transaction=True)


def reply(herald: Any, seq: int, event: str, **fields: Any) -> Any:
    """Herald answers its latest turn."""
    body = {"turn_id": herald.turns[-1]["turn_id"], "seq": seq, "event": event, **fields}
    return public_post("/reply", body, {"Authorization": f"Bearer {herald.tokens[-1]}", "Host": "localhost"})


def test_a_message_is_answered_by_the_agent(number: Any, graph: Graph, herald: Any, conversation: Any) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        deliver(said("Do you open on Sundays?"))
        assert conversation().status == "pending"
        assert herald.turns == []
        clock.shift(1.3)
        turns_sweep_task()
        work()
    (turn,) = herald.turns
    assert [message["text"] for message in turn["messages"]] == ["Do you open on Sundays?"]
    assert turn["history"] == []
    assert turn["reply_url"] == "http://localhost:8000/reply"
    assert reply(herald, 0, "typing").status_code == 200
    assert graph.marks[-1]["typing_indicator"] == {"type": "text"}
    assert reply(herald, 1, "message", text="Yes, from ten.").status_code == 200
    work()
    assert graph.texts == ["Yes, from ten."]
    assert graph.sent[0]["recipient"].startswith("US.")
    assert reply(herald, 2, "done", summary="Asked about Sundays.", usage=[{"kind": "llm"}]).status_code == 200
    answer = Message.objects.get(author="ai")
    assert (answer.status, answer.external_id) == ("sent", "wamid.ours1")
    assert conversation().summary == "Asked about Sundays."
    assert Turn.objects.get().state == "done"
    assert Turn.objects.get().usage == [{"kind": "llm"}]
    deliver(status("wamid.ours1", "delivered"), status("wamid.ours1", "read"))
    answer.refresh_from_db()
    assert answer.status == "read"
    assert set(InboundEvent.objects.values_list("state", flat=True)) == {"done"}


def test_herald_hands_over_and_a_person_answers(number: Any, graph: Graph, herald: Any, conversation: Any, bob: Any) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        deliver(said("I want a human."))
        clock.shift(1.3)
        turns_sweep_task()
        work()
    answer = reply(herald, 0, "done", escalate=True, team="support", reason="Asked for a person.", summary="Wants a person.")
    assert answer.status_code == 200
    work()
    assert (conversation().status, conversation().handoff_reason) == ("open", "Asked for a person.")
    assert graph.texts == ["Thank you. A colleague will answer you here."]
    claimed = conversation_claim(conversation_id=conversation().pk, user_id=bob.pk)
    message_send(conversation=claimed, author="person", user_id=bob.pk, text="Hello, Bob here.")
    work()
    assert graph.texts[-1] == "Hello, Bob here."
    deliver(said("Hi Bob"))
    assert Turn.objects.count() == 1
    assert conversation().unread == 1


def test_what_herald_says_after_a_claim_is_dropped(number: Any, graph: Graph, herald: Any, conversation: Any, bob: Any) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        deliver(said("Hello?"))
        clock.shift(1.3)
        turns_sweep_task()
        work()
    conversation_claim(conversation_id=conversation().pk, user_id=bob.pk)
    for _ in range(2):
        answer = reply(herald, 0, "message", text="Too late.")
        assert (answer.status_code, answer.json()["code"]) == (409, "stale_generation")
    work()
    assert graph.sent == []
    assert TurnEvent.objects.get().dropped
    assert Turn.objects.get().state == "stale"
