"""Drafts: what is on them, how they are worded, and that making them again changes nothing."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django_tenants.utils import tenant_context

from apps.billing import neighbours
from apps.billing.models import (
    BillingProfile,
    Credit,
    CreditNote,
    CreditUse,
    Invoice,
    InvoicedEntry,
    InvoiceLine,
    PriceOverride,
    PriceTier,
)
from apps.billing.services.credits import credit_grant, credit_note_create
from apps.billing.services.invoices import InvoiceRefused, NothingToInvoice, invoice_draft, invoice_settle, invoice_void
from apps.compass.models import Agent
from apps.core.errors import PermanentError
from apps.tenants.models import Tenant
from tests.billing.invoice_side import (
    AFTER,
    NOVEMBER,
    SALES,
    adds_up,
    at,
    book,
    correct,
    entry_make,
    on_plan,
    one,
    told,
)
from tests.compass.factories import agent_published

pytestmark = pytest.mark.django_db
D = Decimal


@pytest.fixture(autouse=True)
def _in_december() -> Any:
    with time_machine.travel(AFTER, tick=False):
        yield


def draft(tenant: Tenant, month: date = NOVEMBER) -> Invoice:
    invoice = invoice_draft(tenant=tenant, month=month)
    adds_up(invoice)
    return invoice


def test_lines_by_source_agent_and_channel(acme: Tenant) -> None:
    entry_make(acme, "0.104000", seconds="61.4")
    entry_make(acme, "0.203000", seconds="120")
    entry_make(acme, "0.500000", channel="sip")
    entry_make(acme, "0.310000", agent_id=SALES)
    entry_make(acme, "0.002000", source="turn")
    entry_make(acme, "0.050000", source="message")
    entry_make(acme, "0.000120", source="knowledge", agent_id=None, channel="")
    invoice = draft(acme)
    assert [(line.source_type, line.channel, line.entries, line.exact) for line in invoice.lines.all()] == [
        ("call", "sip", 1, D("0.500000")),
        ("call", "webrtc", 2, D("0.307000")),
        ("call", "webrtc", 1, D("0.310000")),
        ("turn", "whatsapp", 1, D("0.002000")),
        ("message", "whatsapp", 1, D("0.050000")),
        ("knowledge", "", 1, D("0.000120")),
    ]
    assert invoice.total == D("1.17") and invoice.currency == "USD" and invoice.number == "INV-0000001"
    calls = invoice.lines.all()[1]
    assert (calls.quantity, calls.unit) == (D("3.023333"), "minute")
    assert calls.details["parts"]["platform"] == "0.307000" and calls.details["things"] == 2


def test_lines_name_the_agent(acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "_agents", [lambda ids: dict(Agent.objects.filter(pk__in=ids).values_list("pk", "name"))])
    with tenant_context(acme):
        agent = agent_published()
    entry_make(acme, "1", agent_id=agent.pk, channel="sip")
    entry_make(acme, "1", source="turn")
    words = [line.description for line in draft(acme).lines.all()]
    assert words == [f"{agent.name}: calls by phone", "Answers in chat"]


def test_another_tenants_usage_is_not_on_it(acme: Tenant, globex: Tenant) -> None:
    entry_make(globex, "5")
    entry_make(acme, "1")
    assert draft(acme).total == D(1)
    assert draft(globex).total == D(5)


def test_the_month_is_the_tenants_own(acme: Tenant) -> None:
    acme.timezone = "America/New_York"
    inside, outside = entry_make(acme, "1", "2026-12-01T04:59"), entry_make(acme, "2", "2026-12-01T05:00")
    with time_machine.travel(datetime(2026, 12, 2, tzinfo=UTC), tick=False):
        invoice = draft(acme)
    assert (invoice.period_start, invoice.period_end) == (at("2026-11-01T04:00"), at("2026-12-01T05:00"))
    assert [row.entry_id for row in invoice.invoiced.all()] == [inside.pk] and outside.pk


def test_a_month_that_runs_is_refused(acme: Tenant) -> None:
    entry_make(acme, "1")
    acme.timezone = "Pacific/Pago_Pago"
    with pytest.raises(InvoiceRefused, match="November 2026 is not over in Pacific/Pago_Pago"):
        invoice_draft(tenant=acme, month=NOVEMBER)
    assert not Invoice.objects.exists()


def test_what_comes_late_is_on_the_next(acme: Tenant) -> None:
    entry_make(acme, "1")
    first = draft(acme)
    invoice_settle_as_sent(first)
    late = entry_make(acme, "0.70", "2026-11-30T23:59")
    entry_make(acme, "2", "2026-12-05")
    with time_machine.travel(datetime(2027, 1, 1, 3, tzinfo=UTC), tick=False):
        second = draft(acme, date(2026, 12, 1))
    assert second.total == D("2.70") and second.number == "INV-0000002"
    assert second.invoiced.filter(entry=late).exists()
    assert "with some from November 2026 that came late" in second.lines.get().description


def invoice_settle_as_sent(invoice: Invoice) -> None:
    Invoice.objects.filter(pk=invoice.pk).update(state="open", step="finalized", stripe_id=f"in_{invoice.number}")


def test_made_anew_it_is_the_same(acme: Tenant) -> None:
    on_plan(acme, "team")
    for _ in range(3):
        entry_make(acme, "0.333333")
    credit_grant(tenant=acme, amount=D(3), currency="USD", reason="Sorry", by="root@meridian.test")
    first, lines = draft(acme), told(draft(acme))
    again = draft(acme)
    assert (again.pk, again.number, again.total, told(again)) == (first.pk, first.number, first.total, lines)
    assert Invoice.objects.count() == 1 and CreditUse.objects.count() == 1
    entry_make(acme, "9")
    assert draft(acme).total == first.total  # 300 minutes are included, so that it is covered
    assert draft(acme).lines.get(kind="usage").entries == 4


def test_once_sent_it_stays(acme: Tenant) -> None:
    entry_make(acme, "1")
    invoice = draft(acme)
    for values in ({"step": "customer"}, {"state": "open", "step": "finalized"}, {"step": "local", "state": "paid"}):
        Invoice.objects.filter(pk=invoice.pk).update(**values)
        with pytest.raises(InvoiceRefused, match="was sent already"):
            invoice_draft(tenant=acme, month=NOVEMBER)


def test_nothing_to_invoice_leaves_no_trace_and_no_hole(acme: Tenant, globex: Tenant) -> None:
    on_plan(globex, "starter")
    entry_make(globex, "0", source="message")
    for tenant in (acme, globex):
        with pytest.raises(NothingToInvoice):
            invoice_draft(tenant=tenant, month=NOVEMBER)
    assert not Invoice.objects.exists() and not InvoicedEntry.objects.exists()
    entry_make(acme, "1")
    assert draft(acme).number == "INV-0000001"


def test_a_draft_that_comes_to_nothing_stays_as_a_draft_of_nothing(acme: Tenant) -> None:
    row = on_plan(acme, "team")
    first = draft(acme)
    row.delete()
    again = draft(acme)
    assert (again.pk, again.number, again.total) == (first.pk, first.number, D(0))


@pytest.mark.parametrize(
    ("currency", "costs", "total", "amounts"),
    [
        ("USD", ["0.333333", "0.333333", "0.333334"], "1.00", ["0.33", "0.33", "0.34"]),
        ("JPY", ["10.4", "10.4", "10.4"], "31", ["11", "10", "10"]),
        ("KWD", ["1.0049", "1.0049", "1.0049"], "3.01", ["1.01", "1.00", "1.00"]),
        ("USD", ["0.002", "0.001", "0.001"], "0.00", ["0.00", "0.00", "0.00"]),
    ],
)
def test_lines_add_up_in_every_currency(acme: Tenant, currency: str, costs: list[str], total: str, amounts: list[str]) -> None:
    BillingProfile.objects.create(tenant=acme, currency=currency)
    for source, cost in zip(("call", "turn", "message"), costs, strict=True):
        entry_make(acme, cost, source=source, currency=currency)
    invoice = draft(acme)
    assert invoice.total == D(total) and [line.amount for line in invoice.lines.all()] == [D(one) for one in amounts]


def test_fees_and_seats_by_the_day(acme: Tenant) -> None:
    on_plan(acme, "team", "2026-01-01", "2026-11-11", seats=7)
    on_plan(acme, "business", "2026-11-11")
    invoice = draft(acme)
    assert told(invoice) == [
        ("fee", "16.34"),
        ("seats", "8.00"),
        ("fee", "199.33"),
    ]  # the cent that is missing goes to the first of equals
    words = [line.description for line in invoice.lines.all()]
    assert words[0] == "Team, 1 November to 10 November 2026 (10 of 30 days)"
    assert words[1].startswith("2 seats above the 5 of Team, 1 November")
    assert invoice.lines.all()[2].details["fee_days"] == 20


def test_no_fee_in_a_trial(acme: Tenant) -> None:
    on_plan(acme, "team", "2026-11-01", trial_until=date(2026, 11, 16))
    invoice = draft(acme)
    assert told(invoice) == [("fee", "24.50")]
    assert "16 November to 30 November 2026 (15 of 30 days)" in one(invoice, "fee").description


def test_included_minutes_cover_the_first_calls_and_the_last_in_part(acme: Tenant) -> None:
    on_plan(acme, "starter")  # 30 minutes
    entry_make(acme, "4.00", "2026-11-20", seconds="1200")  # half of it is covered
    entry_make(acme, "1.00", "2026-11-02", seconds="600")
    entry_make(acme, "2.00", "2026-11-03", seconds="600")
    entry_make(acme, "8.00", "2026-11-21", seconds="600")
    line = one(invoice := draft(acme), "included")
    assert line.exact == D("-5.000000") and line.quantity == 30 and line.unit == "call_minutes"
    assert line.details["included"] == "30" and line.description == "Included in the plan: 30 call minutes of November 2026"
    assert invoice.total == D("10.00")


def test_included_answers_and_messages(acme: Tenant) -> None:
    on_plan(acme, "starter")  # 200 answers, 50 messages
    for number in range(52):
        entry_make(acme, "0.10", f"2026-11-10T10:{number:02}", source="message")
    entry_make(acme, "0.00", "2026-11-01", source="message")  # free ones use nothing up
    entry_make(acme, "0.01", source="turn")
    invoice = draft(acme)
    lines = {line.details["key"]: (line.exact, line.quantity) for line in invoice.lines.filter(kind="included")}
    assert lines == {"messages": (D(-5), 50), "ai_turns": (D("-0.01"), 1)}
    assert invoice.total == D("0.20")


@pytest.mark.parametrize("late", [0, 1, 2])
def test_included_minutes_come_out_the_same_in_whatever_order_calls_arrive(acme: Tenant, late: int) -> None:
    """The third of them arrives after the month was invoiced; together both invoices give what one would have."""
    on_plan(acme, "starter", end="2026-12-01")
    calls = [("1.00", "2026-11-02"), ("2.00", "2026-11-03"), ("4.00", "2026-11-04")]  # each 20 of 30 minutes
    for number, (cost, day) in enumerate(calls):
        if number != late:
            entry_make(acme, cost, day, seconds="1200")
    invoice_settle_as_sent(first := draft(acme))
    entry_make(acme, *calls[late], seconds="1200")
    with time_machine.travel(datetime(2027, 1, 1, 3, tzinfo=UTC), tick=False):
        second = draft(acme, date(2026, 12, 1))
    lines = InvoiceLine.objects.filter(kind="included", invoice__in=[first, second])
    assert sum(line.exact for line in lines) == -(D("1.00") + D("1.00"))
    assert first.total + second.total == D("5.00")


def test_a_correction_counts_for_the_month_of_its_entry(acme: Tenant) -> None:
    on_plan(acme, "starter", end="2026-12-01")
    entry = entry_make(acme, "1.00", seconds="600")
    invoice_settle_as_sent(first := draft(acme))
    assert first.total == 0
    correct(entry, "0.50")
    with time_machine.travel(datetime(2027, 1, 1, 3, tzinfo=UTC), tick=False):
        second = draft(acme, date(2026, 12, 1))
    assert told(second) == [("usage", "0.50"), ("included", "-0.50")]
    assert "corrections of earlier usage" in second.lines.all()[0].description.lower()


def test_unpriced_usage_is_invoiced_as_far_as_it_is_known(acme: Tenant) -> None:
    entry = entry_make(acme, "1.00", total=None)
    line = one(draft(acme), "usage")
    assert line.exact == 1 and line.details["unpriced"] == 1
    correct(entry, "0.25", total=D("0.25"))
    assert draft(acme).total == D("1.25")


def tiered(above: str, price: str) -> None:
    price_row = book().prices.get(kind="stt", provider="deepgram", model="nova-3")
    PriceTier.objects.create(price=price_row, above=D(above), unit_price=D(price))


def heard(tenant: Tenant, minutes: int, when: str = "2026-11-05", *, model: str = "nova-3", **values: Any) -> Any:
    """A call with so many minutes of speech to text, at the book's 0.0077 a minute."""
    cost = str(D("0.0077") * minutes)
    line = {"kind": "stt", "provider": "deepgram", "model": model, "quantities": {"seconds": str(minutes * 60)}, "amount": cost}
    return entry_make(tenant, cost, when, seconds=str(minutes * 60), lines=[line], price_book=book(), **values)


