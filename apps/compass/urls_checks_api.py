"""Checks below /api/v1/."""

from django.urls import path

from apps.compass.apis import checks

AGENT = "agents/<uuid:agent_id>"
urlpatterns = [
    path(f"{AGENT}/checks", checks.ScenariosView.as_view(), name="api-checks"),
    path(f"{AGENT}/checks/<uuid:scenario_id>", checks.ScenarioView.as_view(), name="api-check"),
    path(f"{AGENT}/runs", checks.RunsView.as_view(), name="api-check-runs"),
    path(f"{AGENT}/runs/<uuid:run_id>", checks.RunView.as_view(), name="api-check-run"),
]
