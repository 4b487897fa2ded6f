"""Staff note down a bank transfer and take it back, in both themes and on a phone."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from apps.billing.models import BankTransfer
from apps.tenants.models import Tenant
from tests.browser.test_everyone import PHONE, sideways, violations
from tests.browser.test_staff import as_staff, look  # noqa: F401  as_staff is a fixture
from tests.staff.factories import invoice_make

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
DESK = {"width": 1440, "height": 900}


@pytest.mark.slow
@pytest.mark.parametrize(("theme", "size"), [("light", DESK), ("dark", PHONE)])
def test_a_transfer_is_noted_and_taken_back(
    as_staff: Callable[..., Page],  # noqa: F811
    site: Callable[[str], str],
    theme: str,
    size: Any,
) -> None:
    invoice = invoice_make(Tenant.objects.get(schema_name="acme"), number="MER-0000042")
    page = as_staff(color_scheme=theme, reduced_motion="reduce", viewport=size)
    page.goto(f"{site('')}/staff/invoices/{invoice.pk}/")
    page.get_by_role("button", name="Paid by bank transfer").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Amount")).to_have_value("40.00")
    look(page, f"transfer-dialog-{theme}")
    assert violations(page) == []
    dialog.get_by_label("Booked by the bank on").fill(timezone.now().date().isoformat())
    dialog.get_by_label("Reference on the statement").fill("SEPA 4711 ACME LTD MER-0000042")
    dialog.get_by_role("button", name="Note it down").click()
    expect(page.locator("[data-toast]")).to_contain_text("It counts as paid")
    expect(page.get_by_text("SEPA 4711 ACME LTD MER-0000042")).to_be_visible()
    look(page, f"transfer-paid-{theme}")
    assert (violations(page), sideways(page) <= 0) == ([], True)
    page.get_by_role("button", name="Take the bank transfer back").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Why").fill("It was for another invoice.")
    dialog.get_by_role("button", name="Take the bank transfer back").click()
    expect(page.locator("[data-toast]")).to_contain_text("It is owed again")
    look(page, f"transfer-back-{theme}")
    assert BankTransfer.objects.get().undone_reason == "It was for another invoice."


@pytest.mark.slow
@pytest.mark.parametrize(("theme", "size"), [("light", PHONE), ("dark", DESK)])
def test_two_parts_and_more_than_was_left(
    as_staff: Callable[..., Page],  # noqa: F811
    as_person: Callable[..., Page],
    site: Callable[[str], str],
    theme: str,
    size: Any,
) -> None:
    acme = Tenant.objects.get(schema_name="acme")
    invoice = invoice_make(acme, number="MER-0000042")
    page = as_staff(color_scheme=theme, reduced_motion="reduce", viewport=size)
    page.goto(f"{site('')}/staff/invoices/{invoice.pk}/")
    for amount, said in (("15", "$25.00 are left"), ("30.50", "$5.50 came above it")):
        page.get_by_role("button", name="Paid by bank transfer").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Amount").fill(amount)
        dialog.get_by_label("Booked by the bank on").fill(timezone.now().date().isoformat())
        dialog.get_by_label("Reference on the statement").fill(f"SEPA 4711 ACME LTD {amount}")
        if amount != "15":
            dialog.get_by_label("It was more than is left").check()
        dialog.get_by_role("button", name="Note it down").click()
        expect(page.locator("[data-toast]")).to_contain_text(said)
        look(page, f"parts-{amount}-{theme}")
        assert (violations(page), sideways(page) <= 0) == ([], True)
    page.get_by_role("button", name="Say where the overpayment went").click()
    look(page, f"parts-where-{theme}")
    finance = as_person("alice@acme.test", "acme", color_scheme=theme, reduced_motion="reduce", viewport=size)
    finance.goto(f"{site('acme')}/billing/invoices/{invoice.pk}/")
    expect(finance.get_by_text("$5.50 more came than was to be paid.")).to_be_visible()
    look(finance, f"parts-finance-{theme}")
    assert (violations(finance), sideways(finance) <= 0) == ([], True)