def test_volume_prices_count_what_is_above(acme: Tenant) -> None:
    tiered("100", "0.005")
    tiered("1000", "0.004")
    heard(acme, 600)
    heard(acme, 600, "2026-11-06")
    heard(acme, 600, "2026-11-06", model="nova-2")
    line = one(draft(acme), "tier")
    assert line.exact == -(900 * D("0.0027") + 200 * D("0.0037"))
    assert line.quantity == 1200 and line.unit == "minute" and "nova-3 of deepgram" in line.description
    assert line.details["tiers"][0] == {"above": "100", "price": "0.005"}


def test_volume_prices_save_nothing_on_what_the_plan_covers(acme: Tenant) -> None:
    tiered("100", "0.005")
    on_plan(acme, "team")  # 300 minutes
    heard(acme, 400)
    invoice = draft(acme)
    assert one(invoice, "included").exact == D("-2.31")
    assert one(invoice, "tier").exact == -(100 * D("0.0027"))  # of the 300 above the tier, 200 are covered


def test_volume_prices_come_out_the_same_over_two_invoices(acme: Tenant) -> None:
    tiered("100", "0.005")
    heard(acme, 90)
    invoice_settle_as_sent(first := draft(acme))
    assert not first.lines.filter(kind="tier").exists()
    heard(acme, 90, "2026-11-20")
    with time_machine.travel(datetime(2027, 1, 1, 3, tzinfo=UTC), tick=False):
        second = draft(acme, date(2026, 12, 1))
    assert one(second, "tier").exact == -(80 * D("0.0027"))


