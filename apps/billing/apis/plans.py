"""/api/v1/billing/plans and /plan: what can be chosen, what is chosen, what of it is used, and what a change costs."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.billing.forms import MOST_SEATS, PlanForm
from apps.billing.models import Plan
from apps.billing.months import month_first
from apps.billing.selectors.plans import (
    meter_use,
    month_fees,
    plan_preview,
    plans_offered,
    subscription_next,
    subscription_on,
)
from apps.billing.selectors.prices import tenant_currency
from apps.billing.services.plans import subscription_change, tenant_today
from apps.core.errors import Problem
from apps.core.openapi import problems
from apps.tenants.access import MONEY, Access, TenantAPI
from apps.tenants.models import Tenant

TAGS = ["billing"]
MAY = Access.of(read=MONEY, write=MONEY, scope="billing")
AMOUNT = {"max_digits": 18, "decimal_places": 6}


class InclusionShape(serializers.Serializer[Any]):
    """A quantity that a month includes."""

    meter = serializers.CharField()
    quantity = serializers.DecimalField(**AMOUNT)  # type: ignore[arg-type]


class PlanShape(serializers.Serializer[Any]):
    """What a month costs before anything is used."""

    code = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    currency = serializers.CharField()
    fee = serializers.DecimalField(**AMOUNT)  # type: ignore[arg-type]
    seat_price = serializers.DecimalField(**AMOUNT, help_text="For each seat above those included.")  # type: ignore[arg-type]
    included_seats = serializers.IntegerField()
    trial_days = serializers.IntegerField()
    inclusions = InclusionShape(many=True)


class SubscriptionShape(serializers.Serializer[Any]):
    """A plan from a day on, in the company's time zone. `ended_on` and `trial_until` are the first days no longer covered."""

    plan = serializers.CharField(source="plan.code")
    seats = serializers.IntegerField()
    started_on = serializers.DateField()
    ended_on = serializers.DateField(allow_null=True)
    trial_until = serializers.DateField(allow_null=True)


class MeterShape(serializers.Serializer[Any]):
    """What this month used of a meter, and how much of it is included."""

    meter = serializers.CharField()
    used = serializers.DecimalField(**AMOUNT)  # type: ignore[arg-type]
    included = serializers.DecimalField(**AMOUNT)  # type: ignore[arg-type]


class FeeShape(serializers.Serializer[Any]):
    """A plan's days of this month."""

    plan = serializers.CharField(source="plan.code")
    seats = serializers.IntegerField()
    days = serializers.IntegerField()
    fee_days = serializers.IntegerField(help_text="Without those of a trial.")
    month_days = serializers.IntegerField()
    fee = serializers.DecimalField(**AMOUNT)  # type: ignore[arg-type]
    seats_fee = serializers.DecimalField(**AMOUNT)  # type: ignore[arg-type]


class PlanStateShape(serializers.Serializer[Any]):
    """`subscription` is null while there is no plan; `next` is the one that begins later."""

    subscription = SubscriptionShape(allow_null=True)
    next = SubscriptionShape(allow_null=True)
    month = serializers.DateField(help_text="The first day of this month.")
    meters = MeterShape(many=True)
    fees = FeeShape(many=True)


class PlanPreviewShape(serializers.Serializer[Any]):
    """This month's fees with the change, without it, and the next month's. Nothing is changed by asking."""

    currency = serializers.CharField()
    total = serializers.DecimalField(**AMOUNT)  # type: ignore[arg-type]
    before = serializers.DecimalField(**AMOUNT)  # type: ignore[arg-type]
    next_month = serializers.DecimalField(**AMOUNT)  # type: ignore[arg-type]
    lines = FeeShape(many=True)


class PlanRequest(serializers.Serializer[Any]):
    """A plan by its code, and seats for everybody who works there."""

    plan = serializers.SlugField(max_length=40)
    seats = serializers.IntegerField(min_value=1, max_value=MOST_SEATS)


class PlansAPI(TenantAPI):
    permission_classes = (MAY,)

    @extend_schema(
        summary="List the plans that can be chosen", responses={200: PlanShape(many=True), **problems(401, 403, 404)},
        tags=TAGS, operation_id="billing_plans_list",
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Cheapest first, in the company's currency."""
        return Response(PlanShape(plans_offered(tenant_currency(tenant_of(request))), many=True).data)


class PlanAPI(TenantAPI):
    permission_classes = (MAY,)

    @extend_schema(
        summary="The plan, and what this month used of it",
        responses={200: PlanStateShape, **problems(401, 403, 404)}, tags=TAGS, operation_id="billing_plan_retrieve",
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """What costs nothing is not counted."""
        return Response(_state(tenant_of(request)))

    @extend_schema(
        summary="Change the plan or the seats from today on", request=PlanRequest,
        responses={200: PlanStateShape, **problems(400, 401, 403, 404, 422)}, tags=TAGS, operation_id="billing_plan_change",
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        """Fees go by the day; days of trial that are left stay free. The same again changes nothing."""
        tenant = tenant_of(request)
        plan, seats = _chosen(tenant, request.data)
        subscription_change(tenant=tenant, plan=plan, seats=seats)
        return Response(_state(tenant))


class PlanPreviewAPI(TenantAPI):
    permission_classes = (MAY,)

    @extend_schema(
        summary="What a change of plan costs this month", parameters=[PlanRequest],
        responses={200: PlanPreviewShape, **problems(400, 401, 403, 404, 422)}, tags=TAGS, operation_id="billing_plan_preview",
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """As if it were changed today."""
        tenant = tenant_of(request)
        plan, seats = _chosen(tenant, request.query_params)
        return Response(PlanPreviewShape(plan_preview(tenant, plan, seats, tenant_today(tenant))).data)


def tenant_of(request: Request) -> Tenant:
    tenant: Tenant = request._request.tenant  # type: ignore[attr-defined]
    return tenant


def _chosen(tenant: Tenant, data: Any) -> tuple[Plan, int]:
    """Raises ValidationError, and Problem 422 for a plan that is not offered or too few seats."""
    asked = PlanRequest(data=data)
    asked.is_valid(raise_exception=True)
    form = PlanForm(asked.validated_data, tenant=tenant)
    if "plan" in form.errors:
        raise Problem(422, "plan_unknown", "This plan is not offered; GET /api/v1/billing/plans lists those that are.")
    if "seats" in form.errors:
        raise Problem(422, "seats_too_few", str(form.errors["seats"][0]))
    return form.cleaned_data["plan"], form.cleaned_data["seats"]


def _state(tenant: Tenant) -> dict[str, Any]:
    today = tenant_today(tenant)
    now, later = subscription_on(tenant, today), subscription_next(tenant, today)
    return {
        "subscription": SubscriptionShape(now).data if now else None,
        "next": SubscriptionShape(later).data if later else None,
        "month": month_first(today),
        "meters": MeterShape(meter_use(tenant, month_first(today)), many=True).data,
        "fees": FeeShape(month_fees(tenant, month_first(today)), many=True).data,
    }


__all__ = ["PlanAPI", "PlanPreviewAPI", "PlansAPI"]
