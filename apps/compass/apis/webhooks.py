"""/api/v1/webhooks: endpoints, their secrets, and their log."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.compass.models import WebhookDelivery, WebhookEndpoint
from apps.compass.selectors.webhooks import deliveries_of, delivery_get, endpoint_get
from apps.compass.services.webhooks import (
    delivery_resend,
    endpoint_create,
    endpoint_delete,
    endpoint_rotate,
    endpoint_update,
    webhook_test,
)
from apps.compass.webhooks import TYPES
from apps.core.errors import Problem
from apps.core.openapi import problems
from apps.core.paging import PAGING, page_answer, page_shape
from apps.tenants.access import ADMINS, Access, TenantAPI

TAGS = ["webhooks"]
READ = problems(401, 403, 404)
WRITE = problems(400, 401, 403, 404, 409, 422)


class EndpointRequest(serializers.Serializer[Any]):
    """Where events go, and which."""

    url = serializers.URLField(max_length=500)
    events = serializers.ListField(child=serializers.ChoiceField(choices=TYPES), min_length=1, max_length=len(TYPES))
    description = serializers.CharField(max_length=120, required=False, allow_blank=True, default="")
    enabled = serializers.BooleanField(required=False, default=True)


class WebhookShape(serializers.Serializer[WebhookEndpoint]):
    """An endpoint. `failing_since` is when deliveries last began to fail, null while all is well."""

    id = serializers.UUIDField()
    url = serializers.CharField()
    events = serializers.ListField(child=serializers.CharField())
    description = serializers.CharField()
    enabled = serializers.BooleanField()
    disabled_reason = serializers.CharField()
    failing_since = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


class WebhookMadeShape(WebhookShape):
    """An endpoint with its signing secret, which is answered only now."""

    secret = serializers.CharField()


class DeliveryShape(serializers.Serializer[WebhookDelivery]):
    """One event on its way to the endpoint."""

    id = serializers.UUIDField()
    type = serializers.CharField(source="event.type")
    event_id = serializers.UUIDField()
    state = serializers.ChoiceField(choices=WebhookDelivery.State.choices)
    tries = serializers.IntegerField()
    last_status = serializers.IntegerField(allow_null=True)
    next_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


class WebhookView(TenantAPI):
    permission_classes = (Access.of(read=ADMINS, write=ADMINS, scope="webhooks"),)


class WebhooksAPI(WebhookView):
    @extend_schema(
        summary="List webhooks", operation_id="webhooks_list", parameters=PAGING, tags=TAGS,
        responses={200: page_shape(WebhookShape), **READ},
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Every endpoint, the newest first."""
        return page_answer(request, WebhookEndpoint.objects.all(), WebhookShape)

    @extend_schema(summary="Make a webhook", request=EndpointRequest, responses={201: WebhookMadeShape, **WRITE}, tags=TAGS)
    def post(self, request: Request) -> Response:
        """Makes an endpoint; `secret` is answered only here."""
        asked = _asked(request)
        endpoint, secret = endpoint_create(url=asked["url"], events=asked["events"], description=asked["description"])
        return Response(_made(endpoint, secret), status=201)


class WebhookAPI(WebhookView):
    @extend_schema(summary="Read a webhook", responses={200: WebhookShape, **READ}, tags=TAGS)
    def get(self, request: Request, endpoint_id: UUID) -> Response:
        """One endpoint, without its secret."""
        return Response(WebhookShape(_endpoint(endpoint_id)).data)

    @extend_schema(summary="Change a webhook", request=EndpointRequest, responses={200: WebhookShape, **WRITE}, tags=TAGS)
    def patch(self, request: Request, endpoint_id: UUID) -> Response:
        """Changes what is given, and leaves the rest."""
        endpoint = _endpoint(endpoint_id)
        kept = {name: getattr(endpoint, name) for name in ("url", "events", "description", "enabled")}
        return Response(WebhookShape(endpoint_update(endpoint=endpoint, **{**kept, **_asked(request, partial=True)})).data)

    @extend_schema(summary="Delete a webhook", responses={204: None, **READ}, tags=TAGS)
    def delete(self, request: Request, endpoint_id: UUID) -> Response:
        """Forgets the endpoint and its log."""
        endpoint_delete(endpoint=_endpoint(endpoint_id))
        return Response(status=204)


class WebhookRotateAPI(WebhookView):
    @extend_schema(summary="Renew the secret", request=None, responses={200: WebhookMadeShape, **READ}, tags=TAGS)
    def post(self, request: Request, endpoint_id: UUID) -> Response:
        """A new secret; the old one goes on signing beside it for 24 hours."""
        endpoint = _endpoint(endpoint_id)
        return Response(_made(endpoint, endpoint_rotate(endpoint=endpoint)))


class WebhookTestAPI(WebhookView):
    @extend_schema(summary="Send a test event", request=None, responses={202: None, **READ}, tags=TAGS)
    def post(self, request: Request, endpoint_id: UUID) -> Response:
        """Sends an event of type `webhook.test`."""
        webhook_test(endpoint=_endpoint(endpoint_id))
        return Response(status=202)


class DeliveriesAPI(WebhookView):
    @extend_schema(
        summary="Read the log", operation_id="webhook_deliveries_list", parameters=PAGING, tags=TAGS,
        responses={200: page_shape(DeliveryShape), **READ},
    )  # fmt: skip
    def get(self, request: Request, endpoint_id: UUID) -> Response:
        """The deliveries of 30 days, the newest first."""
        return page_answer(request, deliveries_of(_endpoint(endpoint_id)), DeliveryShape)


class ResendAPI(WebhookView):
    @extend_schema(summary="Send a delivery again", request=None, responses={202: None, **WRITE}, tags=TAGS)
    def post(self, request: Request, endpoint_id: UUID, delivery_id: UUID) -> Response:
        """Sends the same event with the same `webhook-id`."""
        delivery = delivery_get(endpoint_id, delivery_id)
        if delivery is None:
            raise Problem(404, "unknown_delivery", "There is no such delivery.")
        delivery_resend(delivery=delivery)
        return Response(status=202)


def _asked(request: Request, *, partial: bool = False) -> dict[str, Any]:
    asked = EndpointRequest(data=request.data, partial=partial)
    asked.is_valid(raise_exception=True)
    return dict(asked.validated_data)


def _made(endpoint: WebhookEndpoint, secret: str) -> dict[str, Any]:
    return {**WebhookShape(endpoint).data, "secret": secret}


def _endpoint(endpoint_id: UUID) -> WebhookEndpoint:
    endpoint = endpoint_get(endpoint_id)
    if endpoint is None:
        raise Problem(404, "unknown_webhook", "There is no such webhook.")
    return endpoint
