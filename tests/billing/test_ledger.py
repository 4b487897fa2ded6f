"""The ledger: one entry per call whoever races, never changed, and nothing of a second report lost."""

import threading
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django_tenants.utils import schema_context

from apps.billing.models import BillingConflict, LedgerEntry
from apps.billing.services import BillResult, ReportConflict, ReportInvalid, call_bill, ledger
from apps.core.ids import uuid7
from apps.tenants.models import Tenant
from tests.billing.factories import report_of


def bill(tenant: Tenant, report: dict[str, Any], **options: Any) -> BillResult:
    return call_bill(tenant=tenant, call_id=report["call_id"], report=report, **options)


@pytest.mark.django_db
@pytest.mark.parametrize("statement", ["UPDATE billing_ledgerentry SET total = 0", "DELETE FROM billing_ledgerentry"])
def test_the_database_refuses_to_change_an_entry(acme: Tenant, statement: str) -> None:
    bill(acme, report_of())
    with pytest.raises(IntegrityError, match="written once"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert LedgerEntry.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("change", [{"duration": -1}, {"total_known": -1}, {"ended_at": "2020-01-01T00:00:00Z"}])
def test_the_database_refuses_nonsense(acme: Tenant, change: dict[str, Any]) -> None:
    entry = bill(acme, report_of()).entry
    entry.pk, entry.call_id = uuid7(), uuid7()
    for name, value in change.items():
        setattr(entry, name, value)
    with pytest.raises(IntegrityError), transaction.atomic():
        entry.save(force_insert=True)


@pytest.mark.django_db
def test_billing_from_inside_a_tenant(in_acme: Tenant) -> None:
    report = report_of()
    assert bill(in_acme, report, source="sweep").created
    with schema_context("public"):
        assert LedgerEntry.objects.get(call_id=report["call_id"]).source == "sweep"


@pytest.mark.django_db
def test_a_sweep_never_disputes_a_report(acme: Tenant) -> None:
    report = report_of()
    first = bill(acme, report)
    swept = bill(acme, {**report, "duration": 50}, source="sweep")
    assert (swept.created, swept.entry.pk) == (False, first.entry.pk)
    assert BillingConflict.objects.count() == 0


@pytest.mark.django_db
def test_a_report_after_a_sweep_is_kept_as_a_conflict(acme: Tenant) -> None:
    report = report_of()
    swept = bill(acme, report, source="sweep")
    with pytest.raises(ReportConflict) as raised:
        bill(acme, {**report, "duration": 50})
    assert raised.value.entry == swept.entry
    conflict = ledger.conflict_resolve(conflict=BillingConflict.objects.get(), resolution="The report is right; credited.")
    assert conflict.resolved_at is not None
    assert bill(acme, report).created is False


@pytest.mark.django_db
def test_a_report_about_another_call(acme: Tenant) -> None:
    with pytest.raises(ReportInvalid, match="another call"):
        call_bill(tenant=acme, call_id=uuid7(), report=report_of())


@pytest.mark.django_db(transaction=True)
def test_hints_reach_the_call_and_the_list(acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    hints: list[tuple[Any, ...]] = []
    monkeypatch.setattr(ledger, "hint_publish", lambda *hint: hints.append(hint))
    report = report_of()
    bill(acme, report)
    bill(acme, report)
    topics = [f"call:{report['call_id']}", "calls"]
    assert hints == [("acme", topic, "call.billed", report["call_id"], 1) for topic in topics]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("durations", [[61, 61, 61, 61], [61, 60, 59, 58]], ids=["same", "different"])
def test_racing_reports_make_one_entry(acme: Tenant, durations: list[int]) -> None:
    report, ready = report_of(), threading.Barrier(len(durations))
    outcomes: list[str] = []

    def race(duration: int) -> None:
        try:
            ready.wait(60)
            created = bill(acme, {**report, "duration": duration}).created
            outcomes.append("created" if created else "same")
        except ReportConflict:
            outcomes.append("conflict")
        finally:
            connection.close()

    threads = [threading.Thread(target=race, args=(duration,)) for duration in durations]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    lost = "same" if len(set(durations)) == 1 else "conflict"
    assert sorted(outcomes) == sorted(["created", lost, lost, lost])
    assert LedgerEntry.objects.count() == 1
    assert BillingConflict.objects.count() == len(set(durations)) - 1
