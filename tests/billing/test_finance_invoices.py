"""Invoices as finance reads them: in plain words, down to the entries, and with or without Stripe."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from time_machine import travel

from apps.billing.models import CreditNote, Invoice, LedgerEntry
from apps.billing.services import call_bill
from apps.billing.services.invoices import invoice_draft
from apps.billing.standings import due_of, standing_of, steps_of
from apps.tenants.models import Tenant, User
from tests.billing.factories import report_of

pytestmark = pytest.mark.django_db
ClientFor = Callable[[User | None, str], Client]
NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _late_in_november(db: None) -> object:
    with travel(NOW, tick=False):
        yield


def invoice_make(tenant: Tenant, **changes: object) -> Invoice:
    values = {
        "number": "INV-1",
        "month": date(2026, 10, 1),
        "period_start": datetime(2026, 10, 1, tzinfo=UTC),
        "period_end": datetime(2026, 11, 1, tzinfo=UTC),
        "currency": "USD",
        "subtotal": Decimal("120"),
        "total": Decimal("120"),
    }
    return Invoice.objects.create(tenant=tenant, **{**values, **changes})


@pytest.mark.parametrize(
    ("changes", "label", "sentence"),
    [
        ({"state": "draft"}, "Draft, may still change", "checked and then sent"),
        ({"state": "draft", "problem": "Stripe is down"}, "Draft, may still change", "Stripe is down. It is tried again."),
        ({"state": "draft", "period_end": NOW + timedelta(days=3)}, "Draft, may still change", "made final after"),
        ({"state": "open", "due_at": NOW + timedelta(days=5)}, "Open", "$120.00 are due by 3 Dec 2026"),
        ({"state": "open", "due_at": NOW - timedelta(days=5)}, "Overdue", "were due on 23 Nov 2026"),
        ({"state": "open", "problem": "The card was declined"}, "Payment failed", "The card was declined."),
        ({"state": "open", "credited": Decimal("20"), "paid": Decimal("10")}, "Open", "$90.00 are to be paid"),
        ({"state": "paid", "paid": Decimal("120")}, "Paid", "Nothing is left to do"),
        ({"state": "paid", "disputed_at": NOW}, "Disputed", "asks for the payment back"),
        ({"state": "uncollectible"}, "Not collected", "You can still pay it"),
        ({"state": "void"}, "Void", "counts no more"),
    ],
)
def test_a_state_is_said_in_words(acme: Tenant, settings: Any, changes: dict[str, object], label: str, sentence: str) -> None:
    settings.STRIPE_SECRET_KEY = "sk_test_x"
    standing = standing_of(invoice_make(acme, **changes))
    assert standing.label == label
    assert sentence in standing.next


def test_only_what_was_sent_is_to_be_paid(acme: Tenant) -> None:
    assert due_of(invoice_make(acme)) == 0
    assert due_of(invoice_make(acme, number="2", state="open", month=date(2026, 9, 1), credited=Decimal("500"))) == 0


def test_what_happened_stands_in_order(acme: Tenant) -> None:
    invoice = invoice_make(
        acme, state="paid", finalized_at=NOW, sent_at=NOW + timedelta(hours=1), paid_at=NOW + timedelta(days=2)
    )
    with travel(NOW + timedelta(days=3), tick=False):
        CreditNote.objects.create(invoice=invoice, number="CN-1", amount=Decimal("5"), reason="Goodwill")
    assert [step.label for step in steps_of(invoice)] == ["Drafted", "Made final", "Sent", "Paid", "Credit note CN-1"]


def test_from_a_drafted_line_to_its_entries(client_for: ClientFor, alice: User, acme: Tenant) -> None:
    report = report_of(started_at="2026-10-02T09:00:00Z", ended_at="2026-10-02T09:01:01.4Z")
    entry = call_bill(tenant=acme, call_id=report["call_id"], report=report).entry
    invoice = invoice_draft(tenant=acme, month=date(2026, 10, 1))
    client = client_for(alice, "acme")
    listed = client.get("/billing/invoices/").content.decode()
    assert "Draft, may still change" in listed
    assert "invoices stay drafts" in listed
    shown = client.get(f"/billing/invoices/{invoice.pk}/").content.decode()
    line = invoice.lines.get(entries__gt=0)
    assert "1 call<" in shown
    assert "It stays a draft: sending invoices is not set up. Your operator can switch it on." in shown
    assert "STRIPE_" not in shown
    behind = client.get(f"/billing/usage/?line={line.pk}")
    assert [row["entry"] for row in behind.context["rows"]] == [LedgerEntry.objects.get(pk=entry.pk)]
    assert invoice.number in client.get(f"/billing/usage/{entry.pk}/").content.decode()


def test_a_sent_invoice_leads_to_paying_it(client_for: ClientFor, alice: User, acme: Tenant) -> None:
    invoice = invoice_make(acme, state="open", hosted_url="https://pay.test/1", pdf_url="https://pay.test/1.pdf")
    client = client_for(alice, "acme")
    shown = client.get(f"/billing/invoices/{invoice.pk}/").content.decode()
    assert 'href="https://pay.test/1"' in shown
    assert 'href="https://pay.test/1.pdf"' in shown
    Invoice.objects.update(state="paid", paid=120)
    assert 'href="https://pay.test/1"' not in client.get(f"/billing/invoices/{invoice.pk}/").content.decode()


def test_more_invoices_take_no_more_questions(client_for: ClientFor, alice: User, acme: Tenant) -> None:
    client = client_for(alice, "acme")

    def asked() -> int:
        with CaptureQueriesContext(connection) as seen:
            for path in ("/billing/invoices/", "/api/v1/billing/invoices"):
                assert client.get(path).status_code == 200
        return len(seen)

    invoice_make(acme, state="open")
    asked()
    few = asked()
    for month in range(1, 9):
        invoice_make(acme, number=f"INV-0{month}", month=date(2026, month, 1), state=("open", "paid")[month % 2])
    assert asked() == few


def test_another_companys_invoice_is_not_there(client_for: ClientFor, alice: User, globex: Tenant) -> None:
    invoice = invoice_make(globex)
    line = invoice.lines.create(position=1, kind="usage", description="Calls", exact=1, amount=1)
    client = client_for(alice, "acme")
    assert client.get(f"/billing/invoices/{invoice.pk}/").status_code == 404
    assert client.get(f"/billing/usage/?line={line.pk}").status_code == 404


def test_without_stripe_the_payment_page_says_why(client_for: ClientFor, alice: User, bob: User, acme: Tenant) -> None:
    assert client_for(bob, "acme").post("/billing/invoices/portal").status_code == 403
    client = client_for(alice, "acme")
    answer = client.post("/billing/invoices/portal", follow=True)
    assert "Payments are not set up on this installation" in answer.content.decode()


def test_the_payment_page_is_stripes(
    client_for: ClientFor, alice: User, acme: Tenant, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.STRIPE_SECRET_KEY = "sk_test_x"
    asked: dict[str, object] = {}
    monkeypatch.setattr(
        "apps.billing.views.invoices.portal_url", lambda **given: asked.update(given) or "https://pay.test/portal"
    )
    client = client_for(alice, "acme")
    assert "Cards and receipts" in client.get("/billing/invoices/").content.decode()
    assert client.post("/billing/invoices/portal")["Location"] == "https://pay.test/portal"
    assert asked == {"tenant": acme, "return_url": "http://acme.localhost/billing/invoices/"}
