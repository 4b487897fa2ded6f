"""What is on no invoice is known without searching the ledger: it comes with its entry and goes with its invoice."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.billing.models import InvoicedEntry, LedgerEntry, OpenEntry
from apps.billing.services.invoice_runs import invoices_run, tenants_of
from apps.billing.services.invoices import invoice_draft, invoice_void
from apps.tenants.models import Tenant
from tests.billing.invoice_side import AFTER, NOVEMBER, entry_make

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _in_december() -> Iterator[None]:
    with time_machine.travel(AFTER, tick=False):
        yield


def is_what_is_left() -> bool:
    taken = InvoicedEntry.objects.values("entry")
    return set(OpenEntry.objects.values_list("pk", flat=True)) == set(
        LedgerEntry.objects.exclude(pk__in=taken).values_list("pk", flat=True)
    )


def test_open_entries_are_the_ledger_without_what_is_invoiced(acme: Tenant, globex: Tenant) -> None:
    first = [entry_make(acme, "1"), entry_make(acme, "2", "2026-12-01")]
    entry_make(globex, "4")
    assert OpenEntry.objects.count() == 3
    invoice = invoice_draft(tenant=acme, month=NOVEMBER)
    assert is_what_is_left()
    assert set(OpenEntry.objects.filter(tenant=acme).values_list("pk", flat=True)) == {first[1].pk}
    late = entry_make(acme, "8", "2026-11-30")
    assert invoice_draft(tenant=acme, month=NOVEMBER).total == Decimal(9)
    assert not OpenEntry.objects.filter(pk=late.pk).exists()
    invoice_void(invoice=invoice)
    assert is_what_is_left()
    assert OpenEntry.objects.count() == 4


def test_a_run_begun_again_makes_the_same_of_it(acme: Tenant, globex: Tenant) -> None:
    for cost in ("1", "2.5"):
        entry_make(acme, cost)
    entry_make(globex, "3", currency="EUR")
    totals = [[(row.tenant, row.total) for row in invoices_run(month=NOVEMBER).rows] for _ in range(2)]
    assert totals[0] == totals[1]
    assert ("acme", Decimal("3.5")) in totals[0]
    assert ("globex", Decimal(3)) in totals[0], "in a currency that is not the company's"
    assert is_what_is_left() and not OpenEntry.objects.exists()


def test_who_has_something_to_invoice_is_known_without_the_ledger(acme: Tenant) -> None:
    entry_make(acme, "1")
    with CaptureQueriesContext(
        connection,
    ) as asked:
        assert list(tenants_of(NOVEMBER)) == [acme]
    assert not [query for query in asked.captured_queries if "billing_ledgerentry" in query["sql"]]
    invoice_draft(tenant=acme, month=NOVEMBER)
    assert list(tenants_of(date(2026, 12, 1))) == []


def test_an_invoice_takes_as_many_statements_for_many_entries(acme: Tenant) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as asked:
            invoice_draft(tenant=acme, month=NOVEMBER)
        return len(asked)

    entry_make(acme, "1")
    statements()
    few = statements()
    for _ in range(20):
        entry_make(acme, "1")
    assert statements() == few
