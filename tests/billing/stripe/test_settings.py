"""Stripe's settings: a key without a webhook secret stops start-up with a sentence; errors tell what to do and never the key."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import stripe as sdk

from apps.billing import stripe_api, stripe_calls
from apps.billing.stripe_api import StripeMissing, StripeRefused, StripeUnavailable, stripe_configured
from config import env
from config.env import MissingSetting
from tests.standins.stripe import API_KEY, Fault, Stripe

ROOT = Path(__file__).parents[3]


def start(**env: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-c",
        "import django; django.setup(); from django.conf import settings; print(settings.STRIPE_API_BASE)",
    ]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **env}, capture_output=True, text=True, timeout=60, check=False)


def test_a_key_without_its_webhook_secret_stops_start_up() -> None:
    done = start(STRIPE_SECRET_KEY="sk_test_1")
    assert done.returncode == 78
    assert "Meridian cannot start: STRIPE_WEBHOOK_SECRET is not set." in done.stderr
    assert "nothing here would hear that an invoice was paid" in done.stderr
    assert "sk_test_1" not in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "given", [{}, {"STRIPE_WEBHOOK_SECRET": "whsec_1"}, {"STRIPE_SECRET_KEY": "sk_1", "STRIPE_WEBHOOK_SECRET": "w"}]
)
def test_neither_or_both_start(given: dict[str, str]) -> None:
    assert start(**given).stdout == "https://api.stripe.com\n"


def test_other_than_four_days_of_dunning_stop_start_up() -> None:
    done = start(DUNNING_DAYS="3,10,20")
    assert (done.returncode, "Traceback" in done.stderr) == (78, False)
    assert "DUNNING_DAYS is 3,10,20. It is days after the due date" in done.stderr


@pytest.mark.parametrize("days", ["3,10,20,30,40", "3,10,20,soon", "3,20,10,30", "-1,10,20,30"])
def test_days_that_cannot_be(days: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUNNING_DAYS", days)
    with pytest.raises(MissingSetting):
        env.days("DUNNING_DAYS", "3,10,20,30")
    monkeypatch.setenv("DUNNING_DAYS", "0, 0,7,14")
    assert env.days("DUNNING_DAYS", "3,10,20,30") == [0, 0, 7, 14]


def test_configured_is_said_by_the_key(settings: Any) -> None:
    settings.STRIPE_SECRET_KEY = ""
    assert not stripe_configured()
    with pytest.raises(StripeRefused, match="Set STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRET"):
        stripe_calls.invoice_get("in_1")
    settings.STRIPE_SECRET_KEY = API_KEY
    assert stripe_configured()


def test_the_version_is_the_one_that_the_sdk_knows() -> None:
    """An update of the SDK is looked at before the pinned version follows it."""
    assert sdk.api_version is None or sdk.api_version == stripe_api.API_VERSION
    from stripe._api_version import _ApiVersion

    assert stripe_api.API_VERSION == _ApiVersion.CURRENT


def test_another_version_would_be_noticed(stripe: Stripe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stripe_api, "API_VERSION", "2020-08-27")
    stripe_api._client.cache_clear()
    with pytest.raises(StripeRefused, match="Invalid Stripe API version"):
        stripe_calls.invoice_get("in_1")


@pytest.mark.parametrize(
    ("kind", "error", "answered"),
    [("500", StripeUnavailable, True), ("drop", StripeUnavailable, False), ("429", StripeUnavailable, False)],
)
def test_what_may_pass_by_itself(stripe: Stripe, kind: Any, error: type[Exception], answered: bool) -> None:
    stripe.faults = [Fault(".*", kind, times=9)]
    with pytest.raises(StripeUnavailable) as caught:
        stripe_calls.customers_with("meridian_tenant", "acme")
    assert caught.value.answered is answered
    assert "tried again by itself" in str(caught.value)


def test_a_request_that_gets_no_answer_ends(stripe: Stripe) -> None:
    stripe.faults = [Fault(".*", "late_after", times=2, seconds=3)]
    with pytest.raises(StripeUnavailable, match="did not answer"):
        stripe_calls.customers_with("meridian_tenant", "acme")
    assert len(stripe.calls) == 2


def test_a_connection_that_breaks_once_is_tried_again_with_the_same_key(stripe: Stripe) -> None:
    stripe.faults = [Fault("POST /v1/customers", "drop_after")]
    made = stripe_calls.customer_create({"name": "Acme"}, key="one")
    assert (stripe.count("customer"), made["name"]) == (1, "Acme")
    keys = {seen.headers["idempotency-key"] for seen in stripe.requests("/v1/customers")}
    assert (len(stripe.calls), keys) == (2, {"one"})


def test_what_is_gone_is_missing(stripe: Stripe) -> None:
    with pytest.raises(StripeMissing, match="No such invoice"):
        stripe_calls.invoice_get("in_none")


def test_the_same_key_for_something_else_is_refused(stripe: Stripe) -> None:
    stripe_calls.customer_create({"name": "Acme"}, key="one")
    with pytest.raises(StripeRefused, match="same parameters"):
        stripe_calls.customer_create({"name": "Other"}, key="one")
    assert stripe.count("customer") == 1


def test_the_key_is_in_no_error(stripe: Stripe, monkeypatch: pytest.MonkeyPatch) -> None:
    def echo(*_: Any, **__: Any) -> Any:
        raise sdk.InvalidRequestError(f"No access with {API_KEY}", "x", http_status=400)

    monkeypatch.setattr("stripe.InvoiceService.retrieve", echo)
    with pytest.raises(StripeRefused) as caught:
        stripe_calls.invoice_get("in_1")
    assert str(caught.value) == "Stripe refused this: No access with (key)"
