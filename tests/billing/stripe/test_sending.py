"""invoice_send: what Stripe is told, that each step is stored, and that no failure makes anything twice."""

import threading
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from apps.billing.models import BillingProfile, Invoice
from apps.billing.services.stripe_claims import InvoiceBusy
from apps.billing.services.stripe_sync import invoice_send, invoices_resume
from apps.billing.stripe_api import StripeNotConfigured, StripeRefused, StripeUnavailable
from apps.core.errors import MeridianError
from tests.billing.stripe.factories import draft_of, profile_of
from tests.standins.stripe import Fault, Stripe

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("outside_transactions")]


def test_an_invoice_is_sent_with_all_that_belongs_to_it(stripe: Stripe, acme: Any) -> None:
    profile_of(
        acme, legal_name="Acme GmbH", email="money@acme.test", line1="Road 1", city="Bonn", postal_code="53111", country="DE",
        tax_id_type="eu_vat", tax_id="DE123456789",
    )  # fmt: skip
    sent = invoice_send(invoice=draft_of(acme))
    assert (sent.state, sent.step, sent.total, sent.problem) == ("open", "finalized", Decimal("30.00"), "")
    assert sent.hosted_url.startswith("https://") and sent.pdf_url and sent.stripe_number and sent.due_at and sent.sent_at
    there = stripe.state.get("invoice", sent.stripe_id)
    assert (there["status"], there["total"], there["metadata"]["meridian_invoice"]) == ("open", 3000, str(sent.pk))
    customer = stripe.state.get("customer", there["customer"])
    assert (customer["name"], customer["email"], customer["address"]["country"]) == ("Acme GmbH", "money@acme.test", "DE")
    assert customer["metadata"] == {"meridian_tenant": "acme"}
    assert [row["value"] for row in stripe.state.rows("tax_id")] == ["DE123456789"]
    items = stripe.state.rows("invoiceitem", invoice=sent.stripe_id)
    assert [item["amount"] for item in items] == [2000, 1234, -234]
    lines = {line.position: line.stripe_id for line in sent.lines.all()}
    assert lines == {0: items[0]["id"], 1: "", 2: items[1]["id"], 3: items[2]["id"]}
    assert stripe.calls.count(f"POST /v1/invoices/{sent.stripe_id}/send") == 1


def test_sent_again_nothing_is_asked(stripe: Stripe, acme: Any) -> None:
    sent = invoice_send(invoice=draft_of(acme))
    before = list(stripe.calls)
    assert invoice_send(invoice=sent).pk == sent.pk
    assert invoice_send(invoice=Invoice.objects.get(pk=sent.pk)).state == "open"
    assert stripe.calls == before


def test_a_customer_with_a_card_is_charged_and_not_mailed(stripe: Stripe, acme: Any) -> None:
    first = invoice_send(invoice=draft_of(acme))
    customer = stripe.state.rows("customer")[0]
    customer["invoice_settings"]["default_payment_method"] = "pm_card"
    second = invoice_send(invoice=draft_of(acme, month=first.month.replace(month=11)))
    there = stripe.state.get("invoice", second.stripe_id)
    assert (there["collection_method"], there["auto_advance"]) == ("charge_automatically", True)
    assert f"POST /v1/invoices/{second.stripe_id}/send" not in stripe.calls
    assert second.due_at == second.finalized_at
    assert stripe.count("customer") == 1


@pytest.mark.parametrize(
    ("currency", "amount", "units"),
    [("JPY", "1200", 1200), ("USD", "12.34", 1234), ("KWD", "1.23", 1230), ("ISK", "1200", 120000), ("EUR", "0.01", 1)],
)
def test_amounts_are_in_the_currencys_smallest_unit(stripe: Stripe, acme: Any, currency: str, amount: str, units: int) -> None:
    sent = invoice_send(invoice=draft_of(acme, (amount,), currency=currency))
    there = stripe.state.get("invoice", sent.stripe_id)
    assert (there["currency"], there["total"]) == (currency.lower(), units)
    assert sent.total == Decimal(amount)


