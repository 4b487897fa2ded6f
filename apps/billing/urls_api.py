"""Billing's part of a tenant's API, under /api/v1/billing/."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
