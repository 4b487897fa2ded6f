"""/api/v1/billing/limits."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.billing.models import SpendLimit
from apps.billing.neighbours import agents_now
from apps.billing.selectors.limits import CHANNELS, LimitRow, limit_rows
from apps.billing.services.limits import limit_remove, limit_set
from apps.core.errors import Problem
from apps.core.openapi import problems
from apps.tenants.access import MONEY, Access, TenantAPI

TAGS = ["billing"]


class LimitRequest(serializers.Serializer[Any]):
    """There is one limit for each scope, agent or channel, and period; setting it again changes it."""

    scope = serializers.ChoiceField(SpendLimit.Scope.choices, default=SpendLimit.Scope.TENANT)
    agent_id = serializers.UUIDField(required=False, allow_null=True, default=None, help_text="With the scope `agent`.")
    channel = serializers.ChoiceField(
        list(CHANNELS), required=False, allow_blank=True, default="", help_text="With the scope `channel`."
    )
    period = serializers.ChoiceField(SpendLimit.Period.choices, help_text="In the company's time zone.")
    amount = serializers.DecimalField(max_digits=18, decimal_places=6, min_value=Decimal(0))
    currency = serializers.CharField(
        max_length=3, required=False, allow_blank=True, default="", help_text="Left out: the one that the company is charged in."
    )
    reached = serializers.ChoiceField(SpendLimit.Reached.choices, default=SpendLimit.Reached.REFUSE)


class LimitShape(serializers.Serializer[Any]):
    """A limit and what is spent, held for work that runs, and left in its present window; amounts as decimal strings."""

    id = serializers.UUIDField()
    scope = serializers.ChoiceField(SpendLimit.Scope.choices)
    agent_id = serializers.UUIDField(allow_null=True)
    channel = serializers.CharField()
    period = serializers.ChoiceField(SpendLimit.Period.choices)
    amount = serializers.DecimalField(max_digits=18, decimal_places=6)
    currency = serializers.CharField()
    reached = serializers.ChoiceField(SpendLimit.Reached.choices)
    spent = serializers.DecimalField(max_digits=18, decimal_places=6)
    held = serializers.DecimalField(max_digits=18, decimal_places=6)
    left = serializers.DecimalField(max_digits=18, decimal_places=6)
    resets_at = serializers.DateTimeField()


class LimitsShape(serializers.Serializer[Any]):
    limits = LimitShape(many=True)


class LimitsAPI(TenantAPI):
    permission_classes = (Access.of(read=MONEY, write=MONEY, scope="billing"),)

    @extend_schema(
        summary="List spend limits",
        operation_id="billing_limits_list",
        responses={200: LimitsShape, **problems(401, 403)},
        tags=TAGS,
    )
    def get(self, request: Request) -> Response:
        """Every limit in force, those of the whole company first."""
        return Response({"limits": [_shape(row) for row in limit_rows(request.tenant)]})  # type: ignore[attr-defined]

    @extend_schema(
        summary="Set a spend limit",
        operation_id="billing_limit_set",
        request=LimitRequest,
        responses={200: LimitShape, 201: LimitShape, **problems(400, 401, 403, 422)},
        tags=TAGS,
    )
    def put(self, request: Request) -> Response:
        """201 for a new limit, 200 for one that was changed."""
        asked = LimitRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        tenant, values = request.tenant, dict(asked.validated_data)  # type: ignore[attr-defined]
        if values["agent_id"] and values["agent_id"] not in dict(agents_now()):
            raise Problem(422, "unknown_agent", "There is no such agent. Choose one that GET /api/v1/agents lists.")
        limit, created = limit_set(tenant=tenant, **values)
        row = next(row for row in limit_rows(tenant) if row.limit.pk == limit.pk)
        return Response(_shape(row), status=201 if created else 200)


class LimitAPI(TenantAPI):
    permission_classes = LimitsAPI.permission_classes

    @extend_schema(
        summary="Remove a spend limit",
        operation_id="billing_limit_remove",
        responses={204: None, **problems(401, 403, 404)},
        tags=TAGS,
    )
    def delete(self, request: Request, limit_id: UUID) -> Response:
        """Nothing is refused by it any more."""
        limit = SpendLimit.objects.filter(pk=limit_id, tenant=request.tenant, active=True).first()  # type: ignore[attr-defined]
        if limit is None:
            raise Problem(404, "unknown_limit", "There is no such limit.")
        limit_remove(limit=limit)
        return Response(status=204)


def _shape(row: LimitRow) -> Any:
    fields = ("id", "scope", "agent_id", "channel", "period", "amount", "currency", "reached")
    values = {name: getattr(row.limit, name) for name in fields}
    return LimitShape({**values, "spent": row.spent, "held": row.held, "left": row.left, "resets_at": row.resets_at}).data
