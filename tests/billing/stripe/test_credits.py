"""Taking back: credit notes and voiding, at Stripe once whatever breaks."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from apps.billing.models import Credit, CreditNote, Invoice, InvoicedEntry
from apps.billing.services.credits import credit_note_create
from apps.billing.services.invoices import invoice_void
from apps.billing.services.reconcile import reconcile
from apps.billing.services.staff.invoices import invoice_take_back
from apps.billing.services.stripe_credits import credit_note_send
from apps.billing.services.stripe_customers import portal_url
from apps.billing.services.stripe_events import invoice_refresh
from apps.billing.services.stripe_sync import invoice_send
from apps.billing.stripe_api import StripeRefused, StripeUnavailable
from apps.core.models import OutboundEffect
from apps.core.outbox import outbox_drain
from tests.billing.stripe.factories import draft_of
from tests.standins.stripe import Fault, Stripe

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("outside_transactions")]


@pytest.fixture
def sent(stripe: Stripe, acme: Any) -> Invoice:
    return invoice_send(invoice=draft_of(acme))


def work() -> None:
    connection.set_schema_to_public()
    while outbox_drain():
        pass
    connection.set_schema_to_public()


def note_of(invoice: Invoice, amount: str = "5.00") -> CreditNote:
    return credit_note_create(invoice=invoice, amount=Decimal(amount), reason="The line was bad.", by="root@meridian.test")


def test_a_credit_note_lowers_what_is_open(stripe: Stripe, sent: Invoice) -> None:
    note = note_of(sent)
    work()
    note.refresh_from_db()
    there = stripe.state.get("credit_note", note.stripe_id)
    assert (there["amount"], there["memo"], there["pre_payment_amount"]) == (500, "The line was bad.", 500)
    assert note.pdf_url and stripe.state.get("invoice", sent.stripe_id)["amount_remaining"] == 2500
    sent.refresh_from_db()
    assert sent.credited == Decimal(5)


def test_a_credit_note_of_what_is_paid_becomes_credit(stripe: Stripe, sent: Invoice) -> None:
    stripe.invoices.pay(sent.stripe_id, {})
    Invoice.objects.filter(pk=sent.pk).update(state="paid")
    note_of(sent)
    work()
    assert stripe.state.rows("customer")[0]["balance"] == -500


def test_the_next_invoice_owes_less_by_that_credit(stripe: Stripe, sent: Invoice, acme: Any) -> None:
    """What is asked for in reminders, and shown, is what Stripe asks for, and no more."""
    stripe.invoices.pay(sent.stripe_id, {})
    Invoice.objects.filter(pk=sent.pk).update(state="paid")
    note_of(sent)
    work()
    later = invoice_send(invoice=draft_of(acme, ("20.00",), month=date(2026, 11, 1)))
    there = stripe.state.get("invoice", later.stripe_id)
    assert (there["amount_due"], later.total, later.balance, later.owed) == (1500, 20, 5, 15)
    Invoice.objects.filter(pk=later.pk).update(balance=0)  # as it was before this was noted
    assert "leaves open 20 USD here and 15 at Stripe" in "".join(map(str, reconcile().open))
    assert all(one.fixed for one in reconcile(fix_safe=True).differences if "leaves open" in one.sentence)
    later.refresh_from_db()
    assert later.owed == 15
    stripe.invoices.pay(later.stripe_id, {})
    paid = invoice_refresh(stripe_id=later.stripe_id)
    assert (paid.state, paid.paid, paid.owed) == ("paid", 15, 0)


def test_one_that_is_paid_between_two_requests(stripe: Stripe, sent: Invoice) -> None:
    def pays(call: str) -> None:
        if call == "POST /v1/credit_notes" and stripe.state.get("invoice", sent.stripe_id)["status"] == "open":
            stripe.invoices.pay(sent.stripe_id, {})

    stripe.hook = pays
    note_of(sent)
    work()
    assert (stripe.count("credit_note"), stripe.state.rows("customer")[0]["balance"]) == (1, -500)


@pytest.mark.parametrize("forgotten", [False, True])
@pytest.mark.parametrize("kind", ["500", "500_after", "drop", "drop_after", "429"])
def test_a_credit_note_is_made_once(stripe: Stripe, sent: Invoice, kind: Any, forgotten: bool) -> None:
    stripe.faults = [Fault("POST /v1/credit_notes", kind, times=2)]
    note_of(sent)
    work()
    if forgotten:
        stripe.keys_prune()
    stripe.faults = []
    OutboundEffect.objects.update(available_at="2020-01-01T00:00Z")
    work()
    assert OutboundEffect.objects.get().state == "done"
    assert (stripe.count("credit_note"), stripe.state.get("invoice", sent.stripe_id)["amount_remaining"]) == (1, 2500)


def test_a_note_of_an_invoice_that_is_not_there_waits(stripe: Stripe, acme: Any) -> None:
    draft = draft_of(acme, state="open")
    note = note_of(draft)
    work()
    assert not OutboundEffect.objects.exists()
    with pytest.raises(StripeRefused, match="send it first"):
        credit_note_send(note=note)


def test_voided_here_is_voided_there(stripe: Stripe, sent: Invoice) -> None:
    invoice_void(invoice=sent)
    work()
    assert stripe.state.get("invoice", sent.stripe_id)["status"] == "void"


def test_a_draft_at_stripe_is_deleted(stripe: Stripe, acme: Any) -> None:
    stripe.faults = [Fault(r"POST /v1/invoices/\w+/finalize", "500", times=2)]
    draft = draft_of(acme)
    with pytest.raises(StripeUnavailable):
        invoice_send(invoice=draft)
    invoice_void(invoice=draft)
    work()
    assert (stripe.count("invoice"), stripe.count("invoiceitem")) == (0, 0)
    with pytest.raises(StripeRefused, match="is void"):
        invoice_send(invoice=draft)


def taken_back(invoice: Invoice) -> Invoice:
    return invoice_take_back(invoice=invoice, reason="It was wrong.", by="root@meridian.test")


def test_cancelling_what_was_just_paid_keeps_it_paid(stripe: Stripe, sent: Invoice) -> None:
    stripe.invoices.pay(sent.stripe_id, {})
    with pytest.raises(StripeRefused, match="credit note instead"):
        taken_back(sent)
    sent.refresh_from_db()
    assert sent.state == "paid"


def test_cancelling_while_stripe_is_away_changes_nothing(stripe: Stripe, sent: Invoice) -> None:
    stripe.faults = [Fault(".*", "drop", times=9)]
    with pytest.raises(StripeUnavailable):
        taken_back(sent)
    sent.refresh_from_db()
    assert sent.state == "open"


def test_cancelled_it_is_void_on_both_sides(stripe: Stripe, sent: Invoice) -> None:
    assert taken_back(sent).state == "void"
    assert stripe.state.get("invoice", sent.stripe_id)["status"] == "void"
    assert not InvoicedEntry.objects.filter(invoice=sent).exists()


def test_voided_with_a_credit_note_the_next_is_lower_by_it(stripe: Stripe, sent: Invoice) -> None:
    note_of(sent)
    work()
    taken_back(sent)
    work()
    credit = Credit.objects.get()
    assert (credit.amount, credit.carried_from_id) == (Decimal(5), sent.pk)
    assert stripe.state.get("invoice", sent.stripe_id)["status"] == "void"


def test_voided_at_stripe_a_credit_note_of_there_counts_too(stripe: Stripe, sent: Invoice) -> None:
    """Neither the note nor the voiding were heard of before: one answer tells of both."""
    stripe.state.get("invoice", sent.stripe_id)["pre_payment_credit_notes_amount"] = 700
    stripe.state.get("invoice", sent.stripe_id)["status"] = "void"
    invoice_refresh(stripe_id=sent.stripe_id)
    invoice_refresh(stripe_id=sent.stripe_id)
    assert Credit.objects.get().amount == Decimal(7)


def test_a_credit_note_that_waits_while_its_invoice_is_voided_goes_nowhere(stripe: Stripe, sent: Invoice) -> None:
    note_of(sent)
    taken_back(sent)
    work()
    assert stripe.count("credit_note") == 0 and Credit.objects.get().amount == Decimal(5)
    assert not OutboundEffect.objects.filter(state="dead").exists()


def test_the_portal_is_the_tenants_own(stripe: Stripe, acme: Any, globex: Any) -> None:
    links = [portal_url(tenant=tenant, return_url="https://meridian.test/billing/") for tenant in (acme, globex)]
    sessions = stripe.state.rows("billing_portal.session")
    assert links == [session["url"] for session in sessions]
    assert len({session["customer"] for session in sessions}) == 2
    assert sessions[0]["return_url"] == "https://meridian.test/billing/"


def test_without_stripe_there_is_no_portal(acme: Any, settings: Any) -> None:
    settings.STRIPE_SECRET_KEY = ""
    with pytest.raises(StripeRefused, match="not set up on this installation"):
        portal_url(tenant=acme, return_url="https://meridian.test/")
