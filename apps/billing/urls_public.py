"""Addresses of Billing on the public host."""

from django.urls import path

from apps.billing import apis
from apps.billing.webhooks import stripe_webhook

urlpatterns = [
    path("billing/calls", apis.BillingCallsView.as_view(), name="billing-calls"),
    path("stripe/webhook", stripe_webhook, name="stripe-webhook"),
]
