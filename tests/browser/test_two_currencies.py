"""A company whose currency was changed this month, in a real browser: both of its next invoices, and both of its plans' fees."""

import os
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from apps.billing.models import BillingProfile, Plan
from apps.billing.services.plans import tenant_today
from apps.tenants.models import Tenant
from tests.billing.invoice_side import entry_make, on_plan
from tests.browser.test_everyone import PHONE, sideways, violations

pytestmark = pytest.mark.browser
SHOTS = os.environ.get("BILLING_SHOTS", "")


def scene() -> None:
    acme = Tenant.objects.get(schema_name="acme")
    today = tenant_today(acme)
    Plan.objects.get_or_create(code="team-eur", defaults={"name": "Team Euro", "fee": Decimal(60), "currency": "EUR"})
    on_plan(acme, "team", "2026-01-01", today.isoformat())
    on_plan(acme, "team-eur", today.isoformat())
    BillingProfile.objects.update_or_create(tenant=acme, defaults={"currency": "EUR"})
    entry_make(acme, "12.34", f"{today}T00:00")  # also on the first of a month, when yesterday's is on another invoice
    entry_make(acme, "9.00", f"{today}T00:00", seconds="6600", currency="EUR")
    entry_make(acme, "0", f"{today}T00:00", source="knowledge", channel="", agent_id=None, currency="EUR")


def look(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_both_are_told_and_fit_a_phone(as_person: Callable[..., Page], site: Callable[[str], str], theme: str) -> None:
    scene()
    page = as_person(
        "alice@acme.test", "acme", color_scheme=theme, reduced_motion="reduce", viewport={"width": 1440, "height": 900}
    )
    for size in ("desk", "phone"):
        if size == "phone":
            page.set_viewport_size(PHONE)  # type: ignore[arg-type]
        for path in ("/billing/", "/billing/plan/", "/billing/details/"):
            page.goto(site("acme") + path)
            if path == "/billing/":
                expect(page.get_by_text("In USD, on an invoice of its own:")).to_be_visible()
                expect(page.get_by_text("Before tax.")).to_have_count(1)
            look(page, f"{theme}-{size}-{path.strip('/').replace('/', '-')}")
            assert violations(page) == [], path
            assert sideways(page) <= 0, path
