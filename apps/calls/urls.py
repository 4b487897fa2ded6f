"""The Call Service's part of a tenant's API, under /api/v1/."""

from django.urls import path

from apps.calls import apis_numbers
from apps.calls.apis import CallTokenAPI

urlpatterns = [
    path("calls/token", CallTokenAPI.as_view(), name="call-token"),
    path("numbers", apis_numbers.NumbersAPI.as_view(), name="api-numbers"),
    path("numbers/<uuid:number_id>", apis_numbers.NumberAPI.as_view(), name="api-number"),
    path("trunks", apis_numbers.TrunksAPI.as_view(), name="api-trunks"),
    path("trunks/<uuid:trunk_id>", apis_numbers.TrunkAPI.as_view(), name="api-trunk"),
]
