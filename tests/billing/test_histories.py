"""Random histories of reports, repeats, disputes and sweeps for two tenants, held against a plain dictionary of the truth.

`LEDGER_HISTORIES=10000` runs more of them than the suite does.
"""

import os
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from apps.billing.models import BillingConflict, LedgerEntry
from apps.billing.selectors import call_costs
from apps.billing.services import ReportConflict, call_bill
from apps.core.ids import uuid7
from apps.tenants.models import Tenant
from tests.billing.factories import report_of
from tests.billing.machine import WRITES, writes_count

HISTORIES = int(os.environ.get("LEDGER_HISTORIES", "60"))
MODELS = {"gpt-4o-mini": ("0.15", "0.075", "0.60"), "gpt-4o": ("2.50", "1.25", "10"), "gpt-unheard": None}

usages = st.lists(
    st.tuples(st.sampled_from(sorted(MODELS)), st.integers(0, 100_000), st.integers(0, 100_000), st.integers(0, 100_000)),
    max_size=3,
)
contents = st.tuples(st.integers(0, 60_000), usages)


@dataclass
class Truth:
    """What the ledger should say of one call."""

    content: Any
    source: str
    disputes: set[str] = field(default_factory=set)


def micros(amount: Fraction) -> Decimal:
    return Decimal(round(amount * 1_000_000)) / 1_000_000


def total_of(content: Any) -> Decimal | None:
    """The cost of a call, from the prices written out by hand."""
    milliseconds, rows = content
    minutes = Fraction(milliseconds, 60_000)
    total = micros(minutes * Fraction("0.001")) + micros(minutes * Fraction("0.01"))
    for model, fresh, cached, output in rows:
        prices = MODELS[model]
        if prices is None:
            return None
        counts = (fresh, cached, output)
        total += micros(sum(count * Fraction(price) for count, price in zip(counts, prices, strict=True)) / 1_000_000)
    return total


def body(call_id: str, content: Any) -> dict[str, Any]:
    milliseconds, rows = content
    usage = [
        {
            "kind": "llm",
            "provider": "openai",
            "model": model,
            "input_tokens": fresh + cached,
            "input_cached_tokens": cached,
            "output_tokens": output,
        }
        for model, fresh, cached, output in rows
    ]
    return report_of(call_id=call_id, duration=milliseconds / 1000, usage=usage)


class Ledger(RuleBasedStateMachine):
    calls = Bundle("calls")

    def __init__(self) -> None:
        super().__init__()
        self._history = transaction.atomic()
        self._history.__enter__()
        self.seen: tuple[int, str] | None = None  # what was compared last: as many writes, the same truth
        self.tenants = {tenant.schema_name: tenant for tenant in Tenant.objects.filter(schema_name__in=["acme", "globex"])}
        self.truth: dict[tuple[str, str], Truth] = {}

    def teardown(self) -> None:
        """What a history wrote is taken back, so that the next ones do not read over it."""
        transaction.set_rollback(True)
        self._history.__exit__(None, None, None)

    @rule(target=calls)
    def call(self) -> str:
        return str(uuid7())

    @rule(call=calls, tenant=st.sampled_from(["acme", "globex"]), content=contents, source=st.sampled_from(["report", "sweep"]))
    def bill(self, call: str, tenant: str, content: Any, source: str) -> None:
        self._bill(call, tenant, content, source)

    @rule(call=calls, tenant=st.sampled_from(["acme", "globex"]), source=st.sampled_from(["report", "sweep"]))
    def repeat(self, call: str, tenant: str, source: str) -> None:
        known = self.truth.get((tenant, call))
        if known is not None:
            self._bill(call, tenant, known.content, source)

    def _bill(self, call: str, tenant: str, content: Any, source: str) -> None:
        known = self.truth.setdefault((tenant, call), Truth(content, source))
        fresh = not LedgerEntry.objects.filter(tenant=self.tenants[tenant], call_id=call).exists()
        disputed = known.content != content and not (source == "sweep" and known.source == "report")
        try:
            result = call_bill(tenant=self.tenants[tenant], call_id=call, report=body(call, content), source=source)
        except ReportConflict:
            assert disputed
            known.disputes.add(repr(content))
        else:
            assert not disputed
            assert result.created == fresh

    @invariant()
    def the_ledger_tells_the_truth(self) -> None:
        """Where neither the truth nor anything in the database changed since the last look, the answer is the same."""
        seen = (WRITES["all"], repr(self.truth))
        if seen != self.seen:
            self._compare()
            self.seen = seen

    def _compare(self) -> None:
        for name, tenant in self.tenants.items():
            expected = {call: truth for (owner, call), truth in self.truth.items() if owner == name}
            every_call = {call for _, call in self.truth}
            costs = {str(call): cost for call, cost in call_costs(tenant, every_call).items()}
            assert {call: cost.total for call, cost in costs.items()} == {c: total_of(t.content) for c, t in expected.items()}
            assert {call: cost.source for call, cost in costs.items()} == {c: t.source for c, t in expected.items()}
            disputes = BillingConflict.objects.filter(tenant=tenant, call_id__in=every_call).count()
            assert disputes == sum(len(truth.disputes) for truth in expected.values())


@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(0 if HISTORIES > 100 else 180)
def test_random_histories(acme: Tenant, globex: Tenant) -> None:
    quiet = list(HealthCheck)
    with connection.execute_wrapper(writes_count):
        run_state_machine_as_test(
            Ledger, settings=settings(max_examples=HISTORIES, stateful_step_count=12, deadline=None, suppress_health_check=quiet)
        )
