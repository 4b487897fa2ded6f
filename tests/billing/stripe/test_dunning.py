"""Overdue invoices: three reminders, never twice, the tenant's standing, and who is told on the pages."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from smtplib import SMTPServerDisconnected
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.db import connection
from django.test import Client
from django.utils import timezone

from apps.billing.models import BillingProfile, DunningReminder, Invoice
from apps.billing.services.dunning import dunning_run
from apps.billing.services.stripe_states import standing_update
from apps.core.models import OutboundEffect
from apps.core.outbox import outbox_drain
from apps.tenants.models import Domain, Role, Tenant, User
from apps.tenants.services import person_add
from tests.billing.stripe.factories import draft_of, profile_of

pytestmark = pytest.mark.django_db


def open_invoice(tenant: Tenant, *, late: float, **values: Any) -> Invoice:
    """Sent, and due so many days ago."""
    fields = {"state": "open", "step": "finalized", "hosted_url": "https://invoice.stripe.test/i/1", "stripe_number": "A-1"}
    return draft_of(tenant, ("30.00",), due_at=timezone.now() - timedelta(days=late), **{**fields, **values})


def work() -> None:
    connection.set_schema_to_public()
    while outbox_drain():
        pass
    connection.set_schema_to_public()


def standing_of(tenant: Tenant) -> str:
    return str(BillingProfile.objects.get(tenant=tenant).standing)


def test_a_year_of_days_writes_three_reminders_and_no_more(acme: Tenant) -> None:
    profile_of(acme, email="money@acme.test")
    with time_machine.travel("2026-01-10T10:00Z", tick=False) as clock:
        invoice = open_invoice(acme, late=0)
        seen: list[tuple[int, str]] = []
        for day in range(60):
            dunning_run()
            dunning_run()
            work()
            invoice.refresh_from_db()
            if not seen or seen[-1][1] != f"{invoice.dunning}/{standing_of(acme)}":
                seen.append((day, f"{invoice.dunning}/{standing_of(acme)}"))
            clock.shift(timedelta(days=1))
    assert seen == [
        (0, "/good"), (1, "/past_due"), (3, "first/past_due"), (10, "second/past_due"), (20, "final/past_due"),
        (30, "final/restricted"),
    ]  # fmt: skip
    assert [message.subject for message in mail.outbox] == [
        "Invoice A-1 is due", "Invoice A-1 is still open", "Final notice: invoice A-1 is overdue",
    ]  # fmt: skip
    assert {tuple(message.to) for message in mail.outbox} == {("money@acme.test",)}
    assert "https://invoice.stripe.test/i/1" in mail.outbox[0].body
    assert "$30.00" in mail.outbox[0].body
    assert "Hello,\n\nInvoice A-1 of Acme for $30.00 was due" in mail.outbox[0].body
    assert 'href="https://invoice.stripe.test/i/1"' in mail.outbox[0].alternatives[0][0]
    assert "/billing/invoices/" in mail.outbox[0].body


def test_after_a_long_pause_they_come_one_after_the_other(acme: Tenant) -> None:
    with time_machine.travel("2026-01-10T10:00Z", tick=False) as clock:
        invoice = open_invoice(acme, late=90)
        assert [dunning_run(), dunning_run()] == [1, 0]
        clock.shift(timedelta(days=6))
        assert dunning_run() == 0
        clock.shift(timedelta(days=1))
        assert dunning_run() == 1
        invoice.refresh_from_db()
        assert (invoice.dunning, standing_of_or_none(acme)) == ("second", "past_due")


def standing_of_or_none(tenant: Tenant) -> str | None:
    return BillingProfile.objects.filter(tenant=tenant).values_list("standing", flat=True).first()


def test_paid_returns_to_good_at_once(acme: Tenant) -> None:
    profile_of(acme)
    invoice = open_invoice(acme, late=40, dunning="final", dunning_at=timezone.now() - timedelta(days=11))
    dunning_run()
    assert standing_of(acme) == "restricted"
    Invoice.objects.filter(pk=invoice.pk).update(state="paid")
    assert standing_update(tenant=acme) == "good"
    assert standing_of(acme) == "good"


def test_one_paid_of_two_leaves_it_past_due(acme: Tenant) -> None:
    profile_of(acme)
    one = open_invoice(acme, late=5)
    open_invoice(acme, late=5, month=one.month.replace(month=9))
    Invoice.objects.filter(pk=one.pk).update(state="paid")
    assert standing_update(tenant=acme) == "past_due"


def test_what_was_written_off_restricts_until_it_is_forgiven(acme: Tenant) -> None:
    profile_of(acme)
    invoice = open_invoice(acme, late=5, state="uncollectible")
    assert standing_update(tenant=acme) == "restricted"
    Invoice.objects.filter(pk=invoice.pk).update(state="void")
    assert standing_update(tenant=acme) == "good"


@pytest.mark.parametrize("state", ["draft", "paid", "void", "uncollectible"])
def test_only_what_is_open_is_asked_for(acme: Tenant, state: str) -> None:
    open_invoice(acme, late=50, state=state)
    assert dunning_run() == 0


def test_nothing_is_asked_for_where_nothing_is_left(acme: Tenant) -> None:
    """A credit note took all of it back, and Stripe, which calls it paid then, has not heard of it yet."""
    invoice = open_invoice(acme, late=5, credited=Decimal(30))
    assert dunning_run() == 0
    Invoice.objects.filter(pk=invoice.pk).update(credited=0)
    assert dunning_run() == 1
    Invoice.objects.filter(pk=invoice.pk).update(credited=30)
    work()
    assert mail.outbox == []


def test_paid_between_writing_and_sending_nobody_is_bothered(acme: Tenant) -> None:
    invoice = open_invoice(acme, late=5)
    dunning_run()
    Invoice.objects.filter(pk=invoice.pk).update(state="paid")
    work()
    assert mail.outbox == []
    assert DunningReminder.objects.get().note == "The invoice was settled meanwhile."


def test_a_mail_server_that_is_down_delays_it(acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    open_invoice(acme, late=5)
    dunning_run()
    with monkeypatch.context() as patch:
        patch.setattr("django.core.mail.EmailMessage.send", _down)
        work()
    assert (OutboundEffect.objects.get().state, DunningReminder.objects.get().begun_at) == ("pending", None)
    OutboundEffect.objects.update(available_at="2020-01-01T00:00Z")
    work()
    assert len(mail.outbox) == 1


def test_one_that_waited_asks_for_what_is_left_by_then(acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the mail server was away, a part came by bank transfer."""
    invoice = open_invoice(acme, late=5)
    dunning_run()
    with monkeypatch.context() as patch:
        patch.setattr("django.core.mail.EmailMessage.send", _down)
        work()
    Invoice.objects.filter(pk=invoice.pk).update(paid=Decimal("12.50"))
    OutboundEffect.objects.update(available_at="2020-01-01T00:00Z")
    work()
    assert "for $17.50 was due" in mail.outbox[0].body and "$30.00" not in mail.outbox[0].body