def test_a_price_of_ones_own_has_no_tiers(acme: Tenant) -> None:
    tiered("100", "0.005")
    values = {"kind": "stt", "provider": "deepgram", "model": "nova-3", "unit": "minute", "price": D("0.001")}
    PriceOverride.objects.create(tenant=acme, effective_from=at("2026-11-10"), **values)
    heard(acme, 200)
    heard(acme, 200, "2026-11-20")
    assert one(draft(acme), "tier").quantity == 200


def test_credits_are_used_oldest_first_and_never_below_nothing(acme: Tenant) -> None:
    old = credit_grant(tenant=acme, amount=D("2.00"), currency="USD", reason="Sorry", by="root@meridian.test")
    new = credit_grant(tenant=acme, amount=D("5.00"), currency="USD", reason="Welcome", by="root@meridian.test")
    entry_make(acme, "3.50")
    invoice = draft(acme)
    assert dict(CreditUse.objects.values_list("credit", "amount")) == {old.pk: D("2.00"), new.pk: D("1.50")}
    assert (invoice.subtotal, invoice.credits, invoice.total) == (D("3.50"), D("3.50"), D(0))
    assert [line.description for line in invoice.lines.filter(kind="credit")] == ["Credit: Sorry", "Credit: Welcome"]
    invoice_settle_as_sent(invoice)
    entry_make(acme, "10", "2026-12-05")
    with time_machine.travel(datetime(2027, 1, 1, 3, tzinfo=UTC), tick=False):
        assert draft(acme, date(2026, 12, 1)).credits == D("3.50")


