"""POST /reply: in order, each once, by nobody else, and dropped where a person has taken over."""

import threading
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone
from django_tenants.utils import schema_context

from apps.compass.models import AgentVersion
from apps.core.tokens import token_issue
from apps.desktop.models import Conversation, Message
from apps.desktop.services.conversations import conversation_claim
from apps.whatsapp.models import Turn, TurnEvent
from apps.whatsapp.replies import ReplyEvent
from apps.whatsapp.services.replies import reply_take
from apps.whatsapp.services.turns import turn_fail, turn_start
from tests.compass.factories import public_post
from tests.whatsapp.meta import Graph, deliver, said, work

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("graph", "herald")]


@pytest.fixture
def turn(number: Any) -> Turn:
    """A turn that Herald has been given."""
    deliver(said("Hello?"))
    work()
    return started(Turn.objects.get())


def started(turn: Turn) -> Turn:
    """The burst is over, and Herald gets the turn."""
    Turn.objects.filter(pk=turn.pk).update(due_at=timezone.now())
    assert turn_start(turn.pk)
    work()
    turn.refresh_from_db()
    return turn


def reply(turn: Turn, seq: Any, event: str, tenant: str = "acme", subject: Any = None, **fields: Any) -> Any:
    token = token_issue(kind="turn", tenant=tenant, agent_id=str(turn.agent_id), subject_id=str(subject or turn.pk), ttl=60)
    body = {"turn_id": str(turn.pk), "seq": seq, "event": event, **fields}
    return public_post("/reply", body, {"Authorization": f"Bearer {token}", "Host": "localhost"})


def test_the_same_event_again_changes_nothing(turn: Turn, graph: Graph) -> None:
    first, again = (reply(turn, 0, "message", text="Hi.") for _ in range(2))
    assert (first.status_code, first.json()) == (200, {"accepted": True, "duplicate": False})
    assert (again.status_code, again.json()) == (200, {"accepted": True, "duplicate": True})
    work()
    assert graph.texts == ["Hi."]


def test_an_event_too_early_is_refused_until_its_time(turn: Turn, graph: Graph) -> None:
    early = reply(turn, 1, "message", text="Second")
    assert (early.status_code, early.json()["code"], early.json()["expected"]) == (425, "out_of_order", 0)
    assert not TurnEvent.objects.exists()
    assert reply(turn, 0, "message", text="First").status_code == 200
    assert reply(turn, 1, "message", text="Second").status_code == 200
    work()
    assert graph.texts == ["First", "Second"]


def test_messages_keep_their_order_at_meta(turn: Turn, graph: Graph) -> None:
    words = [f"Sentence {n}" for n in range(6)]
    for seq, text in enumerate(words):
        assert reply(turn, seq, "message", text=text).status_code == 200
    work()
    assert graph.texts == words


def test_a_long_text_becomes_several_messages(turn: Turn, graph: Graph) -> None:
    text = "\n\n".join(f"Paragraph {n}. " + "word " * 200 for n in range(9))
    assert reply(turn, 0, "message", text=text).status_code == 200
    work()
    assert len(graph.texts) == 3
    assert all(len(part) <= 4096 for part in graph.texts)
    assert "".join("".join(graph.texts).split()) == "".join(text.split())


def test_nothing_follows_done(turn: Turn) -> None:
    assert reply(turn, 0, "done").status_code == 200
    answer = reply(turn, 1, "message", text="And another thing.")
    assert (answer.status_code, answer.json()["code"]) == (409, "turn_over")


def test_done_keeps_summary_and_usage(turn: Turn, conversation: Any) -> None:
    usage = [{"kind": "llm", "provider": "openai", "model": "m", "input_tokens": 9, "output_tokens": 1}]
    assert reply(turn, 0, "done", escalate=False, team=None, reason=None, summary="Said hello.", usage=usage).status_code == 200
    turn.refresh_from_db()
    assert (turn.state, turn.usage, conversation().summary) == ("done", usage, "Said hello.")
    assert turn.finished_at is not None


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"reason": "Wants a refund."}, "Thank you. A colleague will answer you here."),
        ({"reason": "error"}, "Sorry, I cannot answer this right now. A colleague will answer you here."),
        ({}, "Thank you. A colleague will answer you here."),
        ({"team": "no-such-team"}, "Thank you. A colleague will answer you here."),
    ],
)
def test_escalate_tells_the_contact(turn: Turn, graph: Graph, conversation: Any, fields: Any, sentence: str) -> None:
    assert reply(turn, 0, "done", escalate=True, summary="S", **fields).status_code == 200
    work()
    assert (conversation().status, conversation().team.slug, conversation().summary) == ("open", "support", "S")
    assert graph.texts == [sentence]


def test_the_contact_is_told_in_the_agents_language(turn: Turn, graph: Graph) -> None:
    AgentVersion.objects.update(language="de-AT")
    assert reply(turn, 0, "done", escalate=True).status_code == 200
    work()
    assert graph.texts == ["Danke. Hier antwortet Ihnen gleich jemand aus unserem Team."]


