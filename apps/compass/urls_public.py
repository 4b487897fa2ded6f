"""Addresses of Compass on the public host."""

from django.urls import path

from apps.compass import apis

urlpatterns = [
    path("agents/<str:agent_id>", apis.AgentView.as_view(), name="agent-config"),
    path("agents/<str:agent_id>/tools/<str:name>", apis.ToolView.as_view(), name="agent-tool"),
]
