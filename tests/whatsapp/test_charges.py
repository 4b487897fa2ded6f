"""What chats cost: each turn once however it ends, an answer when it arrived, and messages as Meta prices them."""

import itertools
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from apps.billing.models import LedgerEntry
from apps.billing.selectors import statement_of
from apps.billing.services import metering
from apps.core.errors import PermanentError
from apps.core.models import OutboundEffect
from apps.desktop.models import Message
from apps.desktop.services.conversations import conversation_claim
from apps.desktop.services.messages import message_send
from apps.tenants.models import Tenant
from apps.whatsapp.models import Turn
from apps.whatsapp.services import usage
from apps.whatsapp.services.turns import turn_fail
from apps.whatsapp.tasks import turn_start_task
from tests.whatsapp.meta import Graph, deliver, said, status, work
from tests.whatsapp.test_path import reply

pytestmark = pytest.mark.django_db(transaction=True)
LLM = {"kind": "llm", "provider": "openai", "model": "gpt-4o-mini", "input_tokens": 1_000_000, "output_tokens": 0}
FREE = {"billable": False, "pricing_model": "PMP", "category": "service", "type": "free_customer_service"}
PAID = {"billable": True, "pricing_model": "PMP", "category": "marketing", "type": "regular"}


@pytest.fixture
def turn(number: Any, graph: Graph, herald: Any) -> Turn:
    """A turn that Herald has."""
    deliver(said("Hello?"))
    Turn.objects.filter(state="collecting").update(due_at=timezone.now())
    assert turn_start_task(str(Turn.objects.get(state="collecting").pk))
    return Turn.objects.get()


def entries(kind: str = "turn") -> list[LedgerEntry]:
    return list(LedgerEntry.objects.filter(source_type=kind).order_by("source_id", "revision"))


def total(kind: str = "turn") -> Decimal:
    return sum((entry.total_known for entry in entries(kind)), Decimal(0))


def test_an_answer_costs_its_model_and_the_fee(turn: Turn, herald: Any, acme: Tenant) -> None:
    assert reply(herald, 0, "message", text="Yes.").status_code == 200
    for _ in range(2):
        assert reply(herald, 1, "done", usage=[LLM]).status_code == 200
    [entry] = entries()
    assert (entry.tenant, entry.source_id, entry.agent_id, entry.channel) == (acme, str(turn.pk), turn.agent_id, "whatsapp")
    assert (entry.conversation_id, entry.started_at) == (turn.conversation_id, turn.created_at)
    assert (entry.llm, entry.platform, entry.total) == (Decimal("0.15"), Decimal("0.005"), Decimal("0.155"))


def test_an_answer_that_said_nothing_costs_its_model_alone(turn: Turn, herald: Any) -> None:
    reply(herald, 0, "done", escalate=True, reason="error", usage=[LLM])
    assert [entry.total for entry in entries()] == [Decimal("0.15")]


def test_a_turn_that_used_nothing_is_no_entry(turn: Turn) -> None:
    turn_fail(turn.pk, "No answer came.")
    assert entries() == []


def test_what_a_stale_turn_used_is_charged(turn: Turn, herald: Any, conversation: Any, bob: Any) -> None:
    conversation_claim(conversation_id=conversation().pk, user_id=bob.pk)
    assert reply(herald, 0, "done", usage=[LLM]).status_code == 409
    assert [entry.total for entry in entries()] == [Decimal("0.15")]


def test_what_a_turn_tells_after_it_was_given_up_is_charged(turn: Turn, herald: Any) -> None:
    reply(herald, 0, "message", text="Wait.")
    turn_fail(turn.pk, "No answer came.")
    assert total() == Decimal("0.005")
    for _ in range(2):
        assert reply(herald, 1, "done", usage=[LLM]).status_code == 409
    assert (len(entries()), total()) == (2, Decimal("0.155"))