def test_usage_counts_although_a_person_has_taken_over(turn: Turn, conversation: Any, bob: Any) -> None:
    conversation_claim(conversation_id=conversation().pk, user_id=bob.pk)
    assert reply(turn, 0, "done", usage=[{"kind": "llm"}], summary="Old news").json()["code"] == "stale_generation"
    turn.refresh_from_db()
    assert (turn.usage, conversation().summary) == ([{"kind": "llm"}], "")


def test_a_closed_window_ends_the_turn_with_a_person(turn: Turn, graph: Graph, conversation: Any) -> None:
    Conversation.objects.update(window_until=timezone.now())
    for _ in range(2):
        answer = reply(turn, 0, "message", text="Hi.")
        assert (answer.status_code, answer.json()["code"]) == (409, "window_closed")
    work()
    assert graph.sent == []
    assert conversation().status == "open"
    assert not Message.objects.exclude(author="contact").exists()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"seq": -1}, "seq"),
        ({"seq": "0"}, "seq"),
        ({"seq": None}, "seq"),
        ({"seq": 10**12}, "seq"),
        ({"event": "shout"}, "body"),
        ({"text": ""}, "text"),
        ({"text": " \n"}, "text"),
        ({"text": None}, "text"),
        ({"text": "x" * 20_001}, "text"),
        ({"turn_id": "7"}, "turn_id"),
    ],
)
def test_what_is_no_event_is_a_422_that_names_the_field(turn: Turn, changes: dict[str, Any], field: str) -> None:
    token = token_issue(kind="turn", tenant="acme", agent_id=str(turn.agent_id), subject_id=str(turn.pk), ttl=60)
    body = {"turn_id": str(turn.pk), "seq": 0, "event": "message", "text": "Hi", **changes}
    answer = public_post("/reply", body, {"Authorization": f"Bearer {token}", "Host": "localhost"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_reply")
    assert field in answer.json()["errors"][0]["field"]
    assert not TurnEvent.objects.exists()


def test_a_token_of_another_turn_is_refused(turn: Turn) -> None:
    answer = reply(turn, 0, "message", subject=uuid4(), text="Hi.")
    assert (answer.status_code, answer.json()["code"]) == (403, "wrong_token")


def test_a_token_of_the_other_tenant_finds_nothing(turn: Turn, globex: Any) -> None:
    answer = reply(turn, 0, "message", tenant="globex", text="Hi.")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_turn")
    assert not TurnEvent.objects.exists()


def test_a_call_token_is_refused(turn: Turn) -> None:
    token = token_issue(kind="call", tenant="acme", agent_id=str(turn.agent_id), subject_id=str(turn.pk), ttl=60)
    assert public_post("/reply", {}, {"Authorization": f"Bearer {token}", "Host": "localhost"}).status_code == 401


def test_a_turn_that_timed_out_takes_nothing_more(turn: Turn, graph: Graph, conversation: Any) -> None:
    assert turn_fail(turn.pk, "Too slow.")
    assert not turn_fail(turn.pk, "Too slow.")
    assert reply(turn, 0, "message", text="Here I am.").json()["code"] == "stale_generation"
    work()
    assert len(graph.texts) == 1


@pytest.mark.django_db(transaction=True)
def test_claims_race_with_answers(number: Any, graph: Graph, conversation: Any, bob: Any) -> None:
    """Whatever wins, the conversation is Bob's, and no answer of the AI is written after his claim."""
    for round_number in range(12):
        deliver(said("Hello?", wa_id=f"1650555{round_number:04}"))
        work()
        turn = started(Turn.objects.latest("created_at"))
        outcomes = _race(turn, bob)
        turn.refresh_from_db()
        mine = Conversation.objects.get(pk=turn.conversation_id)
        assert (mine.status, mine.assignee_id) == ("open", bob.pk)
        said_by_ai = Message.objects.filter(conversation=mine, author="ai").count()
        assert said_by_ai == (1 if outcomes["reply"] == "accepted" else 0)
        assert turn.state == ("running" if outcomes["reply"] == "accepted" else "stale")
        Conversation.objects.filter(pk=mine.pk).update(status="resolved")


def _race(turn: Turn, bob: Any) -> dict[str, str]:
    outcomes: dict[str, str] = {}
    gate = threading.Barrier(2)

    def run(name: str, work_: Any) -> None:
        try:
            with schema_context("acme"):
                gate.wait(timeout=60)
                outcomes[name] = work_()
        finally:
            connection.close()

    event = ReplyEvent.model_validate({"turn_id": str(turn.pk), "seq": 0, "event": "message", "text": "Hi."})
    jobs = {
        "reply": lambda: str(reply_take(turn_id=turn.pk, reply=event).outcome),
        "claim": lambda: str(conversation_claim(conversation_id=turn.conversation_id, user_id=bob.pk).status),
    }
    threads = [threading.Thread(target=run, args=job) for job in jobs.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert outcomes["claim"] == "open"
    return outcomes
