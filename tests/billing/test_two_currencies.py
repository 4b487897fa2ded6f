"""A company whose currency was changed: each currency has an invoice of its own, with everything on one of them, once."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.test import Client

from apps.billing.models import BillingProfile, Credit, Invoice, InvoicedEntry, OpenEntry, Plan, PlanInclusion
from apps.billing.selectors.reconcile import ledger_differences
from apps.billing.services import invoice_runs
from apps.billing.services.credits import credit_grant
from apps.billing.services.invoice_runs import Outcome, invoices_run, tenants_due
from apps.billing.services.invoices import invoice_draft, invoice_void
from apps.billing.services.stripe_sync import invoices_resume
from apps.billing.stripe_api import StripeRefused
from apps.billing.upcoming import upcoming_invoices
from apps.tenants.models import Tenant, User
from tests.billing.invoice_side import AFTER, NOVEMBER, adds_up, correct, entry_make, on_plan, told
from tests.billing.stripe.conftest import stripe as stripe

pytestmark = pytest.mark.django_db
D = Decimal
LAST = datetime(2026, 11, 30, 23, 59, tzinfo=UTC)
DECEMBER = date(2026, 12, 1)


@pytest.fixture(autouse=True)
def _after_november(db: None) -> Any:
    with time_machine.travel(AFTER, tick=False):
        yield


@pytest.fixture
def switched(acme: Tenant) -> Tenant:
    """Dollars until the middle of November, then euros; each with a plan of its own."""
    euro = Plan.objects.create(code="team-eur", name="Team Euro", fee=D(60), currency="EUR")
    PlanInclusion.objects.create(plan=euro, meter="call_minutes", quantity=D(100))
    on_plan(acme, "team", "2026-01-01", "2026-11-16")
    on_plan(acme, "team-eur", "2026-11-16")
    BillingProfile.objects.create(tenant=acme, currency="EUR")
    for day in ("2026-11-03", "2026-11-04"):
        entry_make(acme, "5.00", day, seconds="6000")
    entry_make(acme, "8.00", "2026-11-20", seconds="6000", currency="EUR")
    return acme


def rows(month: date = NOVEMBER) -> list[tuple[str, str, Decimal | None]]:
    return [(row.outcome.value, row.currency, row.total) for row in invoices_run(month=month).rows]


def test_each_currency_has_an_invoice_with_its_own_fees_and_minutes(switched: Tenant) -> None:
    assert rows() == [("drafted", "EUR", D("34.00")), ("drafted", "USD", D("27.00"))]
    euro, dollar = (Invoice.objects.get(currency=currency) for currency in ("EUR", "USD"))
    # Half of the month each: 150 of Team's 300 minutes on 200 minutes of $10, 50 of the other's 100 on 100 minutes of €8.
    assert told(dollar) == [("fee", "24.50"), ("usage", "10.00"), ("included", "-7.50")]
    assert told(euro) == [("fee", "30.00"), ("usage", "8.00"), ("included", "-4.00")]
    for invoice in (euro, dollar):
        adds_up(invoice)
    assert not OpenEntry.objects.exists()
    assert list(ledger_differences([euro, dollar], NOVEMBER)) == []


def test_run_again_it_makes_the_same(switched: Tenant) -> None:
    first = rows()
    keys = set(Invoice.objects.values_list("pk", "number"))
    assert rows() == first
    assert set(Invoice.objects.values_list("pk", "number")) == keys and InvoicedEntry.objects.count() == 3


def test_a_dry_run_tells_both_and_writes_none(switched: Tenant) -> None:
    report = invoices_run(month=NOVEMBER, dry_run=True)
    assert [(row.currency, row.total) for row in report.rows] == [("EUR", D("34.00")), ("USD", D("27.00"))]
    assert report.totals == {"EUR": D("34.00"), "USD": D("27.00")}
    assert not Invoice.objects.exists() and OpenEntry.objects.count() == 3


def test_what_comes_late_in_the_old_currency_is_on_its_next_invoice(switched: Tenant) -> None:
    rows()
    Invoice.objects.update(state="open", step="finalized")
    entry_make(switched, "1.50", "2026-11-10")
    entry_make(switched, "2.00", "2026-12-05", currency="EUR")
    assert {row[0] for row in rows()} == {"unchanged"}
    with time_machine.travel(datetime(2027, 1, 1, 3, tzinfo=UTC), tick=False):
        made = {currency: total for _outcome, currency, total in rows(DECEMBER)}
        assert rows(date(2026, 11, 1)) == [("unchanged", "EUR", D("34.00")), ("unchanged", "USD", D("27.00"))]
    # Of the 150 minutes nothing is left for the late one; in December the company's plan is the one in euros.
    assert made["EUR"] == D("60.00") and made["USD"] is not None and D(0) < made["USD"] <= D("1.50")
    assert not OpenEntry.objects.exists()
    assert not Invoice.objects.get(month=DECEMBER, currency="USD").lines.filter(kind="fee").exists()


def test_credits_are_of_their_own_currency(switched: Tenant) -> None:
    credit_grant(tenant=switched, amount=D(10), currency="USD", reason="Sorry", by="root@meridian.test")
    assert rows() == [("drafted", "EUR", D("34.00")), ("drafted", "USD", D("17.00"))]


def test_what_is_below_0_stays_in_its_currency(acme: Tenant) -> None:
    correct(entry_make(acme, "3.00"), "-5.00")
    entry_make(acme, "4.00", currency="EUR")
    assert rows() == [("settled", "USD", D("0.00")), ("drafted", "EUR", D("4.00"))]
    assert [(credit.amount, credit.currency) for credit in Credit.objects.all()] == [(D(2), "USD")]


def test_a_plan_that_was_left_in_the_old_currency_is_charged_in_it(acme: Tenant) -> None:
    """49 dollars are never 49 euros: the fee, and the minutes that it includes, go with the currency that it is sold in."""
    on_plan(acme, "team")
    entry_make(acme, "3.00")
    entry_make(acme, "7.00", currency="EUR")
    BillingProfile.objects.create(tenant=acme, currency="EUR")
    assert rows() == [("drafted", "EUR", D("7.00")), ("drafted", "USD", D("49.00"))]


def test_the_database_allows_one_of_each(switched: Tenant) -> None:
    rows()
    made = Invoice.objects.get(currency="USD")
    made.pk, made.number = None, "INV-2"
    with pytest.raises(IntegrityError), transaction.atomic():
        made.save(force_insert=True)


def test_one_that_is_void_is_made_anew_alone(switched: Tenant) -> None:
    rows()
    dollar = Invoice.objects.get(currency="USD")
    Invoice.objects.update(state="open", step="finalized")
    invoice_void(invoice=dollar)
    assert not [one for one in tenants_due() if one[0] == switched], "not by itself"
    again = invoice_draft(tenant=switched, month=NOVEMBER, currency="USD")
    assert again.total == D("27.00") and again.pk != dollar.pk
    assert rows()[0] == ("unchanged", "EUR", D("34.00"))


def test_one_that_stripe_refuses_holds_up_no_other(switched: Tenant, stripe: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    works = invoice_runs.invoice_send

    def picky(*, invoice: Invoice) -> Invoice:
        if invoice.currency == "EUR":
            raise StripeRefused("Stripe does not take euros.")
        return works(invoice=invoice)

    monkeypatch.setattr(invoice_runs, "invoice_send", picky)
    assert rows() == [("failed", "EUR", D("34.00")), ("sent", "USD", D("27.00"))]


def test_stripe_gets_one_customer_and_an_invoice_of_each(switched: Tenant, stripe: Any) -> None:
    assert {row[0] for row in rows()} == {"sent"}
    there = {row["currency"]: (row["customer"], row["total"]) for row in stripe.state.rows("invoice")}
    assert there["eur"][1] == 3400 and there["usd"][1] == 2700 and there["eur"][0] == there["usd"][0]


def test_a_run_that_ends_after_the_first_is_gone_on_with(switched: Tenant, stripe: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    works = invoice_runs.invoice_send

    class Killed(BaseException):
        pass

    def once(*, invoice: Invoice) -> Invoice:
        if invoice.currency == "USD":
            raise Killed
        return works(invoice=invoice)

    monkeypatch.setattr(invoice_runs, "invoice_send", once)
    with pytest.raises(Killed):
        invoices_run(month=NOVEMBER)
    assert stripe.count("invoice") == 1
    with time_machine.travel(datetime(2026, 12, 1, 3, 10, tzinfo=UTC), tick=False):
        assert invoices_resume() == 1
    assert set(Invoice.objects.values_list("state", flat=True)) == {"open"} and stripe.count("invoice") == 2


def test_the_next_invoices_so_far_are_what_the_run_makes(switched: Tenant) -> None:
    with time_machine.travel(LAST, tick=False):
        found = [(one.currency, one.total) for one in upcoming_invoices(switched)]
    assert [(currency, total) for _outcome, currency, total in rows()] == found == [("EUR", D("34.00")), ("USD", D("27.00"))]
    assert {row.outcome for row in invoices_run(month=NOVEMBER).rows} == {Outcome.DRAFTED}


def test_the_page_and_the_program_tell_both(switched: Tenant, client_for: Any, alice: User, charlie: User) -> None:
    with time_machine.travel(LAST, tick=False):
        page: Client = client_for(alice, "acme")
        said = " ".join(page.get("/billing/upcoming").content.decode().split())
        assert "€34.00" in said and "$27.00" in said and "In USD, on an invoice of its own" in said
        body = page.get("/api/v1/billing/invoices/upcoming").json()
        assert (body["currency"], body["total"]) == ("EUR", "34.000000")
        assert [(one["currency"], one["total"]) for one in body["others"]] == [("USD", "27.000000")]
        assert client_for(charlie, "acme").get("/billing/upcoming").status_code in (403, 404)
        theirs = client_for(charlie, "globex").get("/billing/upcoming").content.decode()
        assert "27.00" not in theirs and "34.00" not in theirs
