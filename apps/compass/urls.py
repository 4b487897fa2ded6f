"""APIs of Compass below /api/v1/ on the tenant's host. Each area's addresses stand in a file of its own and are included here."""

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("apps.compass.urls_tools")),
    path("", include("apps.compass.urls_agents")),
    path("", include("apps.compass.urls_knowledge_api")),
    path("", include("apps.compass.urls_checks_api")),
    path("", include("apps.compass.urls_webhooks")),
    path("", include("apps.compass.urls_providers_api")),
]
