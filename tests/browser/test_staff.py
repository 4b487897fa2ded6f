"""The platform's pages in a browser: with nothing and with much, in both themes, on a desk and on a phone."""

import os
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from auditlog.models import LogEntry
from django.utils import timezone
from django_tenants.utils import tenant_context
from playwright.sync_api import Page, expect

from apps.billing.models import BillingProfile, Credit, LedgerEntry, Plan, PlanInclusion, PriceBook, SpendLimit, Subscription
from apps.billing.services import ReportConflict, call_bill, price_book_seed
from apps.billing.services.staff.books import book_copy
from apps.tenants.models import Role, Tenant, User
from apps.tenants.services import person_add
from tests.billing.factories import USAGE, report_of
from tests.browser.conftest import Open
from tests.browser.test_everyone import PHONE, sideways, violations
from tests.conftest import PASSWORD
from tests.staff.factories import entry_of, invoice_make
from tests.staff.test_decisions import lacking

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]  # many pages, each looked at whole
Site = Callable[[str], str]
SHOTS = os.environ.get("STAFF_SHOTS", "")
PAGES = {
    "tenants": "",
    "search": "?q=nobody",
    "tenant": "tenants/acme/",
    "bare": "tenants/globex/",
    "move": "tenants/acme/plan?plan=gold&seats=9",
    "currency": "tenants/acme/currency?currency=EUR",
    "revenue": "revenue/",
    "books": "books/",
    "book": "books/{current}/",
    "editor": "books/{coming}/",
    "plans": "plans/",
    "plan": "plans/new",
    "credits": "credits/",
    "unpriced": "unpriced/",
    "price": "unpriced/price?kind=tts&provider=openai&model=new-voice",
    "conflicts": "conflicts/",
    "limits": "limits/",
    "invoice": "invoices/{invoice}/",
}


def person_delete(email: str) -> None:
    """People stay between tests that commit. The audit logs that name them are tenants'."""
    for tenant in Tenant.objects.filter(schema_name__in=("globex", "acme")):
        with tenant_context(tenant):
            LogEntry.objects.filter(actor__email=email).delete()
    with tenant_context(tenant):
        User.objects.filter(email=email).delete()


@pytest.fixture
def as_staff(open_page: Open, site: Site, transactional_db: None) -> Iterator[Callable[..., Page]]:
    def log_in(**options: object) -> Page:
        if not User.objects.filter(email="root@meridian.test").exists():
            User.objects.create_superuser("root@meridian.test", PASSWORD, name="Root")
        page = open_page(**options)
        page.goto(f"{site('')}/login")
        page.get_by_label("E-mail").fill("root@meridian.test")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url(f"{site('')}/staff/")
        return page

    yield log_in
    person_delete("root@meridian.test")


@pytest.fixture
def much(transactional_db: None) -> Iterator[dict[str, str]]:
    """Sixty tenants, a year of usage, and something on every page; the ids that the addresses need."""
    now = timezone.now()
    acme, current = Tenant.objects.get(schema_name="acme"), price_book_seed()
    coming = book_copy(book=current, effective_from=now + timedelta(days=20), currency="USD", by="root@meridian.test")
    PriceBook.objects.create(version=coming.version + 1, effective_from=now - timedelta(days=1), currency="EUR")
    SpendLimit.objects.create(tenant=acme, amount=Decimal(500))
    made = Tenant.objects.bulk_create(Tenant(schema_name=f"many{one}", name=f"Company {one:02}") for one in range(60))
    LedgerEntry.objects.bulk_create(
        entry_of(tenant, total=f"{place * 7 % 97}.4", cost=f"{place * 5 % 71}.1", started_at=now - timedelta(days=30 * back))
        for place, tenant in enumerate([acme, *made])
        for back in range(12)
    )
    person_add(tenant=acme, email="olga@acme.test", role=Role.OWNER, name="Olga Marsh")
    BillingProfile.objects.create(tenant=acme, legal_name="Acme Ltd", standing=BillingProfile.Standing.PAST_DUE)
    plan, _made = Plan.objects.get_or_create(code="gold", defaults={"name": "Gold", "fee": 99, "trial_days": 14})
    PlanInclusion.objects.get_or_create(plan=plan, meter="call_minutes", defaults={"quantity": 500})
    Subscription.objects.create(tenant=acme, plan=plan, started_on=now.date() - timedelta(days=40))
    Credit.objects.create(tenant=acme, amount=Decimal("25.5"), currency="USD", reason="For the outage of 3 November")
    invoice = invoice_make(acme, number="MER-0000042", dunning="second", payment_attempts=3)
    invoice.lines.create(position=1, kind="fee", description="Gold, November", exact=40, amount=40, quantity=1, unit="month")
    lacking(acme)
    report = report_of()
    call_bill(tenant=acme, call_id=report["call_id"], report=report)
    with pytest.raises(ReportConflict):
        longer = [{**USAGE[0], "audio_duration": 100.2}, *USAGE[1:]]
        call_bill(tenant=acme, call_id=report["call_id"], report={**report, "usage": longer})
    yield {"current": str(current.pk), "coming": str(coming.pk), "invoice": str(invoice.pk)}
    Subscription.objects.all().delete()
    Plan.objects.filter(code="gold").delete()
    PriceBook.objects.filter(effective_from__gt=now - timedelta(days=2)).delete()
    SpendLimit.objects.all().delete()
    person_delete("olga@acme.test")


