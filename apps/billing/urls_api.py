"""Billing's part of a tenant's API, under /api/v1/billing/."""

from django.urls import URLPattern, path

from apps.billing.apis import entries, exports, invoices, limits, plans, spend

urlpatterns: list[URLPattern] = [
    path("spend", spend.SpendAPI.as_view(), name="billing-spend-api"),
    path("entries", entries.EntriesAPI.as_view(), name="billing-entries-api"),
    path("entries/<uuid:entry_id>", entries.EntryAPI.as_view(), name="billing-entry-api"),
    path("invoices", invoices.InvoicesAPI.as_view(), name="billing-invoices-api"),
    path("invoices/upcoming", invoices.UpcomingAPI.as_view(), name="billing-upcoming-api"),
    path("invoices/<uuid:invoice_id>", invoices.InvoiceAPI.as_view(), name="billing-invoice-api"),
    path("invoices/<uuid:invoice_id>/lines", invoices.InvoiceLinesAPI.as_view(), name="billing-invoice-lines-api"),
    path("exports", exports.ExportsAPI.as_view(), name="billing-exports-api"),
    path("limits", limits.LimitsAPI.as_view(), name="billing-limits-api"),
    path("limits/<uuid:limit_id>", limits.LimitAPI.as_view(), name="billing-limit-api"),
    path("plan", plans.PlanAPI.as_view(), name="billing-plan-api"),
    path("plan/preview", plans.PlanPreviewAPI.as_view(), name="billing-plan-preview-api"),
    path("plans", plans.PlansAPI.as_view(), name="billing-plans-api"),
]
