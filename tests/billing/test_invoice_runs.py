"""The monthly run: who is in it, what it says, and that it can break off anywhere and be begun again."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from apps.billing import tasks
from apps.billing.models import Credit, CreditUse, Invoice, InvoicedEntry, InvoiceLine, Plan, PriceTier
from apps.billing.services import invoice_runs
from apps.billing.services.credits import credit_grant
from apps.billing.services.invoice_runs import NOT_SENT, Outcome, invoices_run, tenants_due
from apps.billing.services.invoices import invoice_draft, invoice_void
from apps.billing.services.plans import subscription_end
from apps.core.errors import PermanentError, TransientError
from apps.tenants.models import Tenant
from tests.billing.invoice_side import AFTER, NOVEMBER, adds_up, book, entry_make, on_plan

pytestmark = pytest.mark.django_db
D = Decimal


@pytest.fixture(autouse=True)
def _in_december() -> Any:
    with time_machine.travel(AFTER, tick=False):
        yield


@pytest.fixture
def stripe(settings: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Stripe is configured, and sends at once; the invoices that were sent."""
    settings.STRIPE_SECRET_KEY = "sk_test_only"
    sent: list[str] = []

    def send(*, invoice: Invoice) -> Invoice:
        sent.append(invoice.number)
        there = {"state": "open", "step": "finalized", "stripe_id": f"in_{invoice.pk.hex}", "sent_at": timezone.now()}
        Invoice.objects.filter(pk=invoice.pk).update(**there)
        return Invoice.objects.get(pk=invoice.pk)

    monkeypatch.setattr(invoice_runs, "invoice_send", send)
    return sent


def made(name: str, **values: Any) -> Tenant:
    """A tenant in the public tables only."""
    tenant = Tenant(schema_name=name, name=name.title(), **values)
    tenant.auto_create_schema = False
    tenant.save()
    return tenant


def outcomes(report: Any) -> dict[str, str]:
    return {row.tenant: row.outcome.value for row in report.rows}


def test_everybody_who_has_something(acme: Tenant, globex: Tenant, stripe: list[str]) -> None:
    entry_make(acme, "3")
    on_plan(globex, "team")
    made("idle")
    report = invoices_run(month=NOVEMBER)
    assert outcomes(report) == {"acme": "sent", "globex": "sent"} and report.note == ""
    assert report.totals == {"USD": D(52)} and stripe == ["INV-0000001", "INV-0000002"]


def test_without_stripe_it_drafts_and_says_what_to_set(acme: Tenant) -> None:
    entry_make(acme, "3")
    report = invoices_run(month=NOVEMBER)
    assert outcomes(report) == {"acme": "drafted"} and report.note == NOT_SENT
    assert Invoice.objects.get().state == "draft"


def test_again_it_changes_nothing(acme: Tenant, globex: Tenant, stripe: list[str]) -> None:
    entry_make(acme, "3")
    on_plan(globex, "starter")
    entry_make(globex, "1")
    assert outcomes(invoices_run(month=NOVEMBER)) == {"acme": "sent", "globex": "settled"}
    assert outcomes(invoices_run(month=NOVEMBER)) == {"globex": "unchanged"}
    assert outcomes(invoices_run(month=NOVEMBER, tenants=[acme])) == {"acme": "unchanged"}
    assert stripe == ["INV-0000001"] and Invoice.objects.count() == 2


def test_nobody_with_nothing_to_pay_gets_an_invoice(acme: Tenant, globex: Tenant) -> None:
    on_plan(acme, "starter")
    entry_make(globex, "0")
    assert outcomes(invoices_run(month=NOVEMBER)) == {"acme": "nothing", "globex": "nothing"}
    assert not Invoice.objects.exists()


def test_a_month_that_still_runs_somewhere(acme: Tenant, globex: Tenant) -> None:
    Tenant.objects.filter(pk=globex.pk).update(timezone="Pacific/Pago_Pago")
    entry_make(acme, "1")
    entry_make(globex, "1")
    report = invoices_run(month=NOVEMBER)
    assert outcomes(report) == {"acme": "drafted", "globex": "early"}
    assert "still runs in Pacific/Pago_Pago" in report.rows[1].note


