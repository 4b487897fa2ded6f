"""Addresses of Billing on a tenant's host, under /billing/. Its API is in urls_api."""

from django.urls import path

from apps.billing.views import limits, overview

urlpatterns = [
    path("", overview.overview, name="billing"),
    path("limits/", limits.limits, name="billing-limits"),
    path("limits/new", limits.limit_new, name="billing-limit-new"),
    path("limits/undo/<str:token>", limits.limit_undo, name="billing-limit-undo"),
    path("limits/<uuid:limit_id>", limits.limit_edit, name="billing-limit"),
    path("limits/<uuid:limit_id>/remove", limits.limit_delete, name="billing-limit-delete"),
]
