"""API keys and webhooks in the settings."""

from django.urls import path

from apps.compass.views import keys, webhooks

HOOK = "compass/webhooks/<uuid:endpoint_id>"

urlpatterns = [
    path("compass/keys/", keys.keys, name="api-keys"),
    path("compass/keys/new", keys.key_new, name="api-key-new"),
    path("compass/keys/<uuid:key_id>/revoke", keys.key_revoke, name="api-key-revoke"),
    path("compass/keys/<uuid:key_id>/restore", keys.key_restore, name="api-key-restore"),
    path("compass/webhooks/", webhooks.webhooks, name="webhooks"),
    path("compass/webhooks/new", webhooks.webhook_new, name="webhook-new"),
    path(HOOK, webhooks.webhook, name="webhook"),
    path(f"{HOOK}/edit", webhooks.webhook_edit, name="webhook-edit"),
    path(f"{HOOK}/test", webhooks.webhook_send_test, name="webhook-test"),
    path(f"{HOOK}/rotate", webhooks.webhook_rotate, name="webhook-rotate"),
    path(f"{HOOK}/delete", webhooks.webhook_delete, name="webhook-delete"),
    path(f"{HOOK}/deliveries/<uuid:delivery_id>", webhooks.webhook_delivery, name="webhook-delivery"),
    path(f"{HOOK}/deliveries/<uuid:delivery_id>/resend", webhooks.webhook_resend, name="webhook-resend"),
]
