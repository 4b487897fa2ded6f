"""`/api/v1/agents`."""

from django.urls import path

from apps.compass.apis import agents, offers, trials

ONE = "agents/<uuid:agent_id>"

urlpatterns = [
    path("agents", agents.AgentsView.as_view(), name="api-agents"),
    path("agents/import", agents.ImportView.as_view(), name="api-agent-import"),
    path("voices", offers.VoicesAPI.as_view(), name="api-voices"),
    path("voices/sample", offers.VoiceSampleAPI.as_view(), name="api-voice-sample"),
    path("models", offers.ModelsAPI.as_view(), name="api-models"),
    path(ONE, agents.AgentDetailView.as_view(), name="api-agent"),
    path(f"{ONE}/duplicate", agents.DuplicateView.as_view(), name="api-agent-duplicate"),
    path(f"{ONE}/draft", agents.DraftView.as_view(), name="api-agent-draft"),
    path(f"{ONE}/trial", trials.TrialView.as_view(), name="api-agent-trial"),
    path(f"{ONE}/publish", agents.PublishView.as_view(), name="api-agent-publish"),
    path(f"{ONE}/export", agents.ExportView.as_view(), name="api-agent-export"),
    path(f"{ONE}/versions", agents.VersionsView.as_view(), name="api-agent-versions"),
    path(f"{ONE}/versions/<int:number>", agents.VersionView.as_view(), name="api-agent-version"),
    path(f"{ONE}/versions/<int:number>/diff", agents.DiffView.as_view(), name="api-agent-diff"),
    path(f"{ONE}/versions/<int:number>/restore", agents.RestoreView.as_view(), name="api-agent-restore"),
]
