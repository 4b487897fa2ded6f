"""Webhooks below /api/v1/."""

from django.urls import path

from apps.compass.apis import webhooks

ONE = "webhooks/<uuid:endpoint_id>"

urlpatterns = [
    path("webhooks", webhooks.WebhooksAPI.as_view(), name="api-webhooks"),
    path(ONE, webhooks.WebhookAPI.as_view(), name="api-webhook"),
    path(f"{ONE}/rotate", webhooks.WebhookRotateAPI.as_view(), name="api-webhook-rotate"),
    path(f"{ONE}/test", webhooks.WebhookTestAPI.as_view(), name="api-webhook-test"),
    path(f"{ONE}/deliveries", webhooks.DeliveriesAPI.as_view(), name="api-webhook-deliveries"),
    path(f"{ONE}/deliveries/<uuid:delivery_id>/resend", webhooks.ResendAPI.as_view(), name="api-webhook-resend"),
]
