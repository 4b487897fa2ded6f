"""Migrations on a database that has rows: what was noted down before keeps its meaning."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from apps.tenants.models import Tenant

pytestmark = pytest.mark.django_db
D = Decimal
BEFORE, IN_PARTS = ("billing", "0019_written_off_at"), ("billing", "0020_transfers_in_parts")
BOOKED = datetime(2026, 11, 10, tzinfo=UTC)
NOTED = datetime(2026, 11, 15, 12, tzinfo=UTC)


def migrate(to: tuple[str, str]) -> Any:
    """Takes the database there, within the test's transaction; returns the models as they were then."""
    connection.check_constraints()  # a table with checks that still wait cannot be changed
    return MigrationExecutor(connection).migrate([to]).apps


class Old:
    """Rows as the models made them before transfers came in parts."""

    def __init__(self, models: Any, tenant: Tenant) -> None:
        self.models, self.tenant, self.made = models, tenant, 0

    def model(self, name: str) -> Any:
        return self.models.get_model("billing", name)

    def invoice(self, state: str = "paid", **values: Any) -> Any:
        """One of 100 dollars, of a month of its own."""
        self.made += 1
        month = datetime(2025, self.made, 1, tzinfo=UTC)
        row = {"number": f"INV-{self.made}", "month": month.date(), "period_start": month, "period_end": month, "total": D(100)}
        row |= {"currency": "USD", "state": state, "stripe_id": f"in_{self.made}", "step": "finalized"}
        return self.model("Invoice").objects.create(tenant_id=self.tenant.pk, **{**row, **values})

    def transfer(self, invoice: Any, amount: str, **values: Any) -> Any:
        row = {"amount": D(amount), "received_on": BOOKED.date(), "reference": "ACME 1", "by": "r@m.test", "state_before": "open"}
        with time_machine.travel(NOTED, tick=False):
            return self.model("BankTransfer").objects.create(invoice=invoice, **{**row, **values})

    def note(self, invoice: Any, amount: str, at: datetime, **values: Any) -> str:
        """Its number."""
        self.made += 1
        with time_machine.travel(at, tick=False):
            made = self.model("CreditNote").objects.create(
                invoice=invoice, number=f"CN-{self.made}", amount=D(amount), reason="Sorry", **values
            )
        return str(made.number)


@pytest.fixture
def old(acme: Tenant) -> Iterator[Old]:
    yield Old(migrate(BEFORE), acme)
    connection.check_constraints()


def after_payment(models: Any) -> dict[str, Decimal]:
    return dict(models.get_model("billing", "CreditNote").objects.values_list("number", "after_payment"))


def test_old_transfers_paid_their_invoice_in_full(old: Old) -> None:
    paid = old.invoice(paid=D(100), paid_at=BOOKED)
    undone = {"undone_at": NOTED, "undone_by": "r@m.test", "undone_reason": "Of another company.", "reference": "ACME 0"}
    old.transfer(paid, "100", **undone)
    old.transfer(paid, "100")
    yen = old.invoice("open", currency="JPY", total=D(5000))
    old.transfer(yen, "5000", **undone)
    rows = migrate(IN_PARTS).get_model("billing", "BankTransfer").objects
    told = rows.order_by("amount", "reference").values_list("amount", "applied", "key", "ended_on", "undone_by", "state_before")
    assert list(told) == [
        (D(100), D(100), "", None, "r@m.test", "open"),
        (D(100), D(100), "", None, "", "open"),
        (D(5000), D(5000), "", None, "r@m.test", "open"),
    ]
    rows.create(invoice_id=paid.pk, amount=D(5), received_on=BOOKED.date(), reference="More", by="r@m.test", state_before="open")
    assert rows.filter(invoice_id=paid.pk, undone_at=None).count() == 2, "several may count now"


def test_a_note_became_credit_only_where_it_takes_back_what_was_paid(old: Old) -> None:
    """A transfer is noted days after the bank booked it, and Stripe's clock is its own: amounts say it, not moments."""
    by_bank = old.invoice(paid=D(80), credited=D(30), paid_at=BOOKED)
    before = old.note(by_bank, "20", BOOKED + timedelta(days=2))  # after the bank's day, and before anybody knew
    old.transfer(by_bank, "80")
    after = old.note(by_bank, "10", NOTED + timedelta(days=1))
    by_card = old.invoice(paid=D(70), balance=D(10), credited=D(50), paid_at=BOOKED)
    early = old.note(by_card, "20", BOOKED - timedelta(days=1))
    late = [old.note(by_card, amount, BOOKED + timedelta(days=day)) for day, amount in ((1, "10"), (2, "20"))]
    whole = old.note(old.invoice(credited=D(100), paid_at=BOOKED), "100", BOOKED + timedelta(seconds=0.4))
    still_open = old.note(old.invoice("open", credited=D(5)), "5", BOOKED)
    became = after_payment(migrate(IN_PARTS))
    assert became == {before: 0, after: 10, early: 0, late[0]: 10, late[1]: 20, whole: 0, still_open: 0}


def test_a_void_note_stays_where_the_journal_has_it(old: Old) -> None:
    """What was booked as the customer's credit is taken back from there, also in a later month."""
    invoice = old.invoice(paid=D(100), paid_at=BOOKED)
    early = old.note(invoice, "20", BOOKED - timedelta(days=1), voided_at=NOTED)
    late = old.note(invoice, "30", BOOKED + timedelta(days=1), voided_at=NOTED)
    assert after_payment(migrate(IN_PARTS)) == {early: 0, late: 30}
