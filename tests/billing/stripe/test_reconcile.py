"""stripe_reconcile: in order it is silent; each thing that differs is a sentence, and only what is safe is taken over."""

from datetime import date
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from apps.billing import stripe_calls
from apps.billing.models import CreditNote, Invoice, InvoiceLine, Reconciliation
from apps.billing.services.reconcile import reconcile
from apps.billing.services.stripe_sync import invoice_send
from apps.billing.tasks_stripe import stripe_reconcile_task
from apps.core.ids import uuid7
from apps.tenants.models import User
from tests.billing.factories import bill_post, report_of
from tests.billing.stripe.factories import draft_of
from tests.standins.stripe import Fault, Stripe

pytestmark = pytest.mark.django_db


@pytest.fixture
def sent(stripe: Stripe, acme: Any) -> Invoice:
    """Without usage: there are no ledger entries behind it."""
    invoice = draft_of(acme)
    invoice.lines.update(kind=InvoiceLine.Kind.FEE)
    return invoice_send(invoice=invoice)


def run(*options: str) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("stripe_reconcile", *options, stdout=out)
    except CommandError as error:
        return error.returncode, out.getvalue() + str(error)
    return 0, out.getvalue()


def sentences() -> list[str]:
    return [f"{one.sentence} {one.todo}" for one in reconcile().differences]


def test_in_order_it_says_so_and_exits_with_0(sent: Invoice) -> None:
    assert run() == (0, "1 invoices compared, 0 differences.\n")
    assert run("--month", "2026-10") == (0, "1 invoices compared, 0 differences.\n")
    assert run("--month", "2026-09") == (0, "0 invoices compared, 0 differences.\n")
    record = Reconciliation.objects.first()
    assert record is not None and record.finished_at and (record.with_stripe, record.differences) == (True, [])


def test_a_lost_webhook_is_found_and_taken_over(stripe: Stripe, sent: Invoice) -> None:
    stripe.invoices.pay(sent.stripe_id, {})
    stripe.deliver(lambda body, header: 200, drop={"invoice.paid"})
    code, said = run()
    assert code == 1
    assert f"{sent.number} of Acme is open here and paid at Stripe. Run stripe_reconcile --fix-safe" in said
    assert f"{sent.number} of Acme has paid 0 USD here and 30 at Stripe." in said
    sent.refresh_from_db()
    assert sent.state == "open"
    code, said = run("--fix-safe")
    assert (code, said.count("Taken over: ")) == (0, 2)
    sent.refresh_from_db()
    assert (sent.state, sent.paid) == ("paid", Decimal(30))
    assert run()[0] == 0


def test_the_daily_one_takes_over_and_records(stripe: Stripe, sent: Invoice) -> None:
    stripe.invoices.pay(sent.stripe_id, {})
    assert stripe_reconcile_task() == 2
    record = Reconciliation.objects.get()
    assert [one["fixed"] for one in record.differences] == [True, True]
    assert Invoice.objects.get().state == "paid"


def test_a_credit_note_made_at_stripe_is_taken_over(stripe: Stripe, sent: Invoice) -> None:
    stripe.invoices.credit_note({"invoice": sent.stripe_id, "amount": "500"})
    assert f"{sent.number} of Acme has credit notes of 0 USD here and 5 at Stripe." in run()[1]
    assert run("--fix-safe")[0] == 0
    assert CreditNote.objects.get().amount == 5


def test_what_was_voided_here_alone(stripe: Stripe, sent: Invoice) -> None:
    Invoice.objects.update(state="void")
    assert sentences() == [
        f"{sent.number} of Acme is void here and open at Stripe. "
        "Void it at Stripe, or refund it there if it was paid: what was on it is invoiced anew here."
    ]
    assert run("--fix-safe")[0] == 1
    assert Invoice.objects.get().state == "void"


def test_an_amount_changed_here_is_never_taken_as_right(stripe: Stripe, sent: Invoice) -> None:
    Invoice.objects.update(total=Decimal(31))
    said = " ".join(sentences())
    assert "comes to 31 USD here and 30 at Stripe." in said
    assert "it is to be paid with 31 USD, and subtotal, credits and tax make 30 USD." in said


