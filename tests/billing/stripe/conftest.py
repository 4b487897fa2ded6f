"""The product is pointed at a pretend Stripe, with timeouts of a test's length; a request inside a transaction fails the test."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from apps.billing import stripe_api
from tests.standins.stripe import API_KEY, WEBHOOK_SECRET, Stripe


@pytest.fixture
def stripe(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stripe]:
    """A fresh pretend Stripe. Its clock, cards, faults and events are the test's."""
    monkeypatch.setattr(stripe_api, "TIMEOUT", (2.0, 1.0))
    monkeypatch.setattr("stripe.HTTPClient.INITIAL_DELAY", 0.01)
    monkeypatch.setattr("stripe.HTTPClient.MAX_DELAY", 0.01)
    with Stripe("http://localhost/stripe/webhook") as server:
        settings.STRIPE_SECRET_KEY = API_KEY
        settings.STRIPE_WEBHOOK_SECRET = WEBHOOK_SECRET
        settings.STRIPE_API_BASE = server.base_url
        yield server
        assert server.problems == []
    stripe_api._client.cache_clear()


@pytest.fixture
def outside_transactions(stripe: Stripe, db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every request is made while no transaction is open, but for the one that a test may run in."""
    from apps.billing import stripe_calls

    ask, inside, depth = stripe_calls._ask, connection.in_atomic_block, len(connection.savepoint_ids)

    def guarded(*args: Any, **options: Any) -> Any:
        now = (connection.in_atomic_block, len(connection.savepoint_ids))
        assert now == (inside, depth), "a request to Stripe was made inside a transaction"
        return ask(*args, **options)

    monkeypatch.setattr(stripe_calls, "_ask", guarded)
    yield
