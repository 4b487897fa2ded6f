"""What the OpenAPI schema describes: the public host's addresses and the API of every tenant's host."""

from django.urls import include, path

from config.urls_public import urlpatterns as public

urlpatterns = [
    *public,
    path("api/v1/", include("apps.calls.urls")),
    path("api/v1/", include("apps.compass.urls")),
    path("api/v1/", include("apps.desktop.urls")),
]
