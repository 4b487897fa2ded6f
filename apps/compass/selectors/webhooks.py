"""Reads of webhooks, for the settings and the API."""

from uuid import UUID

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery

from apps.compass.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint

FAILED = Q(deliveries__state=WebhookDelivery.State.FAILED)


def endpoints_all() -> QuerySet[WebhookEndpoint]:
    """Every endpoint, with how many deliveries of the last 30 days `sent` there were and how many `failed`."""
    return WebhookEndpoint.objects.annotate(sent=Count("deliveries"), failed=Count("deliveries", filter=FAILED))


def endpoint_get(endpoint_id: UUID) -> WebhookEndpoint | None:
    return WebhookEndpoint.objects.filter(pk=endpoint_id).first()


def deliveries_of(endpoint: WebhookEndpoint) -> QuerySet[WebhookDelivery]:
    """The log of an endpoint, the newest first; each with its number of `tries` and the `last_status`."""
    last = WebhookAttempt.objects.filter(delivery=OuterRef("pk")).values("status")[:1]
    rows = WebhookDelivery.objects.filter(endpoint=endpoint).select_related("event")
    return rows.annotate(tries=Count("attempts"), last_status=Subquery(last)).order_by("-created_at", "-id")


def delivery_get(endpoint_id: UUID, delivery_id: UUID) -> WebhookDelivery | None:
    """A delivery of this endpoint, with event and endpoint."""
    rows = WebhookDelivery.objects.select_related("event", "endpoint")
    return rows.filter(pk=delivery_id, endpoint=endpoint_id).first()
