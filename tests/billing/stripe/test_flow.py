"""From calls to a paid invoice: the monthly run, Stripe, webhooks, and the comparison at the end, with failures in between."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from apps.billing import stripe_calls
from apps.billing.models import BillingProfile, Invoice, LedgerEntry
from apps.billing.services.invoice_runs import Outcome, invoices_run
from apps.billing.services.invoices import invoice_void
from apps.billing.services.reconcile import reconcile
from apps.billing.tasks_stripe import dunning_task, invoices_resume_task, stripe_reconcile_task
from apps.core.models import InboundEvent
from apps.core.tasks import inbox_sweep_task, outbox_sweep_task
from tests.billing.factories import USAGE, bill_post, report_of
from tests.standins.stripe import Fault, Stripe

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("outside_transactions")]
MARCH = date(2026, 3, 1)


def hook(body: bytes, header: str) -> int:
    """Stripe delivers; the task that works on it runs at the commit, as Celery would have it a moment later."""
    headers = {"host": "localhost", "stripe-signature": header}
    answer = Client().post("/stripe/webhook", data=body, content_type="application/json", headers=headers)
    connection.set_schema_to_public()
    return int(answer.status_code)


def usage(tenant: str, calls: int = 3) -> None:
    rows = [USAGE[0] | {"audio_duration": 6001.7}, *USAGE[1:]]
    for _ in range(calls):
        assert bill_post(report_of(usage=rows), tenant=tenant).status_code == 201
    connection.set_schema_to_public()


def sweep() -> None:
    """What beat does, once everything that waits is due."""
    now = timezone.now()
    Invoice.objects.filter(send_again_at__isnull=False).update(send_again_at=now, sending_until=None)
    InboundEvent.objects.filter(state="pending").update(available_at=now)
    for task in (invoices_resume_task, inbox_sweep_task, outbox_sweep_task, dunning_task):
        task()
        connection.set_schema_to_public()


def in_order() -> None:
    """Ledger, invoices and Stripe agree to the cent."""
    assert [str(one) for one in reconcile(month=MARCH).differences] == []
    for invoice in Invoice.objects.exclude(state="void"):
        entries = LedgerEntry.objects.filter(invoiced__invoice=invoice).values_list("total_known", flat=True)
        assert abs(sum(entries, Decimal()) - invoice.subtotal) <= Decimal("0.005")


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("copies", [1, 2])
def test_from_calls_to_paid(stripe: Stripe, acme: Any, globex: Any, backwards: bool, copies: int) -> None:
    usage("acme")
    usage("globex", 1)
    report = invoices_run(month=MARCH)
    assert [(row.tenant, row.outcome) for row in report.rows] == [("acme", Outcome.SENT), ("globex", Outcome.SENT)]
    assert {row.outcome for row in invoices_run(month=MARCH).rows} <= {Outcome.UNCHANGED}
    for invoice in Invoice.objects.all():
        assert stripe.state.get("invoice", invoice.stripe_id)["total"] == int(invoice.total * 100) > 0
        stripe.invoices.pay(invoice.stripe_id, {})
    assert set(stripe.deliver(hook, copies=copies, backwards=backwards)) == {200}
    sweep()
    assert {(row.state, row.paid == row.total) for row in Invoice.objects.all()} == {("paid", True)}
    assert not InboundEvent.objects.filter(state__in=("pending", "processing", "dead")).exists()
    assert (stripe.count("customer"), stripe.count("invoice")) == (2, 2)
    in_order()


@pytest.mark.parametrize("kind", ["500", "500_after", "drop_after", "429"])
def test_a_run_through_an_outage_goes_on_by_itself(stripe: Stripe, acme: Any, globex: Any, kind: Any) -> None:
    usage("acme")
    usage("globex", 1)
    stripe.faults = [Fault("POST /v1/.*", kind, times=5, skip=2)]
    report = invoices_run(month=MARCH)
    assert report.count(Outcome.LATER) >= 1
    stripe.faults = []
    stripe.keys_prune()
    sweep()
    sweep()
    assert set(Invoice.objects.values_list("state", "step")) == {("open", "finalized")}
    assert (stripe.count("customer"), stripe.count("invoice")) == (2, 2)
    in_order()


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("at", [0, 2, 4, 5, 6, 7, 9])
def test_a_run_killed_after_any_answer_and_run_again(stripe: Stripe, acme: Any, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    usage("acme")
    asked, ask = iter(range(99)), stripe_calls._ask

    def dies(*args: Any, **options: Any) -> Any:
        answer = ask(*args, **options)
        if next(asked) == at:
            raise Killed
        return answer

    with monkeypatch.context() as patch:
        patch.setattr(stripe_calls, "_ask", dies)
        try:
            invoices_run(month=MARCH)
        except Killed:
            connection.set_schema_to_public()
    stripe.keys_prune()
    Invoice.objects.update(sending_until=None)  # the lease ran out
    report = invoices_run(month=MARCH)
    assert [row.outcome for row in report.rows] in ([Outcome.SENT], [Outcome.UNCHANGED], [])  # or nothing is left to do
    sweep()
    assert set(Invoice.objects.values_list("state", "step")) == {("open", "finalized")}
    assert stripe.count("invoice") == 1
    in_order()


def test_a_lost_webhook_is_made_up_for_within_a_day(stripe: Stripe, acme: Any) -> None:
    usage("acme")
    invoices_run(month=MARCH)
    stripe.invoices.pay(Invoice.objects.get().stripe_id, {})
    stripe.deliver(hook, drop={"invoice.finalized", "invoice.paid"})
    sweep()
    assert Invoice.objects.get().state == "open"
    stripe_reconcile_task()
    assert Invoice.objects.get().state == "paid"
    in_order()


def test_voided_it_is_invoiced_anew(stripe: Stripe, acme: Any) -> None:
    usage("acme")
    invoices_run(month=MARCH)
    first = Invoice.objects.get()
    invoice_void(invoice=first)
    sweep()
    report = invoices_run(month=MARCH)
    assert [row.outcome for row in report.rows] == [Outcome.SENT]
    assert stripe.state.get("invoice", first.stripe_id)["status"] == "void"
    second = Invoice.objects.exclude(pk=first.pk).get()
    assert (second.total, second.state) == (first.total, "open")
    stripe.deliver(hook, backwards=True, copies=2)
    sweep()
    assert set(Invoice.objects.values_list("pk", "state")) == {(first.pk, "void"), (second.pk, "open")}
    in_order()


def test_voided_at_stripe_its_usage_is_open_again(stripe: Stripe, acme: Any) -> None:
    usage("acme")
    invoices_run(month=MARCH)
    stripe.invoices.void(Invoice.objects.get().stripe_id)
    stripe.deliver(hook)
    sweep()
    assert Invoice.objects.get().state == "void"
    assert LedgerEntry.objects.filter(invoiced__isnull=False).count() == 0
    assert [row.outcome for row in invoices_run(month=MARCH).rows] == [Outcome.SENT]
    assert Invoice.objects.exclude(state="void").count() == 1


def test_overdue_then_paid(stripe: Stripe, acme: Any, settings: Any) -> None:
    settings.DUNNING_DAYS = [0, 1, 2, 3]
    usage("acme")
    invoices_run(month=MARCH)
    invoice = Invoice.objects.get()
    stripe.state.get("invoice", invoice.stripe_id)["due_date"] = int(timezone.now().timestamp()) - 3600
    Invoice.objects.update(due_at=timezone.now() - timedelta(hours=1))
    sweep()
    assert (Invoice.objects.get().dunning, BillingProfile.objects.get().standing) == ("first", "past_due")
    stripe.invoices.pay(invoice.stripe_id, {})
    stripe.deliver(hook)
    sweep()
    assert (Invoice.objects.get().state, BillingProfile.objects.get().standing) == ("paid", "good")


def test_without_a_key_everything_up_to_the_draft_works(acme: Any, settings: Any) -> None:
    settings.STRIPE_SECRET_KEY = ""
    usage("acme")
    report = invoices_run(month=MARCH)
    assert [row.outcome for row in report.rows] == [Outcome.DRAFTED]
    assert "Set STRIPE_SECRET_KEY" in report.note
    assert set(Invoice.objects.values_list("state", "step")) == {("draft", "local")}