def test_which_credits_do_not_count(acme: Tenant, globex: Tenant) -> None:
    with time_machine.travel(datetime(2026, 10, 1, tzinfo=UTC), tick=False):
        for tenant, currency, until in (
            (acme, "USD", "2026-10-31"),
            (acme, "EUR", None),
            (globex, "USD", None),
            (acme, "USD", "2026-11-02"),  # it is over by now, and counts for its last month
        ):
            expires = at(until) if until else None
            credit_grant(tenant=tenant, amount=D(1), currency=currency, reason="x", by="root@m.test", expires_at=expires)
    entry_make(acme, "9")
    assert draft(acme).credits == 1


def test_what_comes_out_below_nothing_is_carried_over(acme: Tenant) -> None:
    entry = entry_make(acme, "5", "2026-10-05")
    with time_machine.travel(datetime(2026, 11, 1, 3, tzinfo=UTC), tick=False):
        invoice_settle_as_sent(draft(acme, date(2026, 10, 1)))
    correct(entry, "-3.20")
    entry_make(acme, "1")
    invoice = draft(acme)
    assert (invoice.subtotal, invoice.total) == (D("-2.20"), D(0))
    assert Credit.objects.get().amount == D("2.20") and Credit.objects.get().carried_from == invoice
    draft(acme)
    assert Credit.objects.count() == 1
    entry_make(acme, "4", "2026-12-05")
    with time_machine.travel(datetime(2027, 1, 1, 3, tzinfo=UTC), tick=False):
        assert draft(acme, date(2026, 12, 1)).total == D("1.80")
    with pytest.raises(PermanentError, match="is used by INV-0000003"):
        invoice_void(invoice=invoice)