def test_one_that_fails_does_not_stop_the_others(acme: Tenant, globex: Tenant, stripe: list[str]) -> None:
    Tenant.objects.filter(pk=acme.pk).update(timezone="Mars/Olympus")
    entry_make(acme, "1")
    entry_make(globex, "1")
    report = invoices_run(month=NOVEMBER)
    assert outcomes(report) == {"acme": "failed", "globex": "sent"}
    assert "not a time zone" in report.failed[0].note


@pytest.mark.parametrize(
    ("error", "outcome"), [(TransientError("Stripe is away."), "later"), (PermanentError("No address."), "failed")]
)
def test_what_cannot_be_sent_is_told_and_sent_next_time(
    acme: Tenant, stripe: list[str], monkeypatch: pytest.MonkeyPatch, error: Exception, outcome: str
) -> None:
    works = invoice_runs.invoice_send
    entry_make(acme, "1")

    def refuse(*, invoice: Invoice) -> Invoice:
        Invoice.objects.filter(pk=invoice.pk).update(step="customer")
        raise error

    monkeypatch.setattr(invoice_runs, "invoice_send", refuse)
    report = invoices_run(month=NOVEMBER)
    assert outcomes(report) == {"acme": outcome}
    assert (report.rows[0].number, report.rows[0].note) == ("INV-0000001", str(error))
    monkeypatch.setattr(invoice_runs, "invoice_send", works)
    assert outcomes(invoices_run(month=NOVEMBER)) == {"acme": "sent"}


@pytest.mark.parametrize("status", ["suspended", "deleted"])
def test_the_last_month_of_a_company_that_is_gone(acme: Tenant, status: str) -> None:
    gone = made("gone")
    on_plan(gone, "team", "2026-11-01")
    entry_make(gone, "2.00", seconds="60")
    with time_machine.travel(datetime(2026, 11, 14, 12, tzinfo=UTC), tick=False):
        subscription_end(tenant=gone)
        Tenant.objects.filter(pk=gone.pk).update(status=status)
    assert outcomes(invoices_run(month=NOVEMBER)) == {"gone": "drafted"}
    assert Invoice.objects.get().total == D("22.87")  # 14 of 30 days
    with time_machine.travel(datetime(2027, 1, 2, tzinfo=UTC), tick=False):
        assert outcomes(invoices_run(month=date(2026, 12, 1))) == {}


def test_a_dry_run_writes_nothing(acme: Tenant, stripe: list[str]) -> None:
    entry_make(acme, "3")
    report = invoices_run(month=NOVEMBER, dry_run=True)
    assert outcomes(report) == {"acme": "drafted"} and report.totals == {"USD": D(3)}
    assert not Invoice.objects.exists() and not InvoicedEntry.objects.exists() and stripe == []
    invoices_run(month=NOVEMBER)
    assert Invoice.objects.get().number == "INV-0000001"


