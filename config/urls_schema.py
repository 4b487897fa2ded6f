"""What the OpenAPI schema describes: the public host's addresses and the API of every tenant's host."""

from django.urls import URLPattern, URLResolver

from config.urls_public import urlpatterns as public
from config.urls_tenant import urlpatterns as tenant


def _is_api(pattern: URLPattern | URLResolver) -> bool:
    return str(pattern.pattern).startswith("api/v1/")


urlpatterns = [*public, *filter(_is_api, tenant)]
