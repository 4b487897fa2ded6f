"""Finance's pages in a browser: from spending to an entry and its call, by mouse and keyboard, in both themes, on a phone."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from apps.billing.models import Invoice, InvoicedEntry, InvoiceLine, LedgerEntry
from apps.calls.models import Call
from apps.tenants.models import Role, Tenant
from apps.tenants.services import person_add
from tests.browser.test_everyone import PHONE, sideways, violations
from tests.conftest import PASSWORD

pytestmark = pytest.mark.browser
AsPerson = Callable[..., Page]
Site = Callable[[str], str]
FIONA = "fiona@acme.test"


@pytest.fixture
def invoice(acme_calls: list[Call]) -> Invoice:
    """A draft of this month, with the billed call on it; finance is Fiona."""
    acme = Tenant.objects.get(schema_name="acme")
    person_add(tenant=acme, email=FIONA, role=Role.FINANCE, name="Fiona", password=PASSWORD)
    entry, now = LedgerEntry.objects.get(), timezone.now()
    amounts = {"subtotal": entry.total_known, "total": entry.total_known}
    begun = now - timedelta(days=30)
    made = Invoice.objects.create(
        tenant=acme,
        number="INV-1",
        month=now.date().replace(day=1),
        period_start=begun,
        period_end=now,
        currency="USD",
        **amounts,
    )
    line = InvoiceLine.objects.create(
        invoice=made, position=1, kind="usage", description="Calls", entries=1, exact=entry.total_known, amount=entry.total_known
    )
    InvoicedEntry.objects.create(entry=entry, line=line, invoice=made)
    return made


@pytest.fixture
def paths(invoice: Invoice) -> list[str]:
    entry = LedgerEntry.objects.get()
    days = "since=2020-01-01"
    pages = ["/billing/", f"/billing/?{days}&by=component", f"/billing/usage/?{days}", f"/billing/usage/{entry.pk}/"]
    return [
        *pages,
        "/billing/invoices/",
        f"/billing/invoices/{invoice.pk}/",
        "/billing/exports/",
        "/billing/?since=2020-01-01&until=2020-01-02",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(as_person: AsPerson, site: Site, paths: list[str], theme: str) -> None:
    page = as_person(FIONA, "acme", color_scheme=theme, reduced_motion="reduce")
    found = {}
    for path in paths:
        page.goto(site("acme") + path)
        found[path] = violations(page)
    assert {path: list_ for path, list_ in found.items() if list_} == {}


def test_a_phone_needs_no_sideways_scroll(as_person: AsPerson, site: Site, paths: list[str]) -> None:
    page = as_person(FIONA, "acme", viewport=PHONE)
    for path in paths:
        page.goto(site("acme") + path)
        assert sideways(page) <= 0, path


def test_from_an_invoice_to_the_call(as_person: AsPerson, site: Site, invoice: Invoice) -> None:
    page = as_person(FIONA, "acme")
    page.keyboard.press("g")
    page.keyboard.press("b")
    page.wait_for_url("**/billing/")
    page.get_by_role("link", name="Invoices").click()
    expect(page.get_by_text("Draft, may still change")).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_text("sending invoices is not set up")).to_be_visible()
    page.get_by_role("link", name="Calls", exact=True).last.click()
    expect(page.get_by_text("What is behind “Calls” of invoice INV-1")).to_be_visible()
    page.get_by_role("link", name="Call", exact=True).click()
    expect(page.get_by_role("table", name="Lines of this entry")).to_contain_text("40.2 seconds × $0.0077 per minute")
    page.get_by_role("link", name="Call of Maria Gonzales").click()
    expect(page.get_by_role("heading", name="Maria Gonzales")).to_be_visible()


def test_the_chart_is_drawn_and_told_apart_by_address(as_person: AsPerson, site: Site, invoice: Invoice) -> None:
    page = as_person(FIONA, "acme")
    page.goto(f"{site('acme')}/billing/?since=2020-01-01")
    expect(page.locator("[data-chart-place] canvas")).to_have_count(1)
    page.get_by_role("link", name="Component").click()
    page.wait_for_url("**by=component**")
    expect(page.get_by_role("table", name="Shares of the spending")).to_contain_text("Text to speech")
    page.get_by_text("Show as a table").click()
    expect(page.locator("figure table")).to_contain_text("Text to speech")


def test_a_chart_is_read_by_the_arrow_keys(as_person: AsPerson, site: Site, invoice: Invoice) -> None:
    """One stop of the Tab key; what a bar is made of is seen and, by a screen reader, heard."""
    page = as_person(FIONA, "acme")
    day = timezone.localdate(LedgerEntry.objects.get().started_at)
    page.goto(f"{site('acme')}/billing/?since={day - timedelta(days=2)}&until={day + timedelta(days=2)}")
    chart = page.get_by_role("slider")
    expect(chart).to_have_attribute("aria-label", re.compile(r"all of it for"))
    chart.focus()
    expect(chart).to_have_attribute("aria-valuenow", "5")
    expect(page.locator(".chart-tip")).to_contain_text("$0.00")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(chart).to_have_attribute("aria-valuenow", "3")
    expect(chart).to_have_attribute("aria-valuetext", re.compile(r"\$0\.0\d+, .+ \$0\.0\d+"))
    expect(page.locator(".chart-tip")).to_be_visible()
    page.evaluate("document.dispatchEvent(new CustomEvent('htmx:after:swap'))")  # another part of the page came in
    expect(chart).to_have_attribute("aria-valuenow", "3")
    expect(page.locator(".chart-tip")).to_be_visible()
    page.keyboard.press("Home")
    expect(chart).to_have_attribute("aria-valuenow", "1")
    page.keyboard.press("Escape")
    expect(page.locator(".chart-tip")).to_be_hidden()


def test_the_next_invoice_comes_by_itself(as_person: AsPerson, site: Site, invoice: Invoice) -> None:
    page = as_person(FIONA, "acme")
    page.goto(f"{site('acme')}/billing/")
    table = page.get_by_role("table", name="The next invoice in USD, so far")
    expect(table).to_contain_text("To be paid if nothing more were used")


def test_a_file_comes_down(as_person: AsPerson, site: Site, invoice: Invoice) -> None:
    page = as_person(FIONA, "acme")
    page.goto(f"{site('acme')}/billing/exports/?since=2026-01-01")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename.startswith("acme-entries-")
    with open(download.value.path()) as file:
        assert len(file.readlines()) == 2
