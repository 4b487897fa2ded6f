"""Addresses of Compass on the public host."""

from django.urls import path

from apps.compass.apis import worker

urlpatterns = [
    path("agents/<str:agent_id>", worker.AgentView.as_view(), name="agent-config"),
    path("agents/<str:agent_id>/tools/<str:name>", worker.ToolView.as_view(), name="agent-tool"),
]
