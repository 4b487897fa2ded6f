"""Addresses of Billing on the public host."""

from django.urls import path

from apps.billing import apis

urlpatterns = [
    path("billing/calls", apis.BillingCallsView.as_view(), name="billing-calls"),
]
