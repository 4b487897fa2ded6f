"""Trying and checking an agent, below /compass/agents/."""

from django.urls import path

from apps.compass.views import checks, trying

AGENT = "compass/agents/<uuid:agent_id>"
urlpatterns = [
    path(f"{AGENT}/try/chat", trying.try_chat, name="agent-try-chat"),
    path(f"{AGENT}/try/stop", trying.try_stop, name="agent-try-stop"),
    path(f"{AGENT}/checks/", checks.checks_panel, name="agent-checks"),
    path(f"{AGENT}/checks/run", checks.checks_run, name="agent-checks-run"),
    path(f"{AGENT}/checks/policy", checks.checks_policy, name="agent-checks-policy"),
    path(f"{AGENT}/checks/new", checks.scenario_new, name="agent-check-new"),
    path(f"{AGENT}/checks/runs/<uuid:run_id>/", checks.run_detail, name="agent-checks-result"),
    path(f"{AGENT}/checks/runs/<uuid:run_id>/cancel", checks.checks_cancel, name="agent-checks-cancel"),
    path(f"{AGENT}/checks/<uuid:scenario_id>/", checks.scenario_edit, name="agent-check-edit"),
    path(f"{AGENT}/checks/<uuid:scenario_id>/delete", checks.scenario_drop, name="agent-check-delete"),
]
