"""The WhatsApp Service on the public host: Meta's webhook, and what Herald says."""

from django.urls import path

from apps.whatsapp.apis import ReplyView
from apps.whatsapp.webhooks import meta_webhook

urlpatterns = [
    path("meta/webhook", meta_webhook, name="meta-webhook"),
    path("reply", ReplyView.as_view(), name="reply"),
]
