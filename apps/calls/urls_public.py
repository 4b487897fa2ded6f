"""The Call Service on the public host: LiveKit's webhook, and the agents' side of a call."""

from django.urls import path

from apps.calls.apis import CallEventsAPI, CallTranscriptAPI
from apps.calls.apis_recording import CallRecordingPartAPI
from apps.calls.webhooks import livekit_webhook

urlpatterns = [
    path("livekit/webhook", livekit_webhook, name="livekit-webhook"),
    path("calls/<uuid:call_id>/events", CallEventsAPI.as_view(), name="call-events"),
    path("calls/<uuid:call_id>/transcript", CallTranscriptAPI.as_view(), name="call-transcript"),
    path("calls/<uuid:call_id>/recording", CallRecordingPartAPI.as_view(), name="call-recording-part"),
]
