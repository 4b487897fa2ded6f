"""The next invoice so far: what a page promises of a month is what its invoice says if nothing more is used."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest
import time_machine
from django.test import Client

from apps.billing.models import CreditUse, Invoice, PriceTier
from apps.billing.services.credits import credit_grant
from apps.billing.services.invoices import invoice_draft
from apps.billing.upcoming import Upcoming, upcoming_invoices
from apps.tenants.models import Tenant, User
from tests.billing.invoice_side import AFTER, NOVEMBER, book, correct, entry_make, on_plan

pytestmark = pytest.mark.django_db
ClientFor = Callable[[User | None, str], Client]
D = Decimal
LAST = datetime(2026, 11, 30, 23, 59, tzinfo=UTC)


def so_far(tenant: Tenant, moment: datetime = LAST) -> Upcoming:
    with time_machine.travel(moment, tick=False):
        return upcoming_invoices(tenant)[0]


def invoiced(tenant: Tenant) -> Invoice:
    with time_machine.travel(AFTER, tick=False):
        return invoice_draft(tenant=tenant, month=NOVEMBER)


def test_it_comes_to_what_the_invoice_says(acme: Tenant) -> None:
    """A plan from the 16th, minutes that it includes, tiers, a correction, something late, credits and another currency."""
    on_plan(acme, "team", "2026-11-16", seats=7)
    price = book().prices.get(model="gpt-4o-mini", unit="1m_output_tokens")
    PriceTier.objects.create(price=price, above=D("0.001"), unit_price=D("0.1"))
    line = {
        "kind": "llm",
        "provider": "openai",
        "model": "gpt-4o-mini",
        "quantities": {"output_tokens": "2000"},
        "amount": "0.0012",
    }
    for day in range(1, 30):
        entry_make(acme, "3.333333", f"2026-11-{day:02}", seconds="600", lines=[line], price_book=book())
    correct(entry_make(acme, "1.500000"), "-0.250000")
    entry_make(acme, "0.777777", "2026-10-31T23:00")
    entry_make(acme, "9", currency="EUR")
    credit_grant(tenant=acme, amount=D(20), currency="USD", reason="Sorry", by="root@meridian.test")
    found, invoice = so_far(acme), invoiced(acme)
    lines = {kind: sum((line.exact for line in invoice.lines.filter(kind=kind)), D()) for kind in ("included", "tier")}
    assert (found.included, found.volume) == (lines["included"], lines["tier"]) and found.included < 0 > found.volume
    assert found.fees == sum(line.exact for line in invoice.lines.filter(kind__in=("fee", "seats")))
    assert (found.late, found.credits, found.total) == (D("0.777777"), -invoice.credits, invoice.total)


def test_credit_above_what_is_due_is_not_used_up(acme: Tenant) -> None:
    entry_make(acme, "3.00")
    credit_grant(tenant=acme, amount=D(20), currency="USD", reason="Sorry", by="root@meridian.test")
    found = so_far(acme)
    assert (found.credits, found.total) == (D(-3), 0)
    assert not CreditUse.objects.exists() and not Invoice.objects.exists(), "nothing is written"
    assert invoiced(acme).total == 0


def test_what_comes_out_below_0_is_carried_over(acme: Tenant) -> None:
    correct(entry_make(acme, "3.00"), "-5.00")
    found = so_far(acme)
    assert (found.total, found.carried) == (0, 2)


def test_the_month_before_has_its_own_invoice_for_a_while(acme: Tenant) -> None:
    entry_make(acme, "2.00", "2026-10-20")
    assert so_far(acme, datetime(2026, 11, 1, 1, tzinfo=UTC)).late == 0
    assert so_far(acme, datetime(2026, 11, 9, tzinfo=UTC)).late == 2


def test_months_are_the_companys(acme: Tenant) -> None:
    acme.timezone = "Pacific/Auckland"
    acme.save(update_fields=["timezone"])
    entry_make(acme, "2.00", "2026-11-30T11:30")  # the first of December there
    assert so_far(acme, datetime(2026, 11, 30, 12, tzinfo=UTC)).usage == 2
    assert so_far(acme, datetime(2026, 11, 30, 10, tzinfo=UTC)).month == NOVEMBER


def test_the_page_and_the_program_show_it(client_for: ClientFor, acme: Tenant, alice: User, bob: User, charlie: User) -> None:
    with time_machine.travel(LAST, tick=False):
        on_plan(acme, "team")
        entry_make(acme, "3.00")
        page = client_for(alice, "acme")
        assert 'hx-get="/billing/upcoming"' in page.get("/billing/").content.decode()
        said = " ".join(page.get("/billing/upcoming").content.decode().split())
        assert "Plan and seats, all of November" in said and "$49.00" in said and re.search(r"[-−]\$3\.00", said)
        body = page.get("/api/v1/billing/invoices/upcoming").json()
        assert (body["month"], body["fees"], body["included"], body["total"]) == (
            "2026-11-01",
            "49.000000",
            "-3.000000",
            "49.000000",
        )
        for path in ("/billing/upcoming", "/api/v1/billing/invoices/upcoming"):
            assert client_for(bob, "acme").get(path).status_code == 403
            assert client_for(charlie, "acme").get(path).status_code in (403, 404)
        there = client_for(charlie, "globex").get("/api/v1/billing/invoices/upcoming")
        assert there.status_code in (200, 403) and there.json().get("total") in (None, "0.000000")
