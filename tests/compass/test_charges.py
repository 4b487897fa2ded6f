"""What Compass uses is charged: knowledge, trials, checks and tools, each once."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from apps.billing.models import LedgerEntry
from apps.compass.models import AgentVersion
from apps.compass.models.checks import TrialUsage
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
    return list(LedgerEntry.objects.filter(source_type=kind))


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
