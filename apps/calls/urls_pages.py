"""The tenant host's pages of calls, and its dashboard."""

from django.urls import path

from apps.calls.views import dashboard, detail, listing, numbers, public, recordings, trends, trials, trunks

NUMBERS = "compass/numbers/"

urlpatterns = [
    path(NUMBERS, numbers.numbers, name="numbers"),
    path(f"{NUMBERS}phone/new", numbers.phone_edit, name="phone-number-new"),
    path(f"{NUMBERS}phone/<uuid:number_id>", numbers.phone_edit, name="phone-number-edit"),
    path(f"{NUMBERS}phone/<uuid:number_id>/delete", numbers.phone_delete, name="phone-number-delete"),
    path(f"{NUMBERS}trunks/new", trunks.trunk_new, name="trunk-new"),
    path(f"{NUMBERS}trunks/<uuid:trunk_id>", trunks.trunk, name="trunk"),
    path(f"{NUMBERS}trunks/<uuid:trunk_id>/edit", trunks.trunk_edit, name="trunk-edit"),
    path(f"{NUMBERS}trunks/<uuid:trunk_id>/password", trunks.trunk_password, name="trunk-password"),
    path(f"{NUMBERS}trunks/<uuid:trunk_id>/check", trunks.trunk_checked, name="trunk-check"),
    path(f"{NUMBERS}trunks/<uuid:trunk_id>/delete", trunks.trunk_delete, name="trunk-delete"),
    path("", dashboard.dashboard, name="dashboard"),
    path("trends", trends.trends, name="trends"),
    path("first-steps/dismiss", dashboard.first_steps_dismiss, name="first-steps-dismiss"),
    path("calls/", listing.calls, name="calls"),
    path("calls/<uuid:call_id>/", detail.call_detail, name="call"),
    path("calls/<uuid:call_id>/row", listing.call_row, name="call-row"),
    path("calls/<uuid:call_id>/recording/delete", recordings.recording_remove, name="call-recording-delete"),
    path("calls/trial/<uuid:agent_id>/", trials.trial, name="call-trial"),
    path("calls/<uuid:call_id>/trial", trials.trial_turns, name="call-trial-turns"),
    path("call/<slug:slug>", public.call_page, name="call-page"),
]
