"""The Call Service's part of a tenant's API, under /api/v1/."""

from django.urls import path

from apps.calls import apis_calls, apis_dashboard, apis_numbers, apis_recording
from apps.calls.apis import CallTokenAPI

urlpatterns = [
    path("calls", apis_calls.CallsAPI.as_view(), name="api-calls"),
    path("calls/token", CallTokenAPI.as_view(), name="call-token"),
    path("calls/<uuid:call_id>", apis_calls.CallAPI.as_view(), name="api-call"),
    path("calls/<uuid:call_id>/recording", apis_recording.CallRecordingAPI.as_view(), name="api-call-recording"),
    path("dashboard", apis_dashboard.DashboardAPI.as_view(), name="api-dashboard"),
    path("dashboard/trends", apis_dashboard.TrendsAPI.as_view(), name="api-trends"),
    path("numbers", apis_numbers.NumbersAPI.as_view(), name="api-numbers"),
    path("numbers/<uuid:number_id>", apis_numbers.NumberAPI.as_view(), name="api-number"),
    path("trunks", apis_numbers.TrunksAPI.as_view(), name="api-trunks"),
    path("trunks/<uuid:trunk_id>", apis_numbers.TrunkAPI.as_view(), name="api-trunk"),
    path("trunks/<uuid:trunk_id>/password", apis_numbers.TrunkPasswordAPI.as_view(), name="api-trunk-password"),
    path("trunks/<uuid:trunk_id>/check", apis_numbers.TrunkCheckAPI.as_view(), name="api-trunk-check"),
]