def test_a_void_one_frees_its_entries_and_credits(acme: Tenant) -> None:
    credit = credit_grant(tenant=acme, amount=D(1), currency="USD", reason="Sorry", by="root@meridian.test")
    entry_make(acme, "3")
    invoice_settle_as_sent(first := draft(acme))
    invoice_void(invoice=first)
    invoice_void(invoice=first)
    assert not InvoicedEntry.objects.exists() and not credit.uses.exists()
    second = draft(acme)
    assert (second.number, second.total) == ("INV-0000002", D(2))
    first.refresh_from_db()
    assert first.state == "void" and first.lines.count() == 2


def test_what_was_taken_back_of_a_void_one_is_not_charged_again(acme: Tenant) -> None:
    entry_make(acme, "10")
    invoice_settle_as_sent(first := draft(acme))
    for amount in ("2.50", "1.00"):
        credit_note_create(invoice=first, amount=D(amount), reason="The line was bad", by="root@meridian.test")
    assert invoice_void(invoice=first).state == invoice_void(invoice=first).state == "void"
    credit = Credit.objects.get()
    assert (credit.amount, credit.currency, credit.carried_from) == (D("3.50"), "USD", first)
    second = draft(acme)
    assert (second.subtotal, second.total) == (D(10), D("6.50"))
    assert one(second, "credit").description == "Credit: CN-0000001, CN-0000002, of INV-0000001, which was voided"
    assert draft(acme).total == D("6.50") and Credit.objects.count() == 1
    invoice_settle_as_sent(second)
    invoice_void(invoice=second)
    assert draft(acme).total == D("6.50"), "also when the next one is voided too"