def test_tax_is_stripes_and_becomes_part_of_the_total(stripe: Stripe, acme: Any, settings: Any) -> None:
    settings.STRIPE_AUTOMATIC_TAX = True
    stripe.invoices.tax_rate = Decimal("0.19")
    sent = invoice_send(invoice=draft_of(acme, ("100.00",)))
    assert (sent.subtotal, sent.tax, sent.total) == (Decimal(100), Decimal(19), Decimal(119))


def test_credits_may_use_the_whole_invoice_up(stripe: Stripe, acme: Any) -> None:
    sent = invoice_send(invoice=draft_of(acme, ("10.00", "-10.00")))
    assert (sent.state, sent.total) == ("paid", 0)
    assert sent.sent_at and sent.paid_at
    assert f"POST /v1/invoices/{sent.stripe_id}/send" not in stripe.calls


def test_an_invoice_of_nothing_is_closed_without_stripe(stripe: Stripe, acme: Any) -> None:
    sent = invoice_send(invoice=draft_of(acme, ("0.00",)))
    assert (sent.state, sent.step, sent.stripe_id) == ("paid", "finalized", "")
    assert stripe.calls == []


def test_a_draft_that_does_not_add_up_is_not_finalized(stripe: Stripe, acme: Any) -> None:
    invoice = draft_of(acme, ("10.00",), subtotal=Decimal("10.01"))
    with pytest.raises(StripeRefused, match=r"says 10\.01 USD, its lines add up to 10\.00 USD"):
        invoice_send(invoice=invoice)
    invoice.refresh_from_db()
    assert (invoice.state, invoice.step, invoice.send_again_at) == ("draft", "items", None)
    assert "was not finalized" in invoice.problem
    assert stripe.state.get("invoice", invoice.stripe_id)["status"] == "draft"


def test_what_somebody_adds_at_stripe_stops_it(stripe: Stripe, acme: Any) -> None:
    def meddle(call: str) -> None:
        drafts = stripe.state.rows("invoice", status="draft")
        if call.startswith("GET /v1/invoices/in_") and drafts and stripe.count("invoiceitem") == 1:
            stripe.invoices.item_create(
                {"customer": drafts[0]["customer"], "invoice": drafts[0]["id"], "amount": "500", "currency": "usd"}
            )

    stripe.hook = meddle
    with pytest.raises(StripeRefused, match=r"its draft at Stripe to 15\.00 USD"):
        invoice_send(invoice=draft_of(acme, ("10.00",)))


def test_a_draft_deleted_at_stripe_is_made_anew(stripe: Stripe, acme: Any) -> None:
    stripe.faults = [Fault(r"POST /v1/invoices/\w+/finalize", "500", times=9)]
    invoice = draft_of(acme)
    with pytest.raises(StripeUnavailable):
        invoice_send(invoice=invoice)
    stripe.faults = []
    lost = Invoice.objects.get(pk=invoice.pk).stripe_id
    stripe.invoices.delete(lost)
    sent = invoice_send(invoice=invoice)
    assert sent.stripe_id != lost
    assert (sent.state, stripe.count("invoice"), sent.total) == ("open", 1, Decimal(30))


def test_a_draft_that_was_corrected_and_deleted_at_stripe_is_made_anew(stripe: Stripe, acme: Any) -> None:
    """Within a day, while the key of the deleted one would still bring it back."""
    invoice = draft_of(acme, ("10.00",), subtotal=Decimal("10.01"))
    with pytest.raises(StripeRefused):
        invoice_send(invoice=invoice)
    stripe.invoices.delete(Invoice.objects.get(pk=invoice.pk).stripe_id)
    Invoice.objects.filter(pk=invoice.pk).update(subtotal=Decimal("10.00"))
    assert invoice_send(invoice=invoice).state == "open"
    assert stripe.count("invoice") == 1


