"""Addresses of the agent pages."""

from django.urls import path

from apps.compass.views.agents import editing, history, listing, offers

ONE = "compass/agents/<slug:slug>/"

urlpatterns = [
    path("compass/agents/", listing.agents, name="agents"),
    path("compass/agents/new", listing.agent_new, name="agent-new"),
    path("compass/agents/import", listing.agent_upload, name="agent-import"),
    path("compass/agents/voices", offers.voice_offers, name="agent-voices"),
    path("compass/agents/voices/sample", offers.voice_sample, name="agent-voice-sample"),
    path("compass/agents/models", offers.model_offers, name="agent-models"),
    path(ONE, editing.agent, name="agent"),
    path(f"{ONE}save", editing.agent_save, name="agent-save"),
    path(f"{ONE}discard", editing.draft_drop, name="agent-discard"),
    path(f"{ONE}publish", history.publish, name="agent-publish"),
    path(f"{ONE}history", history.history, name="agent-history"),
    path(f"{ONE}history/<int:number>", history.comparison, name="agent-version"),
    path(f"{ONE}history/<int:number>/restore", history.restore, name="agent-restore"),
    path(f"{ONE}export", listing.agent_download, name="agent-export"),
    path(f"{ONE}duplicate", listing.agent_copy, name="agent-duplicate"),
    path(f"{ONE}switch", listing.agent_switch, name="agent-switch"),
    path(f"{ONE}delete", listing.agent_remove, name="agent-delete"),
]
