"""Addresses of Billing on a tenant's host, under /billing/. Its API is in urls_api."""

from django.urls import path

from apps.billing.views import overview

urlpatterns = [
    path("", overview.overview, name="billing"),
]