def test_one_that_stripe_does_not_have(stripe: Stripe, sent: Invoice) -> None:
    stripe.state.tables["invoice"].clear()
    assert "and Stripe does not have it. Was the key changed from test to live?" in sentences()[0]


def test_a_second_one_with_our_mark(stripe: Stripe, sent: Invoice) -> None:
    first = stripe.state.get("invoice", sent.stripe_id)
    stripe.invoices.create({"customer": first["customer"], "metadata": first["metadata"]})
    stripe.invoices.create({"customer": first["customer"], "metadata": {"meridian_invoice": str(uuid7())}})
    stripe.invoices.create({"customer": first["customer"]})
    said = sentences()
    assert len(said) == 2
    assert any(f"beside {sent.stripe_id} for {sent.number}. Delete it at Stripe." in one for one in said)
    assert any("there is no such invoice here. Delete it at Stripe." in one for one in said)


def test_a_draft_that_was_forgotten(stripe: Stripe, acme: Any) -> None:
    invoice = draft_of(acme, ("1.00",))
    assert sentences() == [f"{invoice.number} of Acme is a draft that was not sent. Send it, or void it."]


def test_one_whose_sending_goes_on_by_itself_is_no_difference(stripe: Stripe, acme: Any) -> None:
    stripe.faults = [Fault(r"POST /v1/invoices/\w+/finalize", "500", times=2)]
    with pytest.raises(Exception, match="tried again by itself"):
        invoice_send(invoice=draft_of(acme, ("1.00",)))
    assert sentences() == []


def test_ledger_and_lines_that_do_not_agree(stripe: Stripe, acme: Any) -> None:
    invoice = draft_of(acme, ("0.00", "5.00"))
    assert any("its lines of usage say 5 USD, and the ledger entries on it say 0 USD." in one for one in sentences())
    InvoiceLine.objects.filter(invoice=invoice).update(kind="fee", amount=Decimal(1))
    assert any("its lines add up to 2 USD, and it says 5 USD." in one for one in sentences())


def test_usage_of_a_month_that_was_never_invoiced(stripe: Stripe, acme: Any) -> None:
    assert bill_post(report_of()).status_code == 201
    code, said = run("--month", "2026-03")
    assert code == 1
    assert "Acme used" in said and "Run invoice_run --month 2026-03 --tenant acme." in said
    assert run("--month", "2026-02")[0] == 0


def test_an_outage_keeps_what_was_found(stripe: Stripe, sent: Invoice) -> None:
    stripe.faults = [Fault("GET /v1/invoices", "drop", times=2)]
    code, said = run()
    assert (code, "Stripe could not be compared to the end" in said) == (1, True)
    assert Reconciliation.objects.get().problem
    assert run()[0] == 0


def test_without_stripe_it_compares_ledger_and_invoices(acme: Any, settings: Any) -> None:
    settings.STRIPE_SECRET_KEY = ""
    draft_of(acme, ("0.00",))
    code, said = run()
    assert code == 1
    assert "is a draft, because Stripe is not configured here. Set STRIPE_SECRET_KEY and send it." in said
    assert "only ledger and invoices were compared" in said


def test_more_than_a_page(stripe: Stripe, acme: Any, globex: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stripe_calls, "PAGE", 2)
    for month in range(1, 6):
        invoice = draft_of(acme if month % 2 else globex, ("1.00", "2.00", "3.00"), month=date(2026, month, 1))
        invoice.lines.update(kind="fee")
        invoice_send(invoice=invoice)
    assert run() == (0, "5 invoices compared, 0 differences.\n")


def test_a_month_that_is_none(db: None) -> None:
    assert run("--month", "yesterday") == (1, "“yesterday” is not a month; write it as 2026-11.")


def test_the_platforms_staff_read_the_results(stripe: Stripe, sent: Invoice) -> None:
    stripe.invoices.pay(sent.stripe_id, {})
    reconcile()
    client = Client()
    client.force_login(User.objects.create_superuser("root@meridian.test", "x"))
    page = client.get("/admin/billing/reconciliation/", headers={"host": "localhost"}).content.decode()
    assert '<td class="field-found">2</td>' in page
    assert client.get("/admin/billing/dunningreminder/", headers={"host": "localhost"}).status_code == 200