def test_more_lines_than_stripe_takes_end_in_one_for_the_rest(stripe: Stripe, acme: Any) -> None:
    sent = invoice_send(invoice=draft_of(acme, ("1.00",) * 260))
    items = stripe.state.rows("invoiceitem", invoice=sent.stripe_id)
    assert (len(items), items[-1]["amount"], sent.total) == (250, 1100, Decimal(260))
    assert items[-1]["description"] == "11 more lines, each listed in Meridian"
    assert not sent.lines.filter(stripe_id="").exists()


def test_without_a_key_it_stays_a_draft_and_says_so(acme: Any, settings: Any) -> None:
    settings.STRIPE_SECRET_KEY = ""
    invoice = draft_of(acme)
    with pytest.raises(StripeNotConfigured, match="Set STRIPE_SECRET_KEY"):
        invoice_send(invoice=invoice)
    invoice.refresh_from_db()
    assert (invoice.state, invoice.step, invoice.send_attempts) == ("draft", "local", 0)


def test_a_void_invoice_is_not_sent(stripe: Stripe, acme: Any) -> None:
    with pytest.raises(StripeRefused, match="is void"):
        invoice_send(invoice=draft_of(acme, state="void"))
    assert stripe.calls == []


@pytest.mark.django_db(transaction=True)
def test_one_process_at_a_time(stripe: Stripe, acme: Any) -> None:
    invoice = draft_of(acme)
    others: list[str] = []

    def again() -> None:
        try:
            invoice_send(invoice=Invoice.objects.get(pk=invoice.pk))
        except InvoiceBusy as error:
            others.append(str(error))
        finally:
            connection.close()

    def beside(call: str) -> None:
        """While the first one waits for its answer."""
        if call == "POST /v1/invoices":
            thread = threading.Thread(target=again)
            thread.start()
            thread.join(60)

    stripe.hook = beside
    invoice_send(invoice=invoice)
    assert others == [f"Invoice {invoice.number} is being sent at this moment."]
    assert stripe.count("invoice") == 1


CALLS = [
    r"GET /v1/customers/search",
    r"POST /v1/customers",
    r"GET /v1/customers/\w+/tax_ids",
    r"POST /v1/customers/\w+/tax_ids",
    r"GET /v1/invoices",
    r"POST /v1/invoices",
    r"GET /v1/invoiceitems",
    r"POST /v1/invoiceitems",
    r"GET /v1/invoices/\w+",
    r"POST /v1/invoices/\w+/finalize",
    r"POST /v1/invoices/\w+/send",
]


@pytest.mark.parametrize("forgotten", [False, True], ids=["keys", "keys_pruned"])
@pytest.mark.parametrize("kind", ["500", "500_after", "drop", "drop_after", "late_after", "429"])
@pytest.mark.parametrize("call", CALLS)
def test_an_outage_in_the_middle_of_any_call(stripe: Stripe, acme: Any, call: str, kind: Any, forgotten: bool) -> None:
    profile_of(acme, tax_id_type="eu_vat", tax_id="DE123456789")
    invoice = draft_of(acme)
    stripe.faults = [Fault(call, kind, times=2 if kind != "late_after" else 1, seconds=1.2)]
    with pytest.raises(MeridianError) if kind != "late_after" else _either():
        invoice_send(invoice=invoice)
    if forgotten:
        stripe.keys_prune()
    stripe.faults = []
    sent = _until_sent(invoice)
    assert (sent.state, sent.step, sent.total, sent.problem) == ("open", "finalized", Decimal(30), "")
    counts = {kind: stripe.count(kind) for kind in ("customer", "tax_id", "invoice", "invoiceitem")}
    assert counts == {"customer": 1, "tax_id": 1, "invoice": 1, "invoiceitem": 3}
    assert BillingProfile.objects.get().stripe_customer_id == stripe.state.rows("customer")[0]["id"]


def _either() -> Any:
    import contextlib

    return contextlib.suppress(MeridianError)


