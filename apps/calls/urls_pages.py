"""The tenant host's pages of calls, and its dashboard."""

from django.urls import path

from apps.calls.views import dashboard, detail, listing, public

urlpatterns = [
    path("", dashboard.dashboard, name="dashboard"),
    path("calls/", listing.calls, name="calls"),
    path("calls/<uuid:call_id>/", detail.call_detail, name="call"),
    path("calls/<uuid:call_id>/row", listing.call_row, name="call-row"),
    path("call/<slug:slug>", public.call_page, name="call-page"),
]
