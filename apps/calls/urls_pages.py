"""The tenant host's pages of calls, and its dashboard."""

from django.urls import path

from apps.calls.views import dashboard, detail, listing, public, trials

urlpatterns = [
    path("", dashboard.dashboard, name="dashboard"),
    path("calls/", listing.calls, name="calls"),
    path("calls/<uuid:call_id>/", detail.call_detail, name="call"),
    path("calls/<uuid:call_id>/row", listing.call_row, name="call-row"),
    path("calls/trial/<uuid:agent_id>/", trials.trial, name="call-trial"),
    path("calls/<uuid:call_id>/trial", trials.trial_turns, name="call-trial-turns"),
    path("call/<slug:slug>", public.call_page, name="call-page"),
]
