"""Billing's addresses: reports of calls, and what finance reads."""

from apps.billing.apis.calls import BillingCallsView

__all__ = ["BillingCallsView"]