def test_what_was_taken_back_of_a_void_one_is_without_its_tax(acme: Tenant) -> None:
    entry_make(acme, "100")
    invoice_settle_as_sent(first := draft(acme))
    Invoice.objects.filter(pk=first.pk).update(tax=D(19), total=D(119))
    credit_note_create(invoice=first, amount=D("11.90"), reason="The line was bad", by="root@meridian.test")
    invoice_void(invoice=first)
    assert draft(acme).total == D(90), "with 19 percent 107.10, which is 119 less 11.90"


def test_a_void_one_without_credit_notes_leaves_no_credit(acme: Tenant) -> None:
    entry_make(acme, "10")
    invoice_settle_as_sent(first := draft(acme))
    note = credit_note_create(invoice=first, amount=D(4), reason="The line was bad", by="root@meridian.test")
    CreditNote.objects.filter(pk=note.pk).update(voided_at=AFTER)
    Invoice.objects.filter(pk=first.pk).update(credited=0)
    invoice_void(invoice=first)
    assert not Credit.objects.exists() and draft(acme).total == 10


def test_a_paid_one_cannot_be_void(acme: Tenant) -> None:
    entry_make(acme, "3")
    invoice = draft(acme)
    Invoice.objects.update(state="paid", step="finalized")
    with pytest.raises(InvoiceRefused, match="credit note"):
        invoice_void(invoice=invoice)


def test_one_that_comes_out_at_nothing_is_settled(acme: Tenant) -> None:
    on_plan(acme, "starter")
    entry_make(acme, "1")
    invoice = draft(acme)
    assert invoice_settle(invoice=invoice).state == "paid"
    assert invoice_void(invoice=invoice).state == "void"
    entry_make(acme, "9", seconds="9000")
    with pytest.raises(InvoiceRefused, match="to be paid"):
        invoice_settle(invoice=draft(acme))


def test_credit_notes_never_exceed_what_is_left(acme: Tenant) -> None:
    entry_make(acme, "10")
    invoice = draft(acme)
    give = {"reason": "Two calls too many", "by": "root@meridian.test"}
    with pytest.raises(PermanentError, match="is draft"):
        credit_note_create(invoice=invoice, amount=D(1), **give)
    invoice_settle_as_sent(invoice)
    note = credit_note_create(invoice=invoice, amount=D("6.50"), **give)
    assert note.number == "CN-0000001"
    with pytest.raises(PermanentError, match=r"3.5 USD are left of INV-0000001"):
        credit_note_create(invoice=invoice, amount=D("3.51"), **give)
    assert credit_note_create(invoice=invoice, amount=D("3.50"), **give).number == "CN-0000002"
    invoice.refresh_from_db()
    assert invoice.credited == 10


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"amount": D(0)}, "above 0"),
        ({"amount": D("-1")}, "above 0"),
        ({"amount": D("0.001")}, "cannot be paid"),
        ({"amount": D("0.5"), "currency": "JPY"}, "go by 1"),
        ({"reason": " "}, "what the credit is for"),
        ({"expires_at": at("2026-11-30")}, "be over already"),
    ],
)
def test_a_credit_that_cannot_be_given(acme: Tenant, values: dict[str, Any], sentence: str) -> None:
    given = {"amount": D(1), "currency": "USD", "reason": "Sorry", "by": "root@meridian.test", **values}
    with pytest.raises(PermanentError, match=sentence):
        credit_grant(tenant=acme, **given)
