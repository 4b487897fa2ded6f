"""Pages of Compass on the tenant's host. Each area's addresses stand in a file of its own and are included here."""

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("apps.compass.urls_pages_agents")),
    path("", include("apps.compass.urls_knowledge")),
    path("", include("apps.compass.urls_tools_pages")),
    path("", include("apps.compass.urls_keys")),
    path("", include("apps.compass.urls_try")),
]
