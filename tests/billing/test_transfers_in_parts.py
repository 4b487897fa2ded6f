"""Bank transfers in parts: two pay one invoice, what comes above it is kept and told, and nothing is counted twice."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client

from apps.billing.models import BankTransfer, CreditNote, Invoice, StaffAct
from apps.billing.services.credits import CreditRefused, credit_note_create
from apps.billing.services.invoices import InvoiceRefused, invoice_draft
from apps.billing.services.reconcile import reconcile
from apps.billing.services.staff.invoices import invoice_send_again, invoice_take_back
from apps.billing.services.staff.transfers import invoice_payment_tell
from apps.billing.services.stripe_events import credit_note_refresh, invoice_refresh
from apps.billing.services.stripe_sync import invoice_send
from apps.billing.services.transfers import surplus_end, transfer_note, transfer_undo
from apps.billing.services.transfers_stripe import transfers_tell
from apps.core.outbox import outbox_drain
from apps.tenants.models import Tenant, User
from tests.billing.stripe.conftest import outside_transactions, stripe  # noqa: F401  fixtures
from tests.billing.stripe.factories import draft_of, profile_of
from tests.conftest import PASSWORD
from tests.standins.stripe import Stripe

pytestmark = pytest.mark.django_db
D = Decimal
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


def note(invoice: Invoice, amount: str, on: date = BOOKED, **values: Any) -> BankTransfer:
    return transfer_note(invoice=invoice, amount=D(amount), received_on=on, reference="ACME 1", by=BY, **values)


def back(invoice: Invoice, amount: str, **values: Any) -> CreditNote:
    return credit_note_create(invoice=invoice, amount=D(amount), reason="The line was bad.", by=BY, **values)


def stand(invoice: Invoice) -> tuple[str, Decimal, Decimal]:
    """Its state, what is paid and what is owed."""
    invoice.refresh_from_db()
    return invoice.state, invoice.paid, invoice.owed


def work() -> None:
    connection.set_schema_to_public()
    while outbox_drain():
        pass
    connection.set_schema_to_public()


def there(server: Stripe, invoice: Invoice) -> dict[str, Any]:
    return server.state.get("invoice", invoice.stripe_id)


def test_two_pay_one(sent: Invoice, stripe: Stripe, clock: Any) -> None:  # noqa: F811
    note(sent, "12.34")
    assert stand(sent) == ("open", D("12.34"), 20)
    assert sent.paid_at is None
    note(sent, "20", date(2026, 11, 10))
    assert stand(sent) == ("paid", D("32.34"), 0)
    assert sent.paid_at == datetime(2026, 11, 10, tzinfo=UTC)
    with pytest.raises(InvoiceRefused, match="is paid"):
        note(sent, "1")
    clock.move_to(datetime(2026, 12, 10, tzinfo=UTC))
    assert (transfers_tell(), there(stripe, sent)["status"]) == (1, "paid")
    assert transfers_tell() == 0
    assert not BankTransfer.objects.filter(stripe_told_at=None).exists()
    assert stand(sent) == ("paid", D("32.34"), 0)


def test_of_a_part_stripe_is_not_told(sent: Invoice, stripe: Stripe, clock: Any) -> None:  # noqa: F811
    note(sent, "12.34")
    invoice_refresh(stripe_id=sent.stripe_id)
    assert stand(sent) == ("open", D("12.34"), 20)
    assert reconcile(fix_safe=True).differences == []
    clock.move_to(datetime(2026, 12, 10, tzinfo=UTC))
    assert (transfers_tell(), there(stripe, sent)["status"]) == (0, "open")


def test_a_part_by_stripe_and_a_part_by_the_bank(sent: Invoice, stripe: Stripe) -> None:  # noqa: F811
    stripe.invoices.pay_part(sent.stripe_id, 1000)
    note(sent, "12.34")
    assert stand(sent) == ("open", D("22.34"), 10)
    note(sent, "10")
    assert stand(sent) == ("paid", D("32.34"), 0)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_undone_in_either_order_it_is_as_before(sent: Invoice, stripe: Stripe, order: tuple[int, int]) -> None:  # noqa: F811
    there(stripe, sent).update(collection_method="charge_automatically", auto_advance=True)
    both = [note(sent, "12.34"), note(sent, "20")]
    first, second = (both[place] for place in order)
    transfer_undo(transfer=first, reason="It was for another.", by=BY)
    assert stand(sent) == ("open", second.amount, first.amount)
    assert there(stripe, sent)["auto_advance"] is False
    transfer_undo(transfer=second, reason="It was for another.", by=BY)
    assert stand(sent) == ("open", 0, D("32.34"))
    assert there(stripe, sent)["auto_advance"] is True


def test_a_draft_is_final_by_a_part_and_a_draft_again(acme: Tenant) -> None:
    draft = draft_of(acme, ("20.00", "12.34"))
    both = [note(draft, "12.34"), note(draft, "20")]
    assert stand(draft) == ("paid", D("32.34"), 0)
    transfer_undo(transfer=both[0], reason="It was for another.", by=BY)
    assert stand(draft) == ("open", 20, D("12.34"))
    with pytest.raises(InvoiceRefused, match="was sent already"):
        invoice_draft(tenant=acme, month=draft.month)
    transfer_undo(transfer=both[1], reason="It was for another.", by=BY)
    assert (*stand(draft), draft.finalized_at) == ("draft", 0, D("32.34"), None)


def test_a_part_paid_draft_is_not_sent_when_stripe_comes(acme: Tenant, request: pytest.FixtureRequest) -> None:
    draft = draft_of(acme, ("20.00", "12.34"))
    note(draft, "12.34")
    request.getfixturevalue("stripe")
    with pytest.raises(InvoiceRefused, match="came by bank transfer"):
        invoice_send_again(invoice=draft, reason="Now.", by=BY)


def test_more_than_is_left_is_kept_and_told_until_it_went(sent: Invoice) -> None:
    note(sent, "12.34")
    with pytest.raises(InvoiceRefused, match=r"20\.00 USD are left"):
        note(sent, "25")
    last = note(sent, "25", more=True)
    assert (*stand(sent), last.applied, last.surplus) == ("paid", D("32.34"), 0, 20, 5)
    assert "5 USD of the bank transfer “ACME 1” came above" in str(reconcile().open[0])
    surplus_end(transfer=last, reason="Sent back, BACK 1.", by=BY)
    assert reconcile().differences == []
    last.refresh_from_db()
    assert (last.ended_on, last.ended_by, last.ended_how) == (date(2026, 11, 10), BY, "Sent back, BACK 1.")
    assert StaffAct.objects.filter(kind="surplus", reason="Sent back, BACK 1.").count() == 1
    with pytest.raises(InvoiceRefused, match="left over"):
        surplus_end(transfer=last, reason="Again.", by=BY)
    with pytest.raises(InvoiceRefused, match="Sent back"):
        transfer_undo(transfer=last, reason="Too late.", by=BY)


def test_the_same_form_twice_is_one_transfer(sent: Invoice) -> None:
    first = note(sent, "12.34", key="form-1")
    assert note(sent, "12.34", key="form-1").pk == first.pk
    assert stand(sent) == ("open", D("12.34"), 20)
    with pytest.raises(InvoiceRefused, match="sent before with something else"):
        note(sent, "20", key="form-1")


def test_the_same_form_twice_is_one_credit_note(sent: Invoice) -> None:
    first = back(sent, "5", key="form-1")
    assert back(sent, "5", key="form-1").pk == first.pk
    assert stand(sent) == ("open", 0, D("27.34"))
    with pytest.raises(CreditRefused, match="sent before with something else"):
        back(sent, "6", key="form-1")


def test_a_credit_note_leaves_what_the_bank_brought(sent: Invoice, stripe: Stripe, clock: Any) -> None:  # noqa: F811
    """Of an open invoice only what is left can be taken back; with that it is paid, and Stripe hears both in their order."""
    note(sent, "20")
    with pytest.raises(CreditRefused, match=r"12\.34 USD are left"):
        back(sent, "12.35")
    made = back(sent, "12.34")
    assert (*stand(sent), made.after_payment) == ("paid", 20, 0, 0)
    clock.move_to(datetime(2026, 12, 10, tzinfo=UTC))
    assert transfers_tell() == 0  # the note first: after the payment it would become credit
    work()
    assert (transfers_tell(), there(stripe, sent)["status"]) == (1, "paid")
    assert stripe.state.rows("customer")[0]["balance"] == 0
    assert there(stripe, sent)["amount_paid"] == 2000
    assert stand(sent) == ("paid", 20, 0)


def test_a_note_from_before_the_transfer_does_not_become_credit(sent: Invoice, stripe: Stripe) -> None:  # noqa: F811
    made = back(sent, "5")
    note(sent, "27.34")
    work()
    assert stripe.state.rows("customer")[0]["balance"] == 0
    made.refresh_from_db()
    assert (*stand(sent), made.after_payment) == ("paid", D("27.34"), 0, 0)


def test_a_credit_note_that_is_void_again_leaves_it_owed(sent: Invoice, stripe: Stripe) -> None:  # noqa: F811
    note(sent, "20")
    made = back(sent, "12.34")
    work()
    made.refresh_from_db()
    stripe.invoices.credit_note_void(made.stripe_id)
    credit_note_refresh(stripe_id=made.stripe_id)
    assert stand(sent) == ("open", 20, D("12.34"))


def test_a_note_above_what_is_open_is_credit_for_the_rest(sent: Invoice, stripe: Stripe) -> None:  # noqa: F811
    """Paid in part at Stripe: its note is split, as Stripe asks for."""
    stripe.invoices.pay_part(sent.stripe_id, 1000)
    invoice_refresh(stripe_id=sent.stripe_id)
    made = back(sent, "32.34")
    work()
    made.refresh_from_db()
    assert (made.after_payment, stripe.state.rows("customer")[0]["balance"]) == (10, -1000)
    assert stand(sent)[::2] == ("paid", 0)


def test_a_void_invoice_keeps_what_came_for_it(sent: Invoice) -> None:
    one = note(sent, "12.34")
    invoice_take_back(invoice=sent, reason="Wrong address.", by=BY)
    one.refresh_from_db()
    assert (sent.__class__.objects.get().state, one.surplus) == ("void", D("12.34"))
    assert any("12.34 USD of the bank transfer" in str(found) for found in reconcile().open)


def test_paid_at_stripe_after_a_part_is_said(sent: Invoice, stripe: Stripe) -> None:  # noqa: F811
    one = note(sent, "12.34")
    stripe.invoices.pay(sent.stripe_id, {})
    invoice_refresh(stripe_id=sent.stripe_id)
    assert stand(sent) == ("paid", D("32.34"), 0)
    assert "paid at Stripe as well" in sent.problem
    transfer_undo(transfer=one, reason="It goes back to its payer.", by=BY)
    assert (*stand(sent), sent.problem) == ("paid", D("32.34"), 0, "")


def test_only_what_is_paid_is_told(sent: Invoice) -> None:
    note(sent, "12.34")
    with pytest.raises(InvoiceRefused, match="paid in part"):
        invoice_payment_tell(invoice=sent, reason="Now.", by=BY)


def test_finance_reads_what_came_and_what_is_left(client_for: Any, alice: User, sent: Invoice, charlie: User) -> None:
    note(sent, "12.34")
    page = client_for(alice, "acme").get(f"/billing/invoices/{sent.pk}/").content.decode()
    assert "$12.34 came by bank transfer. Transfer the $20.00 that are left too." in page
    assert "Bank transfer of $12.34" in page and sent.hosted_url not in page
    note(sent, "25", more=True)
    assert (
        "$5.00 more came than was to be paid." in client_for(alice, "acme").get(f"/billing/invoices/{sent.pk}/").content.decode()
    )
    assert client_for(charlie, "globex").get(f"/billing/invoices/{sent.pk}/").status_code == 404


def test_finance_is_not_told_of_the_installations_settings(client_for: Any, alice: User, acme: Tenant) -> None:
    draft = draft_of(acme, ("20.00", "12.34"), problem="Stripe does not accept STRIPE_SECRET_KEY.")
    client: Client = client_for(alice, "acme")
    page = client.get(f"/billing/invoices/{draft.pk}/").content.decode()
    assert "sending invoices is not set up. Your operator can switch it on." in page
    answer = client.get(f"/api/v1/billing/invoices/{draft.pk}")
    assert "Your operator can mend that." in answer.json()["problem"]
    root = client_for(User.objects.create_superuser(BY, PASSWORD, name="Root"), "")
    assert "STRIPE_" not in page + answer.content.decode()
    assert "STRIPE_SECRET_KEY" in root.get(f"/staff/invoices/{draft.pk}/").content.decode()


def test_staff_say_where_an_overpayment_went(client_for: Any, sent: Invoice) -> None:
    staff: Client = client_for(User.objects.create_superuser(BY, PASSWORD, name="Root"), "")
    page = f"/staff/invoices/{sent.pk}/"
    given = {"amount": "40", "received_on": "2026-11-09", "reference": "ACME 1", "more": "on", "key": "form-1"}
    for _ in range(2):  # pressed twice
        said = staff.post(f"{page}transfer", given, follow=True).content.decode()
    assert BankTransfer.objects.count() == 1
    assert "$7.66 came above what was to be paid" in said
    staff.post(f"{page}surplus", {"reason": "Sent back, BACK 1."})
    said = staff.get(page).content.decode()
    assert "came above what was to be paid" not in said and "Sent back, BACK 1." in said
