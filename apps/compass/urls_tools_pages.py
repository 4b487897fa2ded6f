"""Pages of tools and providers."""

from django.urls import path

from apps.compass.views.tools import library, providers

urlpatterns = [
    path("compass/tools/", library.tools, name="tools"),
    path("compass/tools/new", library.http_edit, name="tool-new"),
    path("compass/tools/test", library.http_test, name="tool-test"),
    path("compass/tools/mcp/new", library.mcp_edit, name="mcp-new"),
    path("compass/tools/mcp/<uuid:tool_id>", library.mcp_edit, name="mcp-edit"),
    path("compass/tools/mcp/<uuid:tool_id>/test", library.mcp_test, name="mcp-test"),
    path("compass/tools/<uuid:tool_id>", library.http_edit, name="tool-edit"),
    path("compass/tools/<uuid:tool_id>/delete", library.tool_remove, name="tool-delete"),
    path("compass/providers/", providers.providers, name="providers"),
    path("compass/providers/secrets/new", providers.secret_edit, name="secret-new"),
    path("compass/providers/secrets/<str:name>", providers.secret_edit, name="secret-edit"),
    path("compass/providers/secrets/<str:name>/delete", providers.secret_remove, name="secret-delete"),
    path("compass/providers/<str:provider>", providers.provider_edit, name="provider-edit"),
    path("compass/providers/<str:provider>/check", providers.provider_try, name="provider-check"),
    path("compass/providers/<str:provider>/delete", providers.provider_remove, name="provider-delete"),
]
