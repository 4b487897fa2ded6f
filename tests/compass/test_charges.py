"""What Compass uses is charged: knowledge, trials, checks and tools, each once."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from apps.billing.models import LedgerEntry
from apps.compass.knowledge import embedding
from apps.compass.knowledge.embedding import EmbeddingUnavailable, Vectors
from apps.compass.knowledge.search import knowledge_search
from apps.compass.knowledge.tool import knowledge_before, search_run
from apps.compass.models import AgentVersion
from apps.compass.models.checks import TrialUsage
from apps.compass.models.knowledge import DIMENSIONS
from apps.compass.registry import ToolContext, ToolFailed
from apps.compass.selectors import agent_published as agent_published_version
from apps.compass.services.checks_usage import trial_usage_record
from apps.compass.tools import run as running
from apps.compass.tools import tool_run
from apps.compass.tools.offers import Offer
from apps.core.models import OutboundEffect
from apps.core.outbox import outbox_drain
from apps.tenants.models import Tenant
from tests.compass.factories import agent_published

pytestmark = pytest.mark.django_db
LLM = {"kind": "llm", "provider": "openai", "model": "gpt-4o-mini", "input_tokens": 1_000_000, "output_tokens": 0}


def published() -> AgentVersion:
    return agent_published_version(agent_published().pk)


def entries(kind: str) -> list[LedgerEntry]:
    outbox_drain()
    return list(LedgerEntry.objects.filter(source_type=kind).order_by("created_at"))


def test_a_trial_and_a_check_are_charged_once(in_acme: Tenant) -> None:
    version = published()
    subject = uuid4()
    trial_usage_record(kind=TrialUsage.Kind.CHAT, version=version, usage=[LLM])
    for _ in range(2):
        trial_usage_record(kind=TrialUsage.Kind.CHECK, version=version, usage=[LLM], subject_id=subject)
    trial_usage_record(kind=TrialUsage.Kind.CHAT, version=version, usage=[])
    assert [(entry.total, entry.agent_id, entry.tenant) for entry in entries("trial")] == [
        (Decimal("0.15"), version.agent_id, in_acme)
    ]
    assert [entry.source_id for entry in entries("check")] == [str(TrialUsage.objects.get(subject_id=subject).pk)]


def offers(kind: str, run: Any) -> Any:
    return lambda _tools: [Offer("book", "", {}, kind, run)]


@pytest.mark.parametrize(("kind", "count"), [("http", 2), ("mcp", 2), ("builtin", 0)])
def test_each_run_of_a_tool_is_charged(in_acme: Tenant, monkeypatch: pytest.MonkeyPatch, kind: str, count: int) -> None:
    version, call_id = published(), uuid4()
    monkeypatch.setattr(running, "offers_of", offers(kind, lambda *_: "done"))
    context = ToolContext("acme", str(version.agent_id), "call", str(call_id))
    for _ in range(2):
        assert tool_run(version=version, name="book", arguments={}, context=context) == "done"
    found = entries("tool")
    assert [(entry.total, entry.call_id, entry.agent_id) for entry in found] == [
        (Decimal("0.001"), call_id, version.agent_id)
    ] * count


def test_a_tool_that_failed_costs_nothing(in_acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> None:
        raise ToolFailed("Not today.")

    version = published()
    monkeypatch.setattr(running, "offers_of", offers("http", fails))
    with pytest.raises(ToolFailed):
        tool_run(version=version, name="book", arguments={}, context=ToolContext("acme", str(version.agent_id), "turn", "t"))
    assert entries("tool") == []


def test_what_is_told_carries_its_moment(in_acme: Tenant) -> None:
    version = published()
    trial_usage_record(kind=TrialUsage.Kind.CHAT, version=version, usage=[LLM])
    told = OutboundEffect.objects.get(kind="billing.usage")
    assert datetime.fromisoformat(told.payload["at"]) == TrialUsage.objects.get().at
    assert [entry.started_at for entry in entries("trial")] == [TrialUsage.objects.get().at]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The questions that the embedding service was asked; each takes 1,000 tokens."""
    seen: list[str] = []

    def embed(texts: list[str], *, timeout: float) -> Vectors:
        seen.extend(texts)
        return Vectors([[0.0] * DIMENSIONS for _ in texts], 1_000)

    monkeypatch.setattr(embedding, "embed", embed)
    return seen


@pytest.mark.parametrize(("kind", "calls"), [("call", True), ("turn", False)])
def test_a_question_that_is_searched_for_is_charged_once(in_acme: Tenant, asked: list[str], kind: str, calls: bool) -> None:
    version, subject = published(), uuid4()
    context = ToolContext("acme", str(version.agent_id), kind, str(subject), {"documents": "all"})
    for _ in range(2):  # asked again within minutes, its vector is still there
        search_run(context, {"query": "When are you open?"})
    [entry] = entries("knowledge")
    assert (asked, entry.agent_id, entry.call_id) == (["When are you open?"], version.agent_id, subject if calls else None)
    assert (entry.lines[0]["quantities"], entry.llm, entry.total) == (
        {"input_tokens": "1000"},
        Decimal("0.000020"),
        Decimal("0.000020"),
    )


def test_what_is_put_before_the_model_is_charged_to_its_agent(in_acme: Tenant, asked: list[str]) -> None:
    version = published()
    config = {"id": str(version.agent_id), "knowledge": {"documents": "all", "mode": "always"}}
    knowledge_before(config, "When are you open?")
    knowledge_search("Is there parking?")  # on the page where people try it
    assert [entry.agent_id for entry in entries("knowledge")] == [version.agent_id, None]


def test_a_question_that_nobody_embedded_costs_nothing(in_acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise EmbeddingUnavailable("It is away.")

    monkeypatch.setattr(embedding, "embed", away)
    assert knowledge_search("When are you open?").words_only
    assert entries("knowledge") == []
