"""Addresses of Billing on a tenant's host, under /billing/. Its API is in urls_api."""

from django.urls import path

from apps.billing.views import entries, exports, invoices, limits, overview, plan

urlpatterns = [
    path("", overview.overview, name="billing"),
    path("upcoming", overview.upcoming, name="billing-upcoming"),
    path("limits/", limits.limits, name="billing-limits"),
    path("limits/new", limits.limit_new, name="billing-limit-new"),
    path("limits/undo/<str:token>", limits.limit_undo, name="billing-limit-undo"),
    path("limits/<uuid:limit_id>", limits.limit_edit, name="billing-limit"),
    path("limits/<uuid:limit_id>/remove", limits.limit_delete, name="billing-limit-delete"),
    path("usage/", entries.entries, name="billing-entries"),
    path("usage/<uuid:entry_id>/", entries.entry, name="billing-entry"),
    path("invoices/", invoices.invoices, name="billing-invoices"),
    path("invoices/portal", invoices.portal, name="billing-portal"),
    path("invoices/<uuid:invoice_id>/", invoices.invoice, name="billing-invoice"),
    path("exports/", exports.exports, name="billing-exports"),
    path("exports/file", exports.export_file, name="billing-export-file"),
    path("plan/", plan.plan, name="billing-plan"),
    path("plan/change", plan.plan_change, name="billing-plan-change"),
    path("plan/seats", plan.seats_full, name="billing-plan-seats"),
    path("details/", plan.details, name="billing-details"),
]
