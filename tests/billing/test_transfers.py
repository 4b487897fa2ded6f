"""Invoices that are paid by bank transfer: once, undoable while the books are open, and told to Stripe after that."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client

from apps.billing.models import BankTransfer, Invoice, StaffAct
from apps.billing.services.credits import credit_note_create
from apps.billing.services.dunning import dunning_run
from apps.billing.services.invoices import InvoiceRefused, invoice_draft
from apps.billing.services.reconcile import reconcile
from apps.billing.services.stripe_events import invoice_refresh
from apps.billing.services.stripe_sync import invoice_send
from apps.billing.services.transfers import transfer_note, transfer_undo
from apps.billing.stripe_api import StripeUnavailable
from apps.billing.tasks_stripe import transfers_tell_task
from apps.core.errors import PermanentError
from apps.core.outbox import outbox_drain
from apps.tenants.models import Tenant, User
from tests.billing.stripe.conftest import outside_transactions, stripe  # noqa: F401  fixtures
from tests.billing.stripe.factories import draft_of, profile_of
from tests.conftest import PASSWORD
from tests.standins.stripe import Fault, Stripe

pytestmark = pytest.mark.django_db
BOOKED = date(2026, 11, 9)
BY = "root@meridian.test"


@pytest.fixture(autouse=True)
def clock() -> Iterator[Any]:
    with time_machine.travel(datetime(2026, 11, 10, 12, tzinfo=UTC), tick=False) as traveller:
        yield traveller


@pytest.fixture
def sent(stripe: Stripe, acme: Tenant) -> Invoice:  # noqa: F811
    profile_of(acme, email="money@acme.test")
    invoice = draft_of(acme, ("20.00", "12.34"))
    invoice.lines.update(kind="fee")
    return invoice_send(invoice=invoice)


def note(invoice: Invoice, amount: str = "32.34", on: date = BOOKED, reference: str = "INV-1 ACME") -> BankTransfer:
    return transfer_note(invoice=invoice, amount=Decimal(amount), received_on=on, reference=reference, by=BY)


def there(server: Stripe, invoice: Invoice) -> dict[str, Any]:
    return server.state.get("invoice", invoice.stripe_id)


def test_it_counts_as_paid_with_who_when_and_what_for(sent: Invoice) -> None:
    made = note(sent)
    sent.refresh_from_db()
    assert (sent.state, sent.paid, sent.owed) == ("paid", Decimal("32.34"), 0)
    assert sent.paid_at == datetime(2026, 11, 9, tzinfo=UTC)
    assert (made.by, made.received_on, made.reference) == (BY, BOOKED, "INV-1 ACME")
    act = StaffAct.objects.get()
    assert (act.kind, act.by, act.subject) == ("paid", BY, sent.number)
    assert "32.34 USD" in act.reason and "INV-1 ACME" in act.reason


def test_nobody_is_reminded_of_it(sent: Invoice, clock: Any) -> None:
    note(sent)
    clock.move_to(datetime(2027, 3, 1, tzinfo=UTC))
    assert dunning_run() == 0


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"amount": "32.35"}, "32.34 USD are left"),
        ({"amount": "0"}, "above 0"),
        ({"amount": "0.001"}, "cannot be paid"),
        ({"on": date(2026, 11, 11)}, "still to come"),
        ({"on": date(2026, 10, 31)}, "books of October 2026 have been closed since 2026-11-10"),
        ({"reference": " "}, "reference of the transfer"),
    ],
)
def test_what_is_refused(sent: Invoice, given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(PermanentError, match=sentence):
        note(sent, **given)
    assert not BankTransfer.objects.exists()


def test_it_is_noted_once(sent: Invoice) -> None:
    note(sent)
    with pytest.raises(InvoiceRefused, match="is paid"):
        note(sent)
    assert BankTransfer.objects.count() == 1


def test_a_late_second_one_finds_it_paid(sent: Invoice) -> None:
    """Two people at two screens: the second has an invoice that was read before."""
    stale = Invoice.objects.get(pk=sent.pk)
    note(sent)
    with pytest.raises(InvoiceRefused, match="is paid"):
        note(stale)


def test_undone_it_is_owed_again(sent: Invoice) -> None:
    kept = note(sent)
    transfer_undo(transfer=kept, reason="It was for another invoice.", by=BY)
    sent.refresh_from_db()
    kept.refresh_from_db()
    assert (sent.state, sent.paid, sent.paid_at, sent.owed) == ("open", 0, None, Decimal("32.34"))
    assert (kept.undone_by, kept.undone_reason) == (BY, "It was for another invoice.")
    assert list(StaffAct.objects.order_by("at").values_list("kind", flat=True)) == ["paid", "unpaid"]
    note(sent)  # and can be noted again
    with pytest.raises(InvoiceRefused, match="taken back before"):
        transfer_undo(transfer=kept, reason="Again.", by=BY)


def test_once_the_books_are_closed_it_stays(sent: Invoice, clock: Any) -> None:
    kept = note(sent)
    clock.move_to(datetime(2026, 12, 9, 23, 59, tzinfo=UTC))
    transfer_undo(transfer=kept, reason="Just in time.", by=BY)
    kept = note(sent)
    clock.move_to(datetime(2026, 12, 10, tzinfo=UTC))
    with pytest.raises(InvoiceRefused, match="books of November 2026 are closed"):
        transfer_undo(transfer=kept, reason="Too late.", by=BY)
    sent.refresh_from_db()
    assert sent.state == "paid"


@pytest.mark.usefixtures("outside_transactions")
def test_stripe_is_told_when_the_books_are_closed(sent: Invoice, stripe: Stripe, clock: Any) -> None:  # noqa: F811
    kept = note(sent)
    assert (transfers_tell_task(), there(stripe, sent)["status"]) == (0, "open")
    clock.move_to(datetime(2026, 12, 10, tzinfo=UTC))
    assert (transfers_tell_task(), there(stripe, sent)["status"]) == (1, "paid")
    assert transfers_tell_task() == 0
    kept.refresh_from_db()
    sent.refresh_from_db()
    assert kept.stripe_told_at is not None
    assert (sent.state, sent.paid, sent.problem) == ("paid", Decimal("32.34"), "")


def test_told_through_an_outage_it_is_paid_once(sent: Invoice, stripe: Stripe, clock: Any) -> None:  # noqa: F811
    note(sent)
    clock.move_to(datetime(2026, 12, 10, tzinfo=UTC))
    stripe.faults.append(Fault("POST /v1/invoices/.*/pay", "drop_after", times=9))
    assert transfers_tell_task() == 0
    stripe.faults.clear()
    assert transfers_tell_task() == 1
    invoice_refresh(stripe_id=sent.stripe_id)
    sent.refresh_from_db()
    assert (sent.problem, stripe.count("invoice_payment")) == ("", 1)


def test_until_then_no_card_is_charged(sent: Invoice, stripe: Stripe) -> None:  # noqa: F811
    there(stripe, sent).update(collection_method="charge_automatically", auto_advance=True)
    kept = note(sent)
    assert there(stripe, sent)["auto_advance"] is False
    transfer_undo(transfer=kept, reason="It was for another invoice.", by=BY)
    assert there(stripe, sent)["auto_advance"] is True


def test_an_outage_changes_nothing(sent: Invoice, stripe: Stripe) -> None:  # noqa: F811
    stripe.faults.append(Fault("GET /v1/invoices/.*", "500", times=9))
    with pytest.raises(StripeUnavailable):
        note(sent)
    sent.refresh_from_db()
    assert (sent.state, BankTransfer.objects.count()) == ("open", 0)


def test_paid_at_stripe_as_well_is_said(sent: Invoice, stripe: Stripe, clock: Any) -> None:  # noqa: F811
    kept = note(sent)
    stripe.invoices.pay(sent.stripe_id, {})
    invoice_refresh(stripe_id=sent.stripe_id)
    sent.refresh_from_db()
    assert "paid at Stripe as well" in sent.problem
    clock.move_to(datetime(2026, 11, 20, tzinfo=UTC))
    transfer_undo(transfer=kept, reason="It goes back to its payer.", by=BY)
    sent.refresh_from_db()
    assert (sent.state, sent.paid, sent.problem) == ("paid", Decimal("32.34"), "")


def test_paid_at_stripe_before_is_found_out(sent: Invoice, stripe: Stripe) -> None:  # noqa: F811
    stripe.invoices.pay(sent.stripe_id, {})
    with pytest.raises(InvoiceRefused, match="is paid"):
        note(sent)
    sent.refresh_from_db()
    assert (sent.state, BankTransfer.objects.count()) == ("paid", 0)


def test_comparing_with_stripe_finds_nothing_amiss(sent: Invoice, stripe: Stripe, clock: Any) -> None:  # noqa: F811
    note(sent)
    assert reconcile(fix_safe=True).differences == []
    clock.move_to(datetime(2026, 12, 10, tzinfo=UTC))
    transfers_tell_task()
    assert reconcile().differences == []


def test_a_credit_note_makes_it_final_and_becomes_credit(sent: Invoice, stripe: Stripe) -> None:  # noqa: F811
    kept = note(sent)
    credit_note_create(invoice=sent, amount=Decimal(5), reason="The line was bad.", by=BY)
    connection.set_schema_to_public()
    while outbox_drain():
        pass
    connection.set_schema_to_public()
    assert stripe.state.rows("customer")[0]["balance"] == -500
    with pytest.raises(InvoiceRefused, match="credit note"):
        transfer_undo(transfer=kept, reason="Too late.", by=BY)


def test_without_stripe_a_draft_is_paid_and_can_be_a_draft_again(acme: Tenant) -> None:
    draft = draft_of(acme, ("20.00", "12.34"))
    kept = note(draft)
    draft.refresh_from_db()
    assert (draft.state, draft.finalized_at is not None, draft.owed) == ("paid", True, 0)
    with pytest.raises(InvoiceRefused, match="was sent already"):
        invoice_draft(tenant=acme, month=draft.month)
    transfer_undo(transfer=kept, reason="It was for another invoice.", by=BY)
    draft.refresh_from_db()
    assert (draft.state, draft.finalized_at, draft.paid) == ("draft", None, 0)


def test_with_stripe_a_draft_is_sent_first(stripe: Stripe, acme: Tenant) -> None:  # noqa: F811
    with pytest.raises(InvoiceRefused, match="send it first"):
        note(draft_of(acme, ("20.00", "12.34")))


@pytest.fixture
def staff(client_for: Any, db: None) -> Client:
    root = User.objects.create_superuser(BY, PASSWORD, name="Root")
    client: Client = client_for(root, "")
    return client


def test_staff_note_it_down_and_take_it_back(staff: Client, sent: Invoice) -> None:
    page = f"/staff/invoices/{sent.pk}/"
    given = {"amount": "32.34", "received_on": "2026-11-09", "reference": "INV-1 <ACME>"}
    assert "Paid by bank transfer" in staff.get(page).content.decode()
    assert staff.post(f"{page}transfer", {**given, "amount": "33"}, follow=True).content.decode().count("are left of") > 0
    said = staff.post(f"{page}transfer", given, follow=True).content.decode()
    assert "It counts as paid." in said and "INV-1 &lt;ACME&gt;" in said and BY in said
    sent.refresh_from_db()
    assert sent.state == "paid"
    assert "Say why" in staff.post(f"{page}unpaid", {"reason": ""}, follow=True).content.decode()
    staff.post(f"{page}unpaid", {"reason": "It was for another invoice."})
    sent.refresh_from_db()
    assert sent.state == "open"
    assert "It was for another invoice." in staff.get(page).content.decode()


@pytest.mark.parametrize("email", ["alice@acme.test", "charlie@globex.test"])
def test_companies_cannot(client_for: Any, email: str, sent: Invoice, charlie: User, alice: User) -> None:
    person = {"alice@acme.test": alice, "charlie@globex.test": charlie}[email]
    client = client_for(person, "")
    given = {"amount": "32.34", "received_on": "2026-11-09", "reference": "mine"}
    assert client.post(f"/staff/invoices/{sent.pk}/transfer", given).status_code == 404
    assert not BankTransfer.objects.exists()
