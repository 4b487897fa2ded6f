"""Turns: a burst is one, one runs at a time, nothing is lost, and who takes too long is given up."""

from typing import Any
from uuid import uuid4

import pytest
import redis
import time_machine
from django.utils import timezone
from django_tenants.utils import schema_context, tenant_context

from apps.core.models import OutboundEffect
from apps.core.tokens import token_read
from apps.desktop.models import Message
from apps.desktop.services.conversations import conversation_claim, conversation_resolve, conversation_to_ai
from apps.desktop.services.messages import attachment_transcribed
from apps.whatsapp.models import Turn
from apps.whatsapp.replies import ReplyEvent
from apps.whatsapp.services.replies import reply_take
from apps.whatsapp.services.turns import typing_renew
from apps.whatsapp.tasks import turns_sweep_all_task, turns_sweep_task
from apps.whatsapp.wakes import tenants_with_turns
from tests.whatsapp.meta import OTHER_NUMBER, Graph, deliver, fresh, said, work

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("graph")]
START = timezone.now().replace(microsecond=0)


@pytest.fixture
def clock() -> Any:
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


def sweep() -> None:
    with schema_context("public"):
        turns_sweep_all_task()
    work()


def states() -> list[str]:
    return list(Turn.objects.order_by("created_at", "pk").values_list("state", flat=True))


def test_a_burst_is_one_turn(number: Any, herald: Any, clock: Any) -> None:
    for text in ("One", "Two", "Three"):
        deliver(said(text))
        work()
        clock.shift(1.1)
        sweep()
        assert herald.turns == []
    clock.shift(0.1)
    sweep()
    assert [[m["text"] for m in turn["messages"]] for turn in herald.turns] == [["One", "Two", "Three"]]


def test_a_burst_without_end_is_cut_after_six_seconds(number: Any, herald: Any, clock: Any) -> None:
    for n in range(8):
        deliver(said(f"Message {n}"))
        work()
        clock.shift(1)
        sweep()
    assert [len(turn["messages"]) for turn in herald.turns] == [6]
    assert states() == ["running", "collecting"]


def test_what_comes_during_a_turn_is_the_next_turn(number: Any, herald: Any, clock: Any) -> None:
    deliver(said("First"))
    work()
    clock.shift(2)
    sweep()
    deliver(said("Second"))
    work()
    clock.shift(30)
    sweep()
    assert len(herald.turns) == 1
    done(herald, 0)
    sweep()
    assert [[m["text"] for m in turn["messages"]] for turn in herald.turns] == [["First"], ["Second"]]
    assert [item["text"] for item in herald.turns[1]["history"]] == ["First"]
    done(herald, 1)
    assert states() == ["done", "done"]


def done(herald: Any, index: int, **more: Any) -> None:
    turn_id = herald.turns[index]["turn_id"]
    event = {"turn_id": turn_id, "seq": 0, "event": "done", **more}
    assert reply_take(turn_id=turn_id, reply=ReplyEvent.model_validate(event)).outcome == "accepted"


def test_the_turn_says_what_an_agent_needs(number: Any, herald: Any, clock: Any, conversation: Any) -> None:
    deliver(fresh("location"))
    work()
    clock.shift(2)
    sweep()
    (turn,) = herald.turns
    assert turn["agent_id"] == str(number.agent_id)
    assert (turn["channel"], turn["generation"]) == ("whatsapp", 1)
    assert turn["conversation_id"] == str(conversation().pk)
    assert turn["contact"] == {"name": "Sheena Nelson", "language": ""}
    assert turn["messages"][0]["payload"]["latitude"] == 40.782910059774
    token = token_read(herald.tokens[0], kind="turn")
    assert (token.tenant, token.agent_id, token.subject_id) == ("acme", turn["agent_id"], turn["turn_id"])


def test_no_answer_in_two_minutes_calls_a_person(number: Any, herald: Any, clock: Any, conversation: Any, graph: Graph) -> None:
    deliver(said("Hello?"))
    work()
    clock.shift(2)
    sweep()
    clock.shift(119)
    sweep()
    assert states() == ["running"]
    clock.shift(2)
    sweep()
    assert states() == ["failed"]
    assert (conversation().status, conversation().handoff_reason) == ("open", "The AI agent could not answer.")
    assert graph.texts == ["Sorry, I cannot answer this right now. A colleague will answer you here."]
    sweep()
    assert len(graph.texts) == 1


def test_herald_refusing_calls_a_person_at_once(number: Any, herald: Any, clock: Any, conversation: Any) -> None:
    herald.answers = [422]
    deliver(said("Hello?"))
    work()
    clock.shift(2)
    sweep()
    assert (states(), conversation().status) == (["failed"], "open")


def test_herald_away_is_asked_again_with_the_same_turn(number: Any, herald: Any, clock: Any) -> None:
    herald.answers = [500, 503]
    deliver(said("Hello?"))
    work()
    clock.shift(2)
    sweep()
    assert herald.turns == []
    for _ in range(3):
        clock.shift(10)
        sweep()
    assert len(herald.turns) == 1
    assert states() == ["running"]


