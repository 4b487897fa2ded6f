"""Addresses of the platform's staff, on the public host below /staff/."""

from django.urls import path

from apps.billing.views.staff import invoice, tenant, tenants

urlpatterns = [
    path("", tenants.tenants, name="staff"),
    path("tenants/<slug:slug>/", tenant.tenant, name="staff-tenant"),
    path("tenants/<slug:slug>/suspend", tenant.suspend, name="staff-tenant-suspend"),
    path("tenants/<slug:slug>/restore", tenant.restore, name="staff-tenant-restore"),
    path("invoices/<uuid:invoice_id>/", invoice.invoice, name="staff-invoice"),
]