def test_a_database_error_is_one_tenants_own(acme: Tenant, globex: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    entry_make(acme, "1")
    entry_make(globex, "1")
    works = invoice_runs.invoice_draft

    def broken(*, tenant: Tenant, month: date, currency: str) -> Invoice:
        if tenant.pk == acme.pk:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SELECT 1/0")
        return works(tenant=tenant, month=month, currency=currency)

    monkeypatch.setattr(invoice_runs, "invoice_draft", broken)
    assert outcomes(invoices_run(month=NOVEMBER)) == {"acme": "failed", "globex": "drafted"}


class TestCommand:
    def test_it_tells_of_each_company_and_sums_up(self, acme: Tenant, globex: Tenant, stripe: list[str]) -> None:
        entry_make(acme, "1234.50")
        on_plan(globex, "starter")
        out = StringIO()
        call_command("invoice_run", "--month", "2026-11", stdout=out)
        assert out.getvalue().splitlines() == [
            "acme: INV-0000001 1,234.50 USD is sent",
            "globex: nothing to invoice",
            "November 2026: 1 is sent, 1 nothing to invoice. To be paid: 1,234.50 USD.",
        ]

    def test_only_one_company_and_without_stripe(self, acme: Tenant, globex: Tenant) -> None:
        entry_make(acme, "1")
        entry_make(globex, "1")
        out = StringIO()
        call_command("invoice_run", "--month", "2026-11", "--tenant", "globex", stdout=out)
        assert out.getvalue().splitlines()[0] == "globex: INV-0000001 1.00 USD is a draft"
        assert "STRIPE_SECRET_KEY" in out.getvalue()

    def test_a_dry_run_says_so(self, acme: Tenant) -> None:
        entry_make(acme, "1")
        out = StringIO()
        call_command("invoice_run", "--month", "2026-11", "--dry-run", stdout=out)
        assert "Nothing was written; it would be: 1 is a draft" in out.getvalue()
        assert not Invoice.objects.exists()

    @pytest.mark.parametrize(
        ("options", "sentence"),
        [(["--month", "11/2026"], "write it as 2026-11"), (["--month", "2026-11", "--tenant", "nobody"], "no tenant “nobody”")],
    )
    def test_what_it_does_not_understand(self, options: list[str], sentence: str) -> None:
        with pytest.raises(CommandError, match=sentence):
            call_command("invoice_run", *options)

    def test_it_fails_when_one_failed(self, acme: Tenant) -> None:
        Tenant.objects.filter(pk=acme.pk).update(timezone="Mars/Olympus")
        entry_make(acme, "1")
        with pytest.raises(CommandError, match="1 failed"):
            call_command("invoice_run", "--month", "2026-11", stdout=StringIO())


class TestByItself:
    @pytest.mark.parametrize(
        ("zone", "now", "due"),
        [
            ("UTC", "2026-12-01T01:59", False),
            ("UTC", "2026-12-01T02:00", True),
            ("UTC", "2026-12-07T23:00", True),
            ("UTC", "2026-12-08T00:10", False),
            ("Pacific/Kiritimati", "2026-11-30T12:10", True),
            ("Pacific/Pago_Pago", "2026-12-01T12:10", False),
            ("Pacific/Pago_Pago", "2026-12-01T13:10", True),
            ("Europe/Berlin", "2026-12-01T01:10", True),
        ],
    )
    def test_on_the_day_after_the_month_where_the_company_is(self, acme: Tenant, zone: str, now: str, due: bool) -> None:
        Tenant.objects.filter(pk=acme.pk).update(timezone=zone)
        entry_make(acme, "1")
        with time_machine.travel(datetime.fromisoformat(now).replace(tzinfo=UTC), tick=False):
            assert [(tenant.slug, month) for tenant, month in tenants_due()] == ([("acme", NOVEMBER)] if due else [])

    def test_it_sends_once_and_leaves_alone_what_was_voided(self, acme: Tenant, stripe: list[str]) -> None:
        entry_make(acme, "1")
        assert tasks.invoices_due_task() == 1
        assert stripe == ["INV-0000001"] and tasks.invoices_due_task() == 0
        invoice_void(invoice=Invoice.objects.get())
        assert tasks.invoices_due_task() == 0

    def test_without_stripe_drafts_are_not_made_anew_every_hour(self, acme: Tenant, settings: Any) -> None:
        entry_make(acme, "1")
        assert (tasks.invoices_due_task(), tasks.invoices_due_task()) == (1, 0)
        settings.STRIPE_SECRET_KEY = "sk_test_only"
        assert [tenant.slug for tenant, _ in tenants_due()] == ["acme"]


class Killed(BaseException):
    """What no code may catch: the process is gone."""


@contextmanager
def killed_at(number: int) -> Iterator[list[int]]:
    """Dies after the statement of that number, before anybody sees its result."""
    seen = [0]

    def wrapper(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        result = execute(sql, params, many, context)
        seen[0] += 1
        if seen[0] == number:
            raise Killed
        return result

    with connection.execute_wrapper(wrapper):
        yield seen


def snapshot() -> dict[str, Any]:
    """All that a run makes, without ids and times."""
    lines = InvoiceLine.objects.order_by("invoice__number", "position")
    return {
        "invoices": list(
            Invoice.objects.order_by("number").values_list("number", "tenant", "state", "subtotal", "credits", "total")
        ),
        "lines": list(lines.values_list("invoice__number", "position", "kind", "description", "exact", "amount", "entries")),
        "entries": sorted(InvoicedEntry.objects.values_list("entry", "invoice__number", "line__position")),
        "uses": list(CreditUse.objects.order_by("credit", "amount").values_list("credit", "invoice__number", "amount")),
        "credits": list(Credit.objects.order_by("granted_at", "pk").values_list("amount", "reason")),
    }


def scene(acme: Tenant, globex: Tenant) -> None:
    """A plan with seats, covered calls, volume prices, credits; and a company whose corrections are above its usage."""
    on_plan(acme, "team", seats=7)
    tier = book().prices.get(kind="stt", provider="deepgram", model="nova-3")
    PriceTier.objects.create(price=tier, above=D(10), unit_price=D("0.005"))
    line = {"kind": "stt", "provider": "deepgram", "model": "nova-3", "quantities": {"seconds": "24000"}, "amount": "3.08"}
    entry_make(acme, "3.080000", seconds="24000", lines=[line], price_book=book())
    entry_make(acme, "0.010000", source="turn")
    credit_grant(tenant=acme, amount=D(2), currency="USD", reason="Sorry", by="root@meridian.test")
    entry = entry_make(globex, "0.300000")
    entry_make(globex, "-1.300000", revision=1, corrects=entry, source_id=entry.source_id)


@pytest.mark.slow
def test_killed_after_any_statement_and_begun_again(acme: Tenant, globex: Tenant, stripe: list[str]) -> None:
    scene(acme, globex)
    with transaction.atomic():
        with killed_at(-1) as seen:
            invoices_run(month=NOVEMBER)
        wanted, statements = snapshot(), seen[0]
        for invoice in Invoice.objects.all():
            adds_up(invoice)
        transaction.set_rollback(True)
    assert {row[2] for row in wanted["lines"]} == {"fee", "seats", "usage", "included", "tier", "credit"}
    assert statements > 40
    stripe.clear()
    for number in range(1, statements + 1):
        with transaction.atomic():
            with killed_at(number), pytest.raises(Killed):
                invoices_run(month=NOVEMBER)
            invoices_run(month=NOVEMBER)
            assert snapshot() == wanted, f"killed after statement {number}"
            assert stripe == ["INV-0000001"], f"killed after statement {number}"
            transaction.set_rollback(True)
        stripe.clear()


def test_killed_around_sending(acme: Tenant, stripe: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    entry_make(acme, "1")
    works = invoice_runs.invoice_send

    def dies_before(*, invoice: Invoice) -> Invoice:
        raise Killed

    def dies_after(*, invoice: Invoice) -> Invoice:
        works(invoice=invoice)
        raise Killed

    for dies in (dies_before, dies_after):
        monkeypatch.setattr(invoice_runs, "invoice_send", dies)
        with pytest.raises(Killed):
            invoices_run(month=NOVEMBER)
    monkeypatch.setattr(invoice_runs, "invoice_send", works)
    assert outcomes(invoices_run(month=NOVEMBER, tenants=[acme])) == {"acme": "unchanged"}
    assert stripe == ["INV-0000001"] and Invoice.objects.count() == 1


def test_the_plans_are_still_there() -> None:
    assert Plan.objects.count() == 3


def test_numbers_have_no_holes_when_drafts_fail(acme: Tenant, globex: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    entry_make(acme, "1")
    entry_make(globex, "1")
    with killed_at(15), pytest.raises(Killed):
        invoice_draft(tenant=acme, month=NOVEMBER)
    with monkeypatch.context() as patch:
        patch.setattr("apps.billing.services.invoices.credits_use", lambda *_: (_ for _ in ()).throw(DatabaseError("gone")))
        with pytest.raises(DatabaseError), transaction.atomic():
            invoice_draft(tenant=acme, month=NOVEMBER)
    numbers = [invoice_draft(tenant=tenant, month=NOVEMBER).number for tenant in (globex, acme)]
    assert numbers == ["INV-0000001", "INV-0000002"]


def test_outcomes_have_words() -> None:
    from apps.billing.management.commands.invoice_run import SAID

    assert set(SAID) == set(Outcome)