@pytest.mark.parametrize("hosted", ["https://invoice.stripe.test/i/1", ""])
def test_a_company_that_is_deleted_still_owes_its_last_invoice(acme: Tenant, hosted: str) -> None:
    """Its address for invoices is written to; its pages are gone."""
    profile_of(acme, email="money@acme.test")
    open_invoice(acme, late=5, hosted_url=hosted)
    Domain.objects.filter(tenant=acme).delete()
    Tenant.objects.filter(pk=acme.pk).update(status=Tenant.Status.DELETED)
    dunning_run()
    work()
    (letter,) = mail.outbox
    assert letter.to == ["money@acme.test"] and "/billing/invoices/" not in letter.body and hosted in letter.body
    assert DunningReminder.objects.get().sent_at is not None


def _down(*_: Any) -> None:
    raise SMTPServerDisconnected("away")


def test_a_process_that_dies_while_sending_never_sends_twice(acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    open_invoice(acme, late=5)
    dunning_run()

    class Killed(BaseException):
        pass

    def dies(message: Any) -> None:
        mail.outbox.append(message)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("django.core.mail.EmailMessage.send", dies)
        with pytest.raises(Killed):
            work()
    connection.set_schema_to_public()
    OutboundEffect.objects.update(available_at="2020-01-01T00:00Z")
    work()
    assert len(mail.outbox) == 1
    assert "not known" in DunningReminder.objects.get().note


def test_without_an_address_those_who_look_after_money_are_told(acme: Tenant) -> None:
    person_add(tenant=acme, email="fin@acme.test", role=Role.FINANCE, name="Fin", password="a-test-password-1")
    open_invoice(acme, late=5)
    dunning_run()
    work()
    assert set(mail.outbox[0].to) == {"alice@acme.test", "fin@acme.test"}


def test_a_card_that_failed_is_named(acme: Tenant) -> None:
    open_invoice(acme, late=5, problem="The payment failed: Your card was declined.")
    dunning_run()
    work()
    assert "Your card was declined." in mail.outbox[0].body


def page(client_for: Callable[[User | None, str], Client], user: User, tenant: str) -> str:
    return client_for(user, tenant).get("/billing/").content.decode()


@pytest.mark.parametrize(("late", "said"), [(5, "A payment is overdue."), (40, "Your account is restricted until this is paid.")])
def test_money_people_see_it_above_every_page(client_for: Any, acme: Tenant, alice: User, late: int, said: str) -> None:
    profile_of(acme)
    open_invoice(acme, late=late, dunning="final", dunning_at=timezone.now() - timedelta(days=11))
    standing_update(tenant=acme)
    content = page(client_for, alice, "acme")
    assert said in content
    assert "$30.00" in content and "https://invoice.stripe.test/i/1" in content


def test_agents_and_other_companies_do_not(client_for: Any, acme: Tenant, bob: User, charlie: User) -> None:
    profile_of(acme)
    open_invoice(acme, late=5)
    standing_update(tenant=acme)
    assert "data-standing" not in client_for(bob, "acme").get("/").content.decode()
    assert "data-standing" not in page(client_for, charlie, "globex")


def test_what_is_owed_in_two_currencies_is_told_in_both(client_for: Any, acme: Tenant, alice: User) -> None:
    profile_of(acme)
    open_invoice(acme, late=9)
    open_invoice(acme, late=5, currency="EUR", stripe_number="A-2")
    standing_update(tenant=acme)
    assert "€30.00, $30.00 in 2 invoices, the oldest due on" in page(client_for, alice, "acme")


def test_in_good_standing_nothing_is_said(client_for: Any, acme: Tenant, alice: User) -> None:
    profile_of(acme)
    open_invoice(acme, late=-5)
    assert "data-standing" not in page(client_for, alice, "acme")


def test_what_was_paid_and_credited_is_not_asked_for(acme: Tenant) -> None:
    open_invoice(acme, late=5, credited=Decimal(10))
    dunning_run()
    assert DunningReminder.objects.get().due == Decimal(20)
