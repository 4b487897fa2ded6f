"""Addresses of the platform's staff, on the public host below /staff/."""

from django.urls import path

from apps.billing.views.staff import (
    books,
    conflicts,
    credits,
    invoice,
    limits,
    overrides,
    plans,
    preview,
    revenue,
    tenant,
    tenants,
    unpriced,
)

urlpatterns = [
    path("", tenants.tenants, name="staff"),
    path("tenants/<slug:slug>/", tenant.tenant, name="staff-tenant"),
    path("tenants/<slug:slug>/suspend", tenant.suspend, name="staff-tenant-suspend"),
    path("tenants/<slug:slug>/restore", tenant.restore, name="staff-tenant-restore"),
    path("invoices/<uuid:invoice_id>/", invoice.invoice, name="staff-invoice"),
    path("tenants/<slug:slug>/prices", overrides.override_new, name="staff-override"),
    path("tenants/<slug:slug>/prices/<uuid:override_id>/end", overrides.end, name="staff-override-end"),
    path("books/", books.books, name="staff-books"),
    path("books/copy", books.copy, name="staff-book-copy"),
    path("books/<uuid:book_id>/", books.book, name="staff-book"),
    path("books/<uuid:book_id>/delete", books.delete, name="staff-book-delete"),
    path("books/<uuid:book_id>/preview", preview.preview, name="staff-book-preview"),
    path("unpriced/", unpriced.unpriced, name="staff-unpriced"),
    path("unpriced/price", unpriced.price, name="staff-unpriced-price"),
    path("unpriced/charge", unpriced.rerate, name="staff-rerate"),
    path("conflicts/", conflicts.conflicts, name="staff-conflicts"),
    path("conflicts/<uuid:conflict_id>/decide", conflicts.decide, name="staff-conflict-decide"),
    path("credits/", credits.credits_page, name="staff-credits"),
    path("limits/", limits.limits, name="staff-limits"),
    path("plans/", plans.plans, name="staff-plans"),
    path("plans/new", plans.plan_new, name="staff-plan-new"),
    path("plans/<uuid:plan_id>/retire", plans.retire, name="staff-plan-retire"),
    path("revenue/", revenue.revenue, name="staff-revenue"),
    path("revenue/parts", revenue.parts, name="staff-revenue-parts"),
    path("revenue/csv", revenue.revenue_csv, name="staff-revenue-csv"),
]
