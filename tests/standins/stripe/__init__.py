"""The pretend Stripe: keeps what it is told, answers in Stripe's shapes, signs webhooks, and fails when asked to."""

from tests.standins.stripe.faults import Fault
from tests.standins.stripe.server import API_KEY, WEBHOOK_SECRET, Stripe

__all__ = ["API_KEY", "WEBHOOK_SECRET", "Fault", "Stripe"]
