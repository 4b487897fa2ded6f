"""People are told once for each threshold and window, by e-mail and in the product, however often it is told."""

from datetime import timedelta
from decimal import Decimal
from smtplib import SMTPServerDisconnected
from typing import Any

import pytest
from django.core import mail
from django.db import transaction
from django.utils import timezone
from django_tenants.utils import tenant_context

from apps.billing import effects_limits
from apps.billing.models import SpendWindow
from apps.billing.services.limits import limit_remove
from apps.core.models import OutboundEffect
from apps.core.outbox import outbox_drain, outbox_send
from apps.tenants.models import Membership, Role, Tenant
from apps.tenants.services import person_add
from tests.billing.limits import limit, spend

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("midday")]


@pytest.fixture
def finance(acme: Tenant) -> None:
    person_add(tenant=acme, email="fiona@acme.test", role=Role.FINANCE, name="Fiona", password="a-test-password-1")
    person_add(tenant=acme, email="sven@acme.test", role=Role.SUPERVISOR, name="Sven", password="a-test-password-1")


def _drain() -> None:
    while outbox_drain():
        pass


def _told() -> list[tuple[str, str]]:
    return [(message.to[0], message.subject) for message in mail.outbox]


def test_each_threshold_is_told_once_to_those_who_look_after_money(acme: Tenant, finance: None) -> None:
    limit(acme, "100")
    for amount in ("49.99", "0.01", "10", "25", "20", "0.5"):
        spend(acme, amount)
        _drain()
    subjects = [
        "Acme: 50 % of the limit of $100.00 a month is spent",
        "Acme: 80 % of the limit of $100.00 a month is spent",
        "Acme: the limit of $100.00 a month is reached",
    ]
    assert sorted(_told()) == sorted((to, text) for text in subjects for to in ("alice@acme.test", "fiona@acme.test"))
    assert "http://acme.localhost:8000/billing/limits/" in mail.outbox[0].body
    assert "declined politely" in mail.outbox[-1].body
    page = mail.outbox[0].alternatives[0][0]
    assert 'href="http://acme.localhost:8000/billing/limits/"' in page and "See the limit, and change it" in page


def test_thresholds_that_are_jumped_over_are_not_told(acme: Tenant) -> None:
    limit(acme, "100", reached="people")
    spend(acme, "85")
    _drain()
    assert [subject for _, subject in _told()] == ["Acme: 80 % of the limit of $100.00 a month is spent"]
    assert "handed to people" in mail.outbox[0].body


def test_a_raised_limit_tells_again_when_it_is_neared_again(acme: Tenant) -> None:
    limit(acme, "100")
    spend(acme, "85")
    limit(acme, "1000")
    _drain()
    spend(acme, "500")
    limit(acme, "600")
    _drain()
    assert [subject.split(":")[1][:6] for _, subject in _told()] == [" 80 % ", " 50 % ", " 80 % "]


def test_yesterdays_window_tells_nobody(acme: Tenant) -> None:
    limit(acme, "10", period="day")
    spend(acme, "50", at=timezone.now() - timedelta(days=1))
    _drain()
    assert not _told()


def test_a_removed_limit_tells_nobody(acme: Tenant) -> None:
    month = limit(acme, "10")
    spend(acme, "9")
    limit_remove(limit=month)
    _drain()
    assert not _told()


def test_an_entry_that_is_rolled_back_tells_nobody(acme: Tenant) -> None:
    limit(acme, "10")
    with pytest.raises(RuntimeError), transaction.atomic():
        spend(acme, "9")
        raise RuntimeError
    _drain()
    assert not _told() and SpendWindow.objects.get().warned == 0


def test_a_mail_server_that_is_away_is_asked_again_and_nobody_is_told_twice(
    acme: Tenant, finance: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []

    send = mail.EmailMessage.send

    def flaky(message: mail.EmailMessage, *args: Any, **kwargs: Any) -> int:
        sent.append(message.to[0])
        if message.to[0] == "fiona@acme.test" and sent.count(message.to[0]) == 1:
            raise SMTPServerDisconnected
        return send(message, *args, **kwargs)

    monkeypatch.setattr(mail.EmailMessage, "send", flaky)
    limit(acme, "10")
    spend(acme, "10")
    _drain()
    OutboundEffect.objects.filter(state="pending").update(available_at=timezone.now())
    _drain()
    assert sorted(to for to, _ in _told()) == ["alice@acme.test", "fiona@acme.test"]


def test_somebody_who_left_is_not_told(acme: Tenant, finance: None) -> None:
    limit(acme, "10")
    spend(acme, "10")
    assert outbox_send()
    Membership.objects.filter(user__email="fiona@acme.test").delete()
    _drain()
    assert [to for to, _ in _told()] == ["alice@acme.test"]


def test_pages_are_told_too(acme: Tenant, django_capture_on_commit_callbacks: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    hints: list[tuple[Any, ...]] = []
    monkeypatch.setattr(effects_limits, "hint_publish", lambda *args: hints.append(args))
    month = limit(acme, "10")
    spend(acme, "5")
    _drain()
    assert hints == [("acme", "calls", "limit.notice", str(month.pk), 50)]


def test_amounts_are_said_in_the_limits_currency(acme: Tenant) -> None:
    limit(acme, "200", scope="channel", channel="whatsapp")
    spend(acme, "100", channel="whatsapp", total=Decimal(100))
    with tenant_context(acme):
        _drain()
    assert mail.outbox[0].subject == "Acme: 50 % of the limit of $200.00 a month for WhatsApp is spent"
    assert mail.outbox[0].body.startswith("$100.00 of $200.00 is spent.")
