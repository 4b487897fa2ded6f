"""Two different reports about one thing: the first charges, and finance decides; what it decides is charged once."""

from decimal import Decimal
from typing import Any

import pytest
from django.db.models import Sum

from apps.billing.models import BillingConflict, LedgerEntry
from apps.billing.selectors import call_cost, statement_of
from apps.billing.services import ReportConflict, call_bill, conflict_accept, usage_record
from apps.core.errors import PermanentError
from apps.tenants.models import Tenant
from tests.billing.factories import USAGE, report_of
from tests.billing.test_metering import AT, BY, LLM, UNHEARD, record

pytestmark = pytest.mark.django_db
LATER = {"duration": 30.7, "usage": USAGE[:1]}


def disputed(tenant: Tenant, **later: Any) -> tuple[LedgerEntry, BillingConflict]:
    """A call that two reports tell of."""
    report = report_of()
    entry = call_bill(tenant=tenant, call_id=report["call_id"], report=report).entry
    with pytest.raises(ReportConflict):
        call_bill(tenant=tenant, call_id=report["call_id"], report={**report, **later})
    return entry, BillingConflict.objects.get(entry=entry)


def charged(tenant: Tenant) -> Decimal:
    return LedgerEntry.objects.filter(tenant=tenant).aggregate(sum=Sum("total_known"))["sum"]


def test_the_later_report_counts_by_the_difference(acme: Tenant) -> None:
    entry, conflict = disputed(acme, **LATER)
    made = conflict_accept(conflict=conflict, by=BY)
    assert made is not None
    assert (made.corrects_id, made.source, made.by, made.reason) == (entry.pk, "correction", BY, "The later report counts.")
    fresh = report_of(**LATER)
    expected = call_bill(tenant=acme, call_id=fresh["call_id"], report=fresh).entry
    cost = call_cost(acme, str(entry.call_id))
    assert cost is not None and cost.total == expected.total
    assert statement_of(entry).duration == Decimal("30.7")
    assert charged(acme) == 2 * (expected.total or 0)
    conflict.refresh_from_db()
    assert (conflict.resolution, conflict.resolved_at is not None) == ("The later report counts.", True)


def test_accepting_it_twice_charges_it_once(acme: Tenant) -> None:
    entry, conflict = disputed(acme, **LATER)
    conflict_accept(conflict=conflict, by=BY)
    before = charged(acme)
    assert conflict_accept(conflict=conflict, by=BY) is None
    assert (charged(acme), LedgerEntry.objects.filter(corrects=entry).count()) == (before, 1)


def test_reports_that_cost_the_same_make_no_row(acme: Tenant) -> None:
    entry, conflict = disputed(acme, ended_reason="agent_hangup")
    assert conflict_accept(conflict=conflict, by=BY) is None
    assert not LedgerEntry.objects.filter(corrects=entry).exists()
    assert BillingConflict.objects.get(pk=conflict.pk).resolved_at is not None


def test_after_it_neither_report_is_charged_again(acme: Tenant) -> None:
    entry, conflict = disputed(acme, **LATER)
    conflict_accept(conflict=conflict, by=BY)
    before = charged(acme)
    with pytest.raises(ReportConflict):
        call_bill(tenant=acme, call_id=str(entry.call_id), report=conflict.report)
    assert (charged(acme), BillingConflict.objects.count()) == (before, 1)


def test_a_later_report_with_something_unpriced_waits_for_its_price(acme: Tenant) -> None:
    entry, conflict = disputed(acme, usage=[*USAGE[:1], UNHEARD])
    conflict_accept(conflict=conflict, by=BY)
    said = statement_of(entry)
    assert (said.total, said.parts["llm"], [row["model"] for row in said.unpriced]) == (None, None, ["gpt-unheard"])
    assert said.total_known == charged(acme)


def test_other_usage_of_an_answer_is_accepted_too(acme: Tenant) -> None:
    entry = record(acme, [LLM])
    again = {**LLM, "input_tokens": 3_000_000}
    usage_record(tenant=acme, source_type="turn", source_id="t1", usage=[again], at=AT)
    assert charged(acme) == Decimal("0.15")
    conflict_accept(conflict=BillingConflict.objects.get(entry=entry), by=BY)
    assert charged(acme) == statement_of(entry).total == Decimal("0.45")


def test_nobody_decides_nothing(acme: Tenant) -> None:
    entry, conflict = disputed(acme, **LATER)
    with pytest.raises(PermanentError, match="Say in a sentence"):
        conflict_accept(conflict=conflict, by="")
    assert BillingConflict.objects.get(pk=conflict.pk).resolved_at is None
    assert not LedgerEntry.objects.filter(corrects=entry).exists()
