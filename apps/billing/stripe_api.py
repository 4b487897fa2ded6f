"""Stripe's API through its SDK: one client for each key, with timeouts and a pinned version, and two kinds of errors.

Wire format: https://docs.stripe.com/api; errors: https://docs.stripe.com/error-handling
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import stripe
from django.conf import settings

from apps.core.errors import PermanentError, TransientError

API_VERSION = "2026-10-28.endive"  # the one whose fields are read here; another one is a change of code
TIMEOUT = (5.0, 20.0)  # seconds to connect and to answer
NETWORK_RETRIES = 1  # by the SDK, with the same idempotency key; what comes later is the sweep's
AFTER_LIMIT = 5.0  # seconds to stay away after a 429
ANSWERED = 500
NOT_CONFIGURED = (
    "Stripe is not configured here, so this invoice stays a draft. "
    "Set STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRET (docs/billing.md, Stripe)."
)

stripe.enable_telemetry = False
logging.getLogger("stripe").setLevel(logging.WARNING)  # below that it logs what was asked for


class StripeUnavailable(TransientError):
    """Stripe could not be reached, was too busy, or broke. `answered`: it said so itself, and repeats that for the same key."""

    def __init__(self, message: str, *, after: float | None = None, answered: bool = False) -> None:
        super().__init__(message, after=after)
        self.answered = answered


class StripeRefused(PermanentError):
    """Stripe said no, or must not be asked. The text is for whoever looks after the money; `code` is Stripe's, if it gave one."""

    def __init__(self, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class StripeMissing(StripeRefused):
    """Stripe does not know what it was asked about."""


class StripeNotConfigured(StripeRefused):
    """This installation has no Stripe account."""


def stripe_configured() -> bool:
    """True where invoices can leave the house; start-up made sure that the webhook's secret is there as well."""
    return bool(settings.STRIPE_SECRET_KEY)


def client() -> Any:
    """The services of Stripe's first API with this installation's key. Raises StripeNotConfigured."""
    if not stripe_configured():
        raise StripeNotConfigured(NOT_CONFIGURED)
    return _client(settings.STRIPE_SECRET_KEY, settings.STRIPE_API_BASE).v1


@lru_cache(maxsize=8)
def _client(key: str, base: str) -> stripe.StripeClient:
    return stripe.StripeClient(
        key,
        stripe_version=API_VERSION,
        base_addresses={"api": base},
        max_network_retries=NETWORK_RETRIES,
        http_client=stripe.RequestsClient(timeout=TIMEOUT),
    )


@contextmanager
def stripe_errors() -> Iterator[None]:
    """Turns what the SDK raises into StripeUnavailable, StripeMissing or StripeRefused, none of which tells the key."""
    try:
        yield
    except stripe.RateLimitError as error:
        raise StripeUnavailable("Stripe asks for a pause; it is tried again by itself.", after=AFTER_LIMIT) from error
    except stripe.APIConnectionError as error:
        raise StripeUnavailable("Stripe could not be reached or did not answer; it is tried again by itself.") from error
    except stripe.StripeError as error:
        raise _classified(error) from error


def _classified(error: stripe.StripeError) -> StripeUnavailable | StripeRefused:
    status, code = error.http_status or 0, error.code or ""
    if status >= ANSWERED:
        return StripeUnavailable("Stripe answered with an error of its own; it is tried again by itself.", answered=True)
    if status == 409 or code in ("lock_timeout", "idempotency_key_in_use"):
        return StripeUnavailable("Stripe is still busy with the same request; it is tried again by itself.", after=AFTER_LIMIT)
    if isinstance(error, stripe.AuthenticationError):
        return StripeRefused(
            "Stripe does not accept STRIPE_SECRET_KEY. Take the key from your Stripe dashboard again.", code=code
        )
    if isinstance(error, stripe.PermissionError):
        return StripeRefused(
            "STRIPE_SECRET_KEY may not do this. Give the restricted key the rights named in docs/billing.md, Stripe.", code=code
        )
    if status == 404 or code == "resource_missing":
        return StripeMissing(f"Stripe does not know this any more: {_message(error)}", code=code)
    if status == 0:
        return StripeUnavailable("Stripe's answer could not be read; it is tried again by itself.")
    return StripeRefused(_sentence(code) or f"Stripe refused this: {_message(error)}", code=code)


# What finance can do about the refusals that are common; the others bring Stripe's own sentence.
SENTENCES = {
    "tax_id_invalid": "Stripe does not accept the tax id. Correct it under Billing, Details, and send the invoice again.",
    "email_invalid": "Stripe does not accept the e-mail address for invoices. Correct it under Billing, Details.",
    "country_unsupported": "Stripe does not know this country. Correct it under Billing, Details.",
    "customer_tax_location_invalid": (
        "Stripe Tax cannot tell where the customer is. Complete the address under Billing, Details, and send the invoice again."
    ),
    "invoice_not_editable": "This invoice was finalized at Stripe and cannot be changed any more. Use a credit note.",
    "amount_too_large": "The amount is above what Stripe takes in one invoice.",
    "amount_too_small": "The amount is below what Stripe can charge in this currency.",
    "testmode_charges_only": "The Stripe account is not activated for live payments yet. Finish its setup at Stripe.",
    "url_invalid": "Stripe does not accept the address to return to; it needs https outside of test mode.",
}


def _sentence(code: str) -> str:
    return SENTENCES.get(code, "")


def _message(error: stripe.StripeError) -> str:
    """Stripe's own words, in one line; a key in them is starred by Stripe already, and cut here in any case."""
    text = " ".join((error.user_message or "no reason was given").split())
    return text.replace(settings.STRIPE_SECRET_KEY, "(key)")[:300] if settings.STRIPE_SECRET_KEY else text[:300]
