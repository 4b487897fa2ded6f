"""A tenant's host: its pages and its API."""

from django.urls import include, path

urlpatterns = [
    path("", include("apps.calls.urls_pages")),
    path("", include("apps.compass.urls_pages")),
    path("", include("apps.desktop.urls_pages")),
    path("", include("apps.whatsapp.urls_pages")),
    path("", include("apps.tenants.urls_tenant")),
    path("billing/", include("apps.billing.urls_tenant")),
    path("api/v1/", include("apps.calls.urls")),
    path("api/v1/", include("apps.compass.urls")),
    path("api/v1/", include("apps.desktop.urls")),
    path("api/v1/", include("apps.tenants.urls")),
    path("api/v1/", include("apps.whatsapp.urls")),
    path("api/v1/billing/", include("apps.billing.urls_api")),
    path("i18n/", include("django.conf.urls.i18n")),
]
handler400 = "apps.core.pages.bad_request"
handler403 = "apps.core.pages.forbidden"
handler404 = "apps.core.pages.not_found"
handler500 = "apps.core.pages.server_error"