def look(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True, timeout=60_000)


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page_is_clean_at_a_desk(as_staff: Callable[..., Page], site: Site, much: dict[str, str], theme: str) -> None:
    page = as_staff(color_scheme=theme, reduced_motion="reduce", viewport={"width": 1440, "height": 900})
    found = {}
    for name, path in PAGES.items():
        page.goto(f"{site('')}/staff/{path.format(**much)}")
        look(page, f"{theme}-{name}")
        found[name] = violations(page)
        assert sideways(page) <= 0, name
    assert {name: list_ for name, list_ in found.items() if list_} == {}


@pytest.mark.slow
def test_every_page_fits_a_phone(as_staff: Callable[..., Page], site: Site, much: dict[str, str]) -> None:
    page = as_staff(viewport=PHONE, reduced_motion="reduce")
    found = {}
    for name, path in PAGES.items():
        page.goto(f"{site('')}/staff/{path.format(**much)}")
        look(page, f"phone-{name}")
        found[name] = violations(page)
        assert sideways(page) <= 0, name
    page.get_by_role("button", name="Open the menu").click()
    expect(page.get_by_role("button", name="Keyboard")).to_be_visible()  # with its word: the menu is there when axe looks
    assert violations(page) == []
    page.get_by_role("link", name="Revenue", exact=True).click()
    page.wait_for_url("**/staff/revenue/")
    assert {name: list_ for name, list_ in found.items() if list_} == {}


@pytest.mark.slow
def test_every_page_is_clean_with_nothing(as_staff: Callable[..., Page], site: Site) -> None:
    page = as_staff(reduced_motion="reduce")
    found = {}
    for name, path in PAGES.items():
        if "{" not in path and name != "price":
            page.goto(f"{site('')}/staff/{path}")
            look(page, f"empty-{name}")
            found[name] = violations(page)
    assert {name: list_ for name, list_ in found.items() if list_} == {}


def test_the_list_is_searched_and_walked(as_staff: Callable[..., Page], much: dict[str, str]) -> None:
    page = as_staff()
    page.keyboard.press("/")
    page.keyboard.type("Company 07")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page).to_have_url(re.compile(r"q=Company"))
    page.get_by_role("link", name="Company 07").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Company 07")
    page.keyboard.press("g")
    page.keyboard.press("b")
    page.wait_for_url("**/staff/books/")


def test_a_company_is_suspended_and_restored(as_staff: Callable[..., Page], site: Site, much: dict[str, str]) -> None:
    page = as_staff()
    page.goto(f"{site('')}/staff/tenants/globex/")
    for verb, said in (("Suspend", "Globex is suspended"), ("Restore", "Globex is served again")):
        page.get_by_role("button", name=verb).click()
        dialog = page.get_by_role("dialog")
        assert violations(page) == []
        dialog.get_by_label("Why").fill(f"{verb}, as agreed by telephone.")
        dialog.get_by_role("button", name=verb).click()
        expect(page.locator("[data-toast]")).to_contain_text(said)
    expect(page.get_by_text("Suspend, as agreed by telephone.")).to_be_visible()


@pytest.mark.slow
def test_a_book_gets_a_row_and_says_what_contradicts(as_staff: Callable[..., Page], site: Site, much: dict[str, str]) -> None:
    page = as_staff(viewport={"width": 1440, "height": 900})
    page.goto(f"{site('')}/staff/books/{much['coming']}/")
    page.get_by_role("button", name="Add a row").click()
    row = page.locator("[data-rowset-row]").first
    row.get_by_label("Kind").select_option("tts")
    row.get_by_label("Provider", exact=True).fill("openai")
    row.get_by_label("Model").fill("tts-1")
    row.get_by_label("Unit").select_option("1k_characters")
    row.get_by_label("Provider cost").fill("0.01")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("has two prices for characters")).to_be_visible()
    look(page, "contradiction")
    assert violations(page) == []
    page.locator("[data-rowset-row]").filter(has=page.locator("input[value='tts-1']")).last.get_by_label("Model").fill("tts-9")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("[data-toast]")).to_contain_text("Saved")
    assert PriceBook.objects.get(pk=much["coming"]).prices.filter(model="tts-9").count() == 1


def test_an_invoice_is_credited_and_voided_with_a_reason(as_staff: Callable[..., Page], site: Site, much: dict[str, str]) -> None:
    page = as_staff(viewport={"width": 1440, "height": 900})
    page.goto(f"{site('')}/staff/invoices/{much['invoice']}/")
    for act, verb, said in (
        ("Make a credit note", "Make the credit note", "The credit note is made"),
        ("Void", "Void", "It is void"),
    ):
        page.get_by_role("button", name=act, exact=True).click()
        dialog = page.get_by_role("dialog")
        assert violations(page) == []
        if act != "Void":
            dialog.get_by_label("Amount").fill("4.50")
        dialog.get_by_label("Why").fill("Agreed by telephone.")
        dialog.get_by_role("button", name=verb, exact=True).click()
        expect(page.locator("[data-toast]")).to_contain_text(said)
    expect(page.get_by_text("Declared void")).to_be_visible()
    page.get_by_role("link", name="Acme").first.click()
    expect(page.get_by_text("Voided an invoice")).to_be_visible()
    expect(page.get_by_text("Agreed by telephone.")).to_have_count(2)
