"""GET /api/v1/billing/spend."""

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.billing.apis.query import AGENT, CHANNEL, DAYS, TAGS, SpendQuery, period_read, query_read
from apps.billing.neighbours import names_of
from apps.billing.selectors.entries import unpriced_count
from apps.billing.selectors.prices import tenant_currency
from apps.billing.selectors.spend import Narrowed
from apps.billing.spending import Spending, spending_of
from apps.core.openapi import problems
from apps.tenants.access import MONEY, Access, TenantAPI
from apps.tenants.models import Tenant

AMOUNT: dict[str, Any] = {"max_digits": 18, "decimal_places": 6}
BY = OpenApiParameter("by", str, enum=["channel", "agent", "component"], description="What amounts are told apart by.")
CURRENCY = OpenApiParameter("currency", str, description="ISO 4217; the company's own unless told.")


class SpendShareShape(serializers.Serializer[Any]):
    """`key` is a channel, an agent's id or a component; null for usage that belongs to none."""

    key = serializers.CharField(allow_null=True)
    name = serializers.CharField()
    amount = serializers.DecimalField(**AMOUNT)


class SpendDayShape(serializers.Serializer[Any]):
    day = serializers.DateField()
    amount = serializers.DecimalField(**AMOUNT)
    shares = serializers.DictField(child=serializers.DecimalField(**AMOUNT), help_text="Amounts by key; empty for none.")


class SpendShape(serializers.Serializer[Any]):
    """Usage only, as the ledger charges it; amounts as decimal strings. `total` lacks what has no price yet."""

    since = serializers.DateField()
    until = serializers.DateField()
    time_zone = serializers.CharField()
    currency = serializers.CharField()
    total = serializers.DecimalField(**AMOUNT)
    entries = serializers.IntegerField()
    calls = serializers.IntegerField()
    cost_per_call = serializers.DecimalField(**AMOUNT, allow_null=True)
    resolved_chats = serializers.IntegerField(allow_null=True, help_text="Null where the spending is narrowed.")
    cost_per_resolved_chat = serializers.DecimalField(**AMOUNT, allow_null=True)
    month_so_far = serializers.DecimalField(**AMOUNT)
    month_forecast = serializers.DecimalField(**AMOUNT, allow_null=True)
    last_month = serializers.DecimalField(**AMOUNT)
    unpriced_entries = serializers.IntegerField(help_text="Of the whole company, 1,000 at most.")
    by = serializers.ChoiceField(["channel", "agent", "component"])
    shares = SpendShareShape(many=True)
    days = SpendDayShape(many=True)


class SpendAPI(TenantAPI):
    permission_classes = (Access.of(read=MONEY, write=MONEY, scope="billing"),)

    @extend_schema(
        summary="Read what was spent",
        operation_id="billing_spend",
        description="By day, and by channel, agent or component. Days without usage are left out.",
        parameters=[*DAYS, BY, CHANNEL, AGENT, CURRENCY],
        responses={200: SpendShape, **problems(400, 401, 403)},
        tags=TAGS,
    )
    def get(self, request: Request) -> Response:
        tenant: Tenant = request.tenant  # type: ignore[attr-defined]
        values = query_read(request, SpendQuery)
        currency = values["currency"] or tenant_currency(tenant)
        narrowed = Narrowed(channel=values["channel"], agent_id=values.get("agent_id"), currency=currency)
        spending = spending_of(tenant, period_read(tenant, values), narrowed, values["by"])
        facts = {"currency": currency, "by": values["by"], "unpriced_entries": unpriced_count(tenant)}
        return Response({**_facts(spending), **facts, **_shares(spending, values["by"])})


def _facts(spending: Spending) -> dict[str, Any]:
    period = spending.period
    return {
        "since": period.since,
        "until": period.until,
        "time_zone": period.zone,
        "total": _text(spending.spent.total),
        "entries": spending.spent.entries,
        "calls": spending.calls,
        "cost_per_call": _text(spending.per_call),
        "resolved_chats": spending.resolved,
        "cost_per_resolved_chat": _text(spending.per_resolved),
        "month_so_far": _text(spending.so_far),
        "month_forecast": _text(spending.forecast),
        "last_month": _text(spending.last_month),
    }


def _shares(spending: Spending, by: str) -> dict[str, Any]:
    amounts = spending.by(by)
    names = names_of(key for key in amounts if key) if by == "agent" else {}
    by_key = {key: spending.days_of(by, key) for key in amounts}
    shares = [
        {"key": str(key) if key else None, "name": names.get(key, str(key or "")), "amount": _text(amount)}
        for key, amount in amounts.items()
    ]
    days = [
        {
            "day": day,
            "amount": _text(spent.total),
            "shares": {str(key or ""): _text(found[day]) for key, found in by_key.items() if day in found},
        }
        for day, spent in sorted(spending.by_day.items())
    ]
    return {"shares": shares, "days": days}


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount:.6f}"