def test_a_price_never_stops_an_answer(turn: Turn, herald: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: Any) -> None:
        raise PermanentError("The prices are broken.")

    with monkeypatch.context() as patch:
        patch.setattr(metering, "priced_at", breaks)
        assert reply(herald, 0, "message", text="Yes.").status_code == 200
        assert reply(herald, 1, "done", usage=[LLM]).status_code == 200
    assert Turn.objects.get().state == "done"
    effect = OutboundEffect.objects.get(kind="billing.usage")
    assert (effect.state, effect.note) == ("dead", "The prices are broken.")
    OutboundEffect.objects.update(state="pending", attempts=0, available_at=timezone.now())
    work()
    assert total() == Decimal("0.155")


def test_a_huge_number_never_stops_an_answer(turn: Turn, herald: Any) -> None:
    huge = [{**LLM, "model": "gpt-4o", "output_tokens": 10**12}] * 100
    assert reply(herald, 0, "done", usage=[*huge[:99], {"kind": "llm", "output_tokens": 10**40}]).status_code == 200
    [entry] = entries()
    assert (entry.total, entry.unpriced[0]["model"]) == (None, "unreadable")


@pytest.fixture
def sent(team_number: Any, graph: Graph, conversation: Any) -> Message:
    """A message that Meta took as wamid.ours1."""
    deliver(said("Hi"))
    work()
    message = message_send(conversation=conversation(), author="system", text="Hello")
    work()
    message.refresh_from_db()
    return message


@pytest.mark.parametrize("order", list(itertools.permutations(["sent", "delivered", "read"])))
@pytest.mark.parametrize("teller", [("sent",), ("delivered",), ("read",), ("sent", "delivered"), ("sent", "read")])
def test_a_message_is_charged_once_in_any_order(sent: Message, order: tuple[str, ...], teller: tuple[str, ...]) -> None:
    for name in (*order, *order):
        deliver(status("wamid.ours1", name, **({"pricing": PAID} if name in teller else {})))
        work()
    statement = statement_of(entries("message")[0])
    assert (statement.base.source_id, statement.base.started_at) == ("wamid.ours1", sent.at)
    assert statement.total == total("message") == Decimal("0.025")
    assert [line["model"] for line in statement.lines] == ["marketing/US"]


def test_what_meta_says_at_the_delivery_counts(sent: Message) -> None:
    for name, pricing in (("read", None), ("sent", PAID), ("delivered", FREE)):
        deliver(status("wamid.ours1", name, **({"pricing": pricing} if pricing else {})))
        work()
    assert total("message") == 0
    assert statement_of(entries("message")[0]).total == 0


@pytest.mark.parametrize("teller", [(), ("delivered",), ("sent", "delivered", "read")])
def test_billing_hears_only_of_what_changes_the_charge(
    sent: Message, monkeypatch: pytest.MonkeyPatch, teller: tuple[str, ...]
) -> None:
    heard: list[Any] = []
    monkeypatch.setattr(usage, "usage_charge", lambda **told: heard.append(told["usage"]))
    for name in ("delivered", "sent", "read"):
        deliver(status("wamid.ours1", name, **({"pricing": PAID} if name in teller else {})))
    assert len(heard) == 1


def test_a_free_message_says_so(sent: Message) -> None:
    deliver(status("wamid.ours1", "delivered", pricing=FREE))
    work()
    [entry] = entries("message")
    assert (entry.messages, entry.total, entry.agent_id) == (0, 0, None)
    assert entry.lines[0] == {
        "kind": "messages",
        "provider": "meta",
        "model": "service/US",
        "quantities": {"messages": "1"},
        "amount": "0.000000",
        "free": "free_customer_service",
    }


@pytest.mark.parametrize("names", [("sent",), ("sent", "failed"), ("failed",)])
def test_what_never_arrives_costs_nothing(sent: Message, names: tuple[str, ...]) -> None:
    for name in names:
        deliver(status("wamid.ours1", name, **({"pricing": PAID} if name == "sent" else {})))
        work()
    assert entries("message") == []


def test_a_message_whose_price_meta_never_tells_waits_for_finance(sent: Message) -> None:
    deliver(status("wamid.ours1", "delivered"))
    work()
    [entry] = entries("message")
    assert (entry.total, entry.unpriced) == (None, [{"kind": "messages", "provider": "meta", "model": "unknown/US"}])
    deliver(status("wamid.ours1", "sent", pricing=PAID))
    work()
    assert statement_of(entry).total == total("message") == Decimal("0.025")
