"""The journal of a month: every document is in balance, and over all months receivables are what is outstanding."""

import csv
import io
from collections import defaultdict
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from apps.billing.models import BankTransfer, CreditNote, Invoice, InvoiceLine
from apps.billing.selectors.staff.journal import Posting, journal_postings
from apps.tenants.models import Tenant, User
from tests.billing.stripe.factories import draft_of
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db
D = Decimal
NOVEMBER, DECEMBER = date(2026, 11, 1), date(2026, 12, 1)
MONTHS = (NOVEMBER, DECEMBER, date(2027, 1, 1))


def on(day: int, month: int = 11) -> datetime:
    return datetime(2026, month, day, 9, tzinfo=UTC)


def invoice_of(tenant: Tenant, **values: Any) -> Invoice:
    """A fee of 49.00, usage of 20.00, a credit of 5.00 and 12.16 of tax: 76.16."""
    amounts = {"subtotal": D(69), "credits": D(5), "tax": D("12.16"), "total": D("76.16")}
    sent = {"state": "open", "step": "finalized", "finalized_at": on(1), "sent_at": on(1)}
    invoice = draft_of(tenant, ("49.00", "20.00", "-5.00"), **{**amounts, **sent, **values})
    invoice.lines.filter(position=2).update(kind=InvoiceLine.Kind.CREDIT)
    return invoice


def note_of(invoice: Invoice, amount: str, at: datetime, **values: Any) -> CreditNote:
    number = f"CN-{CreditNote.objects.count() + 1}"
    note = CreditNote.objects.create(invoice=invoice, number=number, amount=D(amount), reason="The line was bad.", **values)
    CreditNote.objects.filter(pk=note.pk).update(created_at=at)
    Invoice.objects.filter(pk=invoice.pk).update(credited=D(amount))
    return note


