"""The tool library below /api/v1/."""

from django.urls import path

from apps.compass.apis import tools

urlpatterns = [
    path("tools", tools.ToolsView.as_view(), name="api-tools"),
    path("tools/<uuid:tool_id>", tools.OneToolView.as_view(), name="api-tool"),
    path("tools/<uuid:tool_id>/test", tools.TestToolView.as_view(), name="api-tool-test"),
    path("tools/<uuid:tool_id>/refresh", tools.RefreshToolView.as_view(), name="api-tool-refresh"),
]
