"""A spend limit is reached: a contact is told once, or people take over, and answers are held and settled."""

from typing import Any

import pytest
import time_machine
from django.utils import timezone
from django_tenants.utils import schema_context

from apps.billing.models import SpendHold
from apps.desktop.models import Message
from apps.tenants.models import Tenant
from apps.whatsapp.models import Turn
from apps.whatsapp.sentences import SENTENCES
from apps.whatsapp.tasks import turns_sweep_all_task
from tests.billing.limits import limit, spend, states, window
from tests.whatsapp.meta import Graph, deliver, said, work
from tests.whatsapp.test_path import reply

pytestmark = pytest.mark.django_db


@pytest.fixture
def clock(midday: None) -> Any:
    """Stands at noon: the hours that a test lets pass end no day and no month, in which a limit would begin anew."""
    with time_machine.travel(timezone.now(), tick=False) as traveller:
        yield traveller


def _say(text: str, clock: Any) -> None:
    deliver(said(text, at=timezone.now().timestamp()))
    work()
    clock.shift(2)
    with schema_context("public"):
        turns_sweep_all_task()
    work()


def test_a_contact_is_told_once_that_nobody_answers(acme: Tenant, number: Any, graph: Graph, herald: Any, clock: Any) -> None:
    limit(acme, "1", scope="channel", channel="whatsapp")
    spend(acme, "1", channel="whatsapp")
    _say("Hello?", clock)
    _say("Are you there?", clock)
    assert herald.turns == []
    assert graph.texts == [SENTENCES["declined"]["en"]]
    assert {(turn.state, turn.note[:34]) for turn in Turn.objects.all()} == {("failed", "The limit of $1.00 a month for Wha")}
    clock.shift(9 * 3600)
    _say("Hello again?", clock)
    assert len(graph.texts) == 2


def test_people_take_over_and_read_why(
    acme: Tenant, number: Any, graph: Graph, herald: Any, clock: Any, conversation: Any
) -> None:
    limit(acme, "0", reached="people")
    _say("Hello?", clock)
    assert herald.turns == []
    assert graph.texts == [SENTENCES["handed_over"]["en"]]
    assert conversation().status == "open"
    assert conversation().handoff_reason == "The limit of $0.00 a month is reached. It can be changed under Billing, Limits."
    assert not SpendHold.objects.exists()


def test_an_answer_is_held_and_let_go(acme: Tenant, number: Any, graph: Graph, herald: Any, clock: Any) -> None:
    limit(acme, "100")
    _say("Hello?", clock)
    (turn,) = Turn.objects.all()
    assert states() == {str(turn.pk): "held"}
    assert SpendHold.objects.get().amount > 0
    assert reply(herald, 0, "done", summary="Greeted.").status_code == 200
    assert states() == {str(turn.pk): "released"}


def test_an_answer_that_used_something_settles(acme: Tenant, number: Any, graph: Graph, herald: Any, clock: Any) -> None:
    month = limit(acme, "100")
    _say("Hello?", clock)
    (turn,) = Turn.objects.all()
    usage = [{"kind": "llm", "provider": "openai", "model": "gpt-4o-mini", "input_tokens": 900, "output_tokens": 40}]
    assert reply(herald, 0, "done", usage=usage).status_code == 200
    work()
    assert states() == {str(turn.pk): "settled"}
    spent, held = window(month)
    assert spent > 0 and held == 0


def test_a_turn_that_fails_gives_back_what_it_held(acme: Tenant, number: Any, graph: Graph, herald: Any, clock: Any) -> None:
    limit(acme, "100")
    _say("Hello?", clock)
    clock.shift(200)
    with schema_context("public"):
        turns_sweep_all_task()
    work()
    assert set(states().values()) == {"released"}
    assert Message.objects.filter(author="system").exists()
