"""The run with Stripe behind it: killed after any statement, by two processes at once, and begun again."""

import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.db import connection

from apps.billing.models import Invoice, InvoicedEntry
from apps.billing.services.invoice_runs import Outcome, invoices_run
from apps.billing.services.invoices import InvoiceRefused, invoice_draft, rebuildable
from apps.tenants.models import Tenant
from tests.billing.invoice_side import AFTER, NOVEMBER, adds_up, entry_make, on_plan
from tests.billing.stripe.conftest import stripe as stripe
from tests.billing.test_invoice_runs import Killed, killed_at
from tests.standins.stripe.faults import Fault

D = Decimal
LATER = timedelta(minutes=30)  # any claim of a process that died is over


def scene(acme: Tenant) -> None:
    on_plan(acme, "team")
    entry_make(acme, "3.00", seconds="36000")
    entry_make(acme, "1.005", source="message", agent_id=None)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.django_db
def test_killed_after_any_statement_nothing_reaches_stripe_twice(acme: Tenant, stripe: Any) -> None:
    """Statements are committed as they are outside of a transaction, so that each kill leaves what a real one would."""
    with time_machine.travel(AFTER, tick=False):
        scene(acme)
    number, kills = 0, 0
    while True:
        number += 1
        Invoice.objects.all().delete()
        for table in stripe.state.tables.values():
            table.clear()
        with killed_at(number) as seen:
            try:
                with time_machine.travel(AFTER, tick=True):
                    invoices_run(month=NOVEMBER, tenants=[acme])
            except Killed:
                kills += 1
        with time_machine.travel(AFTER + LATER, tick=True):
            report = invoices_run(month=NOVEMBER, tenants=[acme])
        assert not report.failed, report.failed
        invoice = Invoice.objects.get()
        adds_up(invoice)
        assert (invoice.state, invoice.total, invoice.number) == ("open", D("50.50"), "INV-0000001"), number
        assert invoice.sent_at is not None and f"POST /v1/invoices/{invoice.stripe_id}/send" in stripe.calls, number
        assert {kind: stripe.count(kind) for kind in ("customer", "invoice")} == {"customer": 1, "invoice": 1}, number
        items = [row["amount"] for row in stripe.state.rows("invoiceitem")]
        assert sum(items) == 5050 and len(items) == invoice.lines.exclude(amount=0).count(), number
        if seen[0] < number:
            break
    assert kills > 40


@pytest.mark.django_db
def test_begun_again_it_gives_the_customer_what_only_stripe_had(acme: Tenant, stripe: Any) -> None:
    with time_machine.travel(AFTER, tick=True):
        scene(acme)
        stripe.faults = [Fault(r"POST /v1/invoices/\w+/send", "500", times=9)]
        (row,) = invoices_run(month=NOVEMBER, tenants=[acme]).rows
        stripe.faults = []
    invoice = Invoice.objects.get()
    assert (row.outcome, invoice.state, invoice.step, invoice.sent_at) == (Outcome.LATER, "open", "finalized", None)
    with time_machine.travel(AFTER + LATER, tick=True):
        outcomes = [invoices_run(month=NOVEMBER, tenants=[acme]).rows[0].outcome for _ in range(2)]
    invoice.refresh_from_db()
    assert outcomes == [Outcome.SENT, Outcome.UNCHANGED]
    assert (invoice.sent_at is not None, invoice.problem, invoice.send_again_at) == (True, "", None)


@pytest.mark.django_db
def test_what_is_being_sent_is_not_made_anew(acme: Tenant) -> None:
    with time_machine.travel(AFTER, tick=False):
        entry_make(acme, "1")
        invoice = invoice_draft(tenant=acme, month=NOVEMBER)
        Invoice.objects.update(sending_until=AFTER + timedelta(minutes=1))
        with pytest.raises(InvoiceRefused, match="is being sent"):
            invoice_draft(tenant=acme, month=NOVEMBER)
        Invoice.objects.update(sending_until=AFTER - timedelta(minutes=1))
        invoice.refresh_from_db()
        assert rebuildable(invoice)
        assert invoice_draft(tenant=acme, month=NOVEMBER).send_attempts == invoice.send_attempts + 1


@pytest.mark.django_db(transaction=True)
def test_runs_at_once_make_one_invoice_each(acme: Tenant, globex: Tenant) -> None:
    march = datetime(2026, 3, 1, tzinfo=UTC).date()
    for tenant in (acme, globex):
        for cost in ("1.10", "2.20"):
            entry_make(tenant, cost, "2026-03-05")
    ready, failed = threading.Barrier(4), []

    def run() -> None:
        try:
            ready.wait(20)
            report = invoices_run(month=march)
            failed.extend(report.failed)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []
    assert sorted(Invoice.objects.values_list("number", "total")) == [("INV-0000001", D("3.30")), ("INV-0000002", D("3.30"))]
    assert InvoicedEntry.objects.count() == 4
    for invoice in Invoice.objects.all():
        adds_up(invoice)
