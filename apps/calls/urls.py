"""The Call Service's part of a tenant's API, under /api/v1/."""

from django.urls import path

from apps.calls.apis import CallTokenAPI

urlpatterns = [path("calls/token", CallTokenAPI.as_view(), name="call-token")]
