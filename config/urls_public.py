"""The public host: webhooks and APIs whose tenant is in a token, sign-in, and the platform staff's admin."""

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

urlpatterns = [
    path("", include("apps.tenants.urls_public")),
    path("", include("apps.compass.urls_public")),
    path("", include("apps.calls.urls_public")),
    path("", include("apps.herald.urls_public")),
    path("", include("apps.whatsapp.urls_public")),
    path("", include("apps.billing.urls_public")),
    path("staff/", include("apps.billing.urls_staff")),
    path("admin/", admin.site.urls),
    path("i18n/", include("django.conf.urls.i18n")),
    path("api/schema/", SpectacularAPIView.as_view(urlconf="config.urls_schema"), name="schema"),
    path("api/docs/", SpectacularSwaggerView.as_view(url_name="schema"), name="docs"),
]
handler400 = "apps.core.pages.bad_request"
handler403 = "apps.core.pages.forbidden"
handler404 = "apps.core.pages.not_found"
handler500 = "apps.core.pages.server_error"