def test_a_claim_before_the_turn_starts_ends_it(number: Any, herald: Any, clock: Any, conversation: Any, bob: Any) -> None:
    deliver(said("Hello?"))
    work()
    conversation_claim(conversation_id=conversation().pk, user_id=bob.pk)
    clock.shift(2)
    sweep()
    assert (states(), herald.turns) == (["stale"], [])


def test_returned_to_the_ai_what_nobody_answered_is_a_turn(
    number: Any, herald: Any, clock: Any, conversation: Any, bob: Any
) -> None:
    deliver(said("Hello?"))
    work()
    conversation_claim(conversation_id=conversation().pk, user_id=bob.pk)
    clock.shift(2)
    sweep()
    deliver(said("Still there?"))
    work()
    conversation_to_ai(conversation_id=conversation().pk, user_id=bob.pk)
    sweep()
    (turn,) = herald.turns
    assert [m["text"] for m in turn["messages"]] == ["Hello?", "Still there?"]
    assert turn["generation"] == conversation().generation


def test_after_it_was_resolved_a_message_opens_a_new_conversation(
    number: Any, herald: Any, clock: Any, conversation: Any, bob: Any
) -> None:
    deliver(said("Hello?"))
    work()
    old = conversation()
    conversation_resolve(conversation_id=old.pk, user_id=None)
    clock.shift(2)
    sweep()
    deliver(said("One more thing"))
    work()
    clock.shift(2)
    sweep()
    (turn,) = herald.turns
    assert turn["conversation_id"] != str(old.pk)


def test_typing_is_renewed_while_a_turn_runs(number: Any, herald: Any, clock: Any, graph: Graph, conversation: Any) -> None:
    deliver(said("Hello?"))
    work()
    clock.shift(2)
    sweep()
    Turn.objects.update(typing_at=timezone.now())
    sweep()
    assert graph.marks == []
    clock.shift(21)
    assert renewed() == 1
    assert renewed() == 0
    clock.shift(21)
    assert renewed() == 1


def renewed() -> int:
    return typing_renew(timezone.now())


def test_a_turn_waits_for_what_a_voice_note_says(number: Any, herald: Any, clock: Any, graph: Graph) -> None:
    graph.media["1908647269898587"] = (b"OggS", "audio/ogg")
    deliver(fresh("voice"))
    work()
    clock.shift(2)
    sweep()
    assert herald.turns == []
    attachment = Message.objects.get().attachments.get()
    attachment_transcribed(attachment_id=attachment.pk, text="Where is my parcel?")
    clock.shift(1)
    sweep()
    (turn,) = herald.turns
    assert turn["messages"][0]["text"] == "Where is my parcel?"


def test_a_turn_waits_twenty_seconds_at_most(number: Any, herald: Any, clock: Any, graph: Graph) -> None:
    graph.media["1908647269898587"] = (b"OggS", "audio/ogg")
    deliver(fresh("voice"))
    work()
    for _ in range(18):
        clock.shift(1.1)
        sweep()
    assert herald.turns == []
    clock.shift(2)
    sweep()
    assert [m["text"] for m in herald.turns[0]["messages"]] == [""]


def test_redis_only_hurries(number: Any, herald: Any, clock: Any, settings: Any, monkeypatch: Any) -> None:
    gone = redis.Redis(port=1, socket_connect_timeout=0.1)
    monkeypatch.setattr("apps.whatsapp.wakes.redis_client", lambda: gone)
    deliver(said("Hello?"))
    work()
    assert tenants_with_turns() == set()
    clock.shift(2)
    sweep()
    assert len(herald.turns) == 1


def test_the_quick_sweep_looks_only_where_turns_are(
    number: Any, herald: Any, clock: Any, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        deliver(said("Hello?"))
        work()
    assert tenants_with_turns() == {"acme"}
    clock.shift(2)
    with schema_context("public"):
        turns_sweep_task()
    work()
    assert len(herald.turns) == 1
    done(herald, 0)
    with schema_context("public"):
        turns_sweep_task()
    assert tenants_with_turns() == set()


def test_turns_of_two_tenants_do_not_mix(number: Any, other_number: Any, herald: Any, clock: Any, globex: Any) -> None:
    for phone, text in ((None, "For acme"), (OTHER_NUMBER, "For globex")):
        payload = said(text)
        if phone:
            payload["entry"][0]["changes"][0]["value"]["metadata"]["phone_number_id"] = phone
        deliver(payload)
    work()
    clock.shift(2)
    sweep()
    tenants = [token_read(token, kind="turn").tenant for token in herald.tokens]
    texts = [turn["messages"][0]["text"] for turn in herald.turns]
    assert sorted(zip(tenants, texts, strict=True)) == [("acme", "For acme"), ("globex", "For globex")]
    with tenant_context(globex):
        assert Turn.objects.count() == 1


def test_an_effect_of_a_turn_that_is_gone_does_nothing(number: Any, herald: Any) -> None:
    OutboundEffect.objects.create(kind="whatsapp.turn", key="x", payload={"turn": str(uuid4())}, schema_name="acme")
    work()
    assert herald.turns == []
    assert OutboundEffect.objects.get().state == "done"