def booked(month: date = NOVEMBER) -> dict[tuple[str, str], dict[str, Decimal]]:
    """Signed amounts (debit above 0) by event and document; each pair is in balance."""
    found: dict[tuple[str, str], dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for row in journal_postings(month):
        found[row.event, row.document][row.account] += row.debit - row.credit
    assert all(sum(amounts.values()) == 0 for amounts in found.values())
    return {key: dict(amounts) for key, amounts in found.items()}


def receivables() -> Decimal:
    rows: list[Posting] = [row for month in MONTHS for row in journal_postings(month) if row.account == "receivables"]
    return sum((row.debit - row.credit for row in rows), D(0))


def test_an_invoice_is_revenue_by_kind_tax_and_a_receivable(acme: Tenant) -> None:
    one = invoice_of(acme)
    expected = {
        "receivables": D("76.16"), "revenue_fees": D(-49), "revenue_usage": D(-20), "credits_given": D(5),
        "tax_payable": D("-12.16"),
    }  # fmt: skip
    assert booked() == {("invoice", one.number): expected}
    assert booked(DECEMBER) == {}
    assert receivables() == D("76.16")


def test_a_draft_is_not_booked(acme: Tenant) -> None:
    draft_of(acme)
    assert booked() == {}


@pytest.mark.parametrize(
    ("moment", "month"),
    [
        (datetime(2026, 10, 31, 23, 59, 59, 999999, UTC), None),
        (datetime(2026, 11, 1, tzinfo=UTC), NOVEMBER),
        (datetime(2026, 11, 30, 23, 59, 59, 999999, UTC), NOVEMBER),
        (datetime(2026, 12, 1, tzinfo=UTC), DECEMBER),
    ],
)
def test_months_meet_without_a_gap(acme: Tenant, moment: datetime, month: date | None) -> None:
    invoice_of(acme, finalized_at=moment)
    assert [one for one in (NOVEMBER, DECEMBER) if booked(one)] == ([month] if month else [])


def test_a_payment_by_stripe(acme: Tenant) -> None:
    one = invoice_of(acme, state="paid", paid=D("76.16"), paid_at=on(3, 12))
    assert booked(DECEMBER) == {("payment", one.number): {"stripe": D("76.16"), "receivables": D("-76.16")}}
    assert receivables() == 0


def test_a_payment_by_bank_transfer_beside_a_part_by_stripe(acme: Tenant) -> None:
    one = invoice_of(acme, state="paid", paid=D("76.16"), paid_at=on(3))
    values = {"invoice": one, "reference": "ACME 1", "by": "root@meridian.test", "state_before": "open"}
    BankTransfer.objects.create(amount=D(70), received_on=date(2026, 11, 2), undone_at=on(3), **values)
    BankTransfer.objects.create(amount=D(60), applied=D(60), received_on=date(2026, 11, 3), **values)
    assert booked()["payment", one.number] == {"bank": D(60), "stripe": D("16.16"), "receivables": D("-76.16")}


def test_transfers_are_booked_on_the_banks_day_each(acme: Tenant) -> None:
    """A part in November, more than the rest in December, of which the bank sends back what is too much."""
    one = invoice_of(acme, state="paid", paid=D("76.16"), paid_at=on(2, 12))
    values = {"invoice": one, "reference": "ACME 1", "by": "root@meridian.test", "state_before": "open"}
    BankTransfer.objects.create(amount=D(70), applied=D(70), received_on=date(2026, 11, 9), **values)
    late = BankTransfer.objects.create(amount=D(10), applied=D("6.16"), received_on=date(2026, 12, 2), **values)
    assert booked()["payment", one.number] == {"bank": D(70), "receivables": D(-70)}
    assert booked(DECEMBER) == {
        ("payment", one.number): {"bank": D(10), "receivables": D("-6.16"), "overpayments": D("-3.84")}
    }  # fmt: skip
    BankTransfer.objects.filter(pk=late.pk).update(ended_on=date(2026, 12, 20))
    assert booked(DECEMBER)["payment_returned", one.number] == {"overpayments": D("3.84"), "bank": D("-3.84")}
    assert receivables() == 0


def test_a_part_of_a_void_invoice_is_an_overpayment(acme: Tenant) -> None:
    one = invoice_of(acme, state="void", paid=D(70), voided_at=on(4, 12))
    values = {"invoice": one, "reference": "ACME 1", "by": "root@meridian.test", "state_before": "open"}
    BankTransfer.objects.create(amount=D(70), applied=D(70), received_on=date(2026, 11, 9), **values)
    assert booked(DECEMBER)["void", one.number]["overpayments"] == D(-70)
    assert receivables() == 0


def test_what_comes_after_giving_up_is_a_loss_no_more(acme: Tenant) -> None:
    one = invoice_of(acme, state="paid", paid=D("76.16"), written_off_at=on(2), paid_at=on(20, 12))
    values = {"invoice": one, "reference": "ACME 1", "by": "root@meridian.test", "state_before": "uncollectible"}
    BankTransfer.objects.create(amount=D(70), applied=D(70), received_on=date(2026, 11, 9), **values)
    BankTransfer.objects.create(amount=D("6.16"), applied=D("6.16"), received_on=date(2026, 12, 20), **values)
    BankTransfer.objects.update(at=on(21, 12))
    assert booked()["write_off", one.number]["bad_debt"] == D("76.16")
    assert booked()["write_off_void", one.number]["bad_debt"] == D(-70)
    assert booked(DECEMBER)["write_off_void", one.number]["bad_debt"] == D("-6.16")
    assert receivables() == 0


def test_a_credit_note_takes_its_share_of_the_tax_back(acme: Tenant) -> None:
    one = invoice_of(acme)
    note = note_of(one, "11.90", on(5))
    assert booked()["credit_note", note.number] == {
        "credit_notes": D("10.00"), "tax_payable": D("1.90"), "receivables": D("-11.90")
    }  # fmt: skip
    assert receivables() == D("64.26")


def test_of_what_is_paid_it_becomes_the_customers_credit(acme: Tenant) -> None:
    one = invoice_of(acme, state="paid", paid=D("76.16"), paid_at=on(3))
    note = note_of(one, "11.90", on(5), after_payment=D("11.90"))
    assert booked()["credit_note", note.number]["customer_balances"] == D("-11.90")
    assert receivables() == 0


def test_credit_at_stripe_that_an_invoice_used(acme: Tenant) -> None:
    one = invoice_of(acme, balance=D("6.16"))
    assert booked()["invoice", one.number]["receivables"] == 70
    assert booked()["invoice", one.number]["customer_balances"] == D("6.16")


def test_a_void_credit_note_is_turned_round(acme: Tenant) -> None:
    one = invoice_of(acme)
    note = note_of(one, "11.90", on(5), voided_at=on(2, 12))
    Invoice.objects.update(credited=0)
    assert booked(DECEMBER)["credit_note_void", note.number]["receivables"] == D("11.90")
    assert receivables() == D("76.16")


def test_a_void_invoice_leaves_nothing(acme: Tenant) -> None:
    one = invoice_of(acme, state="void", voided_at=on(4, 12))
    note_of(one, "11.90", on(5))
    events = set(booked(DECEMBER))
    assert events == {("void", one.number), ("void", "CN-1")}
    assert receivables() == 0


def test_written_off_and_paid_after_all(acme: Tenant) -> None:
    one = invoice_of(acme, state="uncollectible", written_off_at=on(20))
    assert booked()["write_off", one.number] == {"bad_debt": D("76.16"), "receivables": D("-76.16")}
    assert receivables() == 0
    Invoice.objects.update(state="paid", paid=D("76.16"), paid_at=on(9, 12))
    assert booked(DECEMBER)["write_off_void", one.number] == {"receivables": D("76.16"), "bad_debt": D("-76.16")}
    assert receivables() == 0


def test_lines_that_do_not_add_up_are_seen(acme: Tenant) -> None:
    one = invoice_of(acme)
    one.lines.filter(position=1).update(amount=D(21))
    assert booked()["invoice", one.number]["unexplained"] == D(1)


def test_staff_take_it_away_as_csv(client_for: Any, acme: Tenant) -> None:
    Tenant.objects.filter(pk=acme.pk).update(name="=cmd()")
    one = invoice_of(acme, state="paid", paid=D("76.16"), paid_at=on(3))
    client: Client = client_for(User.objects.create_superuser("root@meridian.test", PASSWORD, name="Root"), "")
    answer = client.get("/staff/revenue/journal?month=2026-11-01")
    assert "journal-2026-11.csv" in answer["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))  # type: ignore[attr-defined]
    assert sum(D(row["debit"]) for row in rows) == sum(D(row["credit"]) for row in rows) > 0
    assert {row["invoice"] for row in rows} == {one.number} and {row["name"] for row in rows} == {"'=cmd()"}
    assert {(row["service_month"], row["currency"]) for row in rows} == {("2026-10", "USD")}
    assert ("2026-11-03", "stripe", "76.16", "0.00") in [(r["date"], r["account"], r["debit"], r["credit"]) for r in rows]


def test_whole_yen_have_no_places(client_for: Any, acme: Tenant) -> None:
    draft = draft_of(acme, ("1200",), currency="JPY", state="open", finalized_at=on(1))
    client: Client = client_for(User.objects.create_superuser("root@meridian.test", PASSWORD, name="Root"), "")
    answer = client.get("/staff/revenue/journal?month=2026-11-01")
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))  # type: ignore[attr-defined]
    assert [(row["document"], row["debit"], row["credit"]) for row in rows] == [
        (draft.number, "1200", "0"),
        (draft.number, "0", "1200"),
    ]


@pytest.mark.parametrize("email", ["alice@acme.test", "charlie@globex.test"])
def test_companies_do_not_see_it(client_for: Any, email: str) -> None:
    assert client_for(User.objects.get(email=email), "").get("/staff/revenue/journal").status_code == 404