def _until_sent(invoice: Invoice) -> Invoice:
    """What the sweep does in time."""
    for _ in range(3):
        Invoice.objects.filter(pk=invoice.pk, send_again_at__isnull=False).update(send_again_at=timezone.now())
        invoices_resume()
        invoice.refresh_from_db()
        if invoice.sent_at:
            return invoice
    raise AssertionError(invoice.problem)


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("at", range(12))
@pytest.mark.parametrize("forgotten", [False, True], ids=["keys", "keys_pruned"])
def test_killed_after_any_answer_and_run_again(
    stripe: Stripe, acme: Any, monkeypatch: pytest.MonkeyPatch, at: int, forgotten: bool
) -> None:
    from apps.billing import stripe_calls

    invoice, asked, ask = draft_of(acme), iter(range(99)), stripe_calls._ask

    def dies(*args: Any, **options: Any) -> Any:
        answer = ask(*args, **options)
        if next(asked) == at:
            raise Killed
        return answer

    with monkeypatch.context() as patch:
        patch.setattr(stripe_calls, "_ask", dies)
        with pytest.raises(Killed):
            invoice_send(invoice=invoice)
    if forgotten:
        stripe.keys_prune()
        stripe.state.index()
    Invoice.objects.filter(pk=invoice.pk).update(sending_until=timezone.now())  # the lease runs out
    sent = _until_sent(invoice)
    assert (sent.state, sent.total) == ("open", Decimal(30))
    assert {kind: stripe.count(kind) for kind in ("customer", "invoice", "invoiceitem")} == {
        "customer": 1, "invoice": 1, "invoiceitem": 3,
    }  # fmt: skip


def test_two_tenants_get_two_customers(stripe: Stripe, acme: Any, globex: Any) -> None:
    one, two = invoice_send(invoice=draft_of(acme)), invoice_send(invoice=draft_of(globex))
    customers = [stripe.state.get("invoice", row.stripe_id)["customer"] for row in (one, two)]
    assert len(set(customers)) == 2


def test_a_tax_id_that_stripe_refuses_is_told_in_words(stripe: Stripe, acme: Any) -> None:
    profile_of(acme, tax_id_type="eu_vat", tax_id="123")
    invoice = draft_of(acme)
    with pytest.raises(StripeRefused, match="Correct it under Billing, Details"):
        invoice_send(invoice=invoice)
    invoice.refresh_from_db()
    assert invoice.send_again_at is None
    profile_of(acme, tax_id="DE123456789")
    assert invoice_send(invoice=invoice).state == "open"


def test_a_changed_tax_id_replaces_the_old_one(stripe: Stripe, acme: Any) -> None:
    profile_of(acme, tax_id_type="eu_vat", tax_id="DE123456789")
    first = invoice_send(invoice=draft_of(acme))
    for month, tax_id in ((11, "FR12345678901"), (12, "DE123456789"), (9, "")):
        profile_of(acme, tax_id=tax_id)
        invoice_send(invoice=draft_of(acme, month=first.month.replace(month=month)))
        assert [row["value"] for row in stripe.state.rows("tax_id")] == ([tax_id] if tax_id else [])


def test_a_wrong_key_is_named_and_not_shown(stripe: Stripe, acme: Any, settings: Any) -> None:
    settings.STRIPE_SECRET_KEY = "sk_live_wrong_and_secret"
    invoice = draft_of(acme)
    with pytest.raises(StripeRefused, match="does not accept STRIPE_SECRET_KEY") as caught:
        invoice_send(invoice=invoice)
    invoice.refresh_from_db()
    assert "sk_live" not in str(caught.value) + invoice.problem


def test_a_customer_deleted_at_stripe_is_made_anew(stripe: Stripe, acme: Any) -> None:
    first = invoice_send(invoice=draft_of(acme))
    stripe.state.tables["customer"].clear()
    second = invoice_send(invoice=draft_of(acme, month=first.month.replace(month=11)))
    assert second.state == "open"
    assert stripe.count("customer") == 1
