"""Every request to Stripe is one that its API knows: stripe-mock checks paths, parameters and their types against the schema."""

import inspect
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from apps.billing import stripe_api, stripe_calls
from apps.billing.services import stripe_credits, stripe_customers, stripe_sync
from apps.billing.stripe_api import StripeRefused
from apps.core.ids import uuid7
from tests.billing.stripe.factories import draft_of, profile_of
from tests.standins.stripe_mock import stripe_mock

SINCE = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="session")
def mock_url() -> Iterator[str]:
    with stripe_mock() as url:
        yield url


@pytest.fixture(autouse=True)
def mocked(mock_url: str, settings: Any) -> Iterator[None]:
    settings.STRIPE_SECRET_KEY = "sk_test_0123456789abcdef"
    settings.STRIPE_API_BASE = mock_url
    yield
    stripe_api._client.cache_clear()


CALLS: dict[str, Callable[[], Any]] = {
    "customers_since": lambda: list(stripe_calls.customers_since(SINCE)),
    "customers_with": lambda: stripe_calls.customers_with("meridian_tenant", "acme"),
    "tax_ids_of": lambda: stripe_calls.tax_ids_of("cus_1"),
    "tax_id_create": lambda: stripe_calls.tax_id_create("cus_1", "eu_vat", "DE123456789", key="k"),
    "tax_id_delete": lambda: stripe_calls.tax_id_delete("cus_1", "txi_1"),
    "portal_create": lambda: stripe_calls.portal_create("cus_1", "https://meridian.test/billing/"),
    "invoice_get": lambda: stripe_calls.invoice_get("in_1"),
    "invoices_of": lambda: list(stripe_calls.invoices_of("cus_1")),
    "invoices_since": lambda: list(stripe_calls.invoices_since(SINCE)),
    "items_of": lambda: stripe_calls.items_of("in_1"),
    "invoice_finalize": lambda: stripe_calls.invoice_finalize("in_1", auto_advance=True, key="k"),
    "invoice_mail": lambda: stripe_calls.invoice_mail("in_1", key="k"),
    "invoice_advance": lambda: stripe_calls.invoice_advance("in_1", on=False),
    "invoice_pay_outside": lambda: stripe_calls.invoice_pay_outside("in_1", key="k"),
    "invoice_void": lambda: stripe_calls.invoice_void("in_1", key="k"),
    "invoice_write_off": lambda: stripe_calls.invoice_write_off("in_1", key="k"),
    "invoice_delete": lambda: stripe_calls.invoice_delete("in_1"),
    "credit_note_get": lambda: stripe_calls.credit_note_get("cn_1"),
    "credit_notes_of": lambda: stripe_calls.credit_notes_of("in_1"),
    "dispute_get": lambda: stripe_calls.dispute_get("du_1"),
    "invoices_paid_by": lambda: stripe_calls.invoices_paid_by("pi_1"),
}
WITH_PARAMS = {"customer_create", "customer_update", "invoice_create", "item_create", "credit_note_create"}


def test_every_call_is_checked_here() -> None:
    names = {name for name, function in inspect.getmembers(stripe_calls, inspect.isfunction) if not name.startswith("_")}
    ours = {name for name in names if getattr(stripe_calls, name).__module__ == stripe_calls.__name__}
    assert ours == CALLS.keys() | WITH_PARAMS


@pytest.mark.parametrize("name", CALLS)
def test_stripes_schema_takes_it(name: str) -> None:
    CALLS[name]()


def test_what_the_schema_does_not_know_is_refused() -> None:
    """So that the tests above are worth something."""
    with pytest.raises(StripeRefused):
        stripe_calls.invoice_create({"customer": "cus_1", "colour": "red"}, key="k")
    with pytest.raises(StripeRefused):
        stripe_calls.item_create({"customer": "cus_1", "amount": "much"}, key="k")


@pytest.mark.django_db
@pytest.mark.parametrize("card", [True, False])
@pytest.mark.parametrize("tax", [True, False])
def test_the_customer_and_the_invoice_as_they_are_sent(acme: Any, settings: Any, card: bool, tax: bool) -> None:
    """With the very parameters that sending makes."""
    settings.STRIPE_AUTOMATIC_TAX = tax
    profile = profile_of(
        acme, legal_name="Acme GmbH", email="money@acme.test", line1="Road 1", line2="", city="Bonn", state="NRW",
        postal_code="53111", country="DE",
    )  # fmt: skip
    params = stripe_customers._params(profile)
    stripe_calls.customer_create(params, key=stripe_customers.key_of("customer", "acme", params))
    stripe_calls.customer_update("cus_1", params)
    invoice = draft_of(acme)
    customer = {"id": "cus_1", "invoice_settings": {"default_payment_method": "pm_1" if card else None}}
    draft = stripe_sync._draft_params(invoice, customer)
    assert draft["collection_method"] == ("charge_automatically" if card else "send_invoice")
    stripe_calls.invoice_create(draft, key="k")
    invoice.stripe_id = "in_1"
    wanted = list(stripe_sync._wanted(invoice, "cus_1"))
    assert len(wanted) == 3
    for _, _, item in wanted:
        stripe_calls.item_create(item, key="k")


@pytest.mark.django_db
@pytest.mark.parametrize("open_there", [3000, 200, 0])
def test_credit_notes_as_they_are_sent(acme: Any, open_there: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what is open, of what is paid in part, and of what is paid."""
    from apps.billing.models import CreditNote

    invoice = draft_of(acme, stripe_id="in_1")
    note = CreditNote(pk=uuid7(), invoice=invoice, number="CN-1", amount=Decimal("5.00"), reason="The line was bad.")
    stripe_credits._post(note, open_there)
