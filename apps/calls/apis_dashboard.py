"""/api/v1/dashboard and /api/v1/dashboard/trends: the dashboard's figures."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.calls.selectors_dashboard import Day, day_of, spent_since
from apps.calls.selectors_pages import Today, calls_today
from apps.calls.selectors_trends import trends_of
from apps.calls.views.rights import COSTS, WORDS
from apps.core.openapi import problems
from apps.desktop.selectors import conversations_waiting
from apps.tenants.access import EVERYONE, Access, TenantAPI, is_key, tenant_of

TAGS = ["dashboard"]
ACCESS = Access.of(read=EVERYONE, write=(), scope="calls")
READ = problems(401, 403)
TODAY: dict[str, Any] = {
    "timezone": "Europe/Berlin",
    "calls": {"total": 41, "live": 2, "answered": 38, "lost": 1, "average_seconds": 92.4, "answered_percent": 93},
    "chats": 17,
    "handed_over_percent": 24,
    "delay_p50": 1.1,
    "delay_p95": 1.9,
    "mood": 0.21,
    "hours": [{"hour": 9, "calls": 12, "chats": 4}],
    "waiting": {"count": 1, "since": "2026-11-29T13:58:02Z"},
    "spent": [{"currency": "USD", "amount": "18.402210"}],
}


class TodayCallsShape(serializers.Serializer[Any]):
    """Calls of today, those on trial left out. `live` are all that run. `average_seconds` is of those that were answered."""

    total = serializers.IntegerField()
    live = serializers.IntegerField()
    answered = serializers.IntegerField()
    lost = serializers.IntegerField()
    average_seconds = serializers.FloatField(allow_null=True)
    answered_percent = serializers.IntegerField(allow_null=True)


class HourShape(serializers.Serializer[Any]):
    """What came in an hour of the company's day."""

    hour = serializers.IntegerField(min_value=0, max_value=23)
    calls = serializers.IntegerField()
    chats = serializers.IntegerField()


class WaitingShape(serializers.Serializer[Any]):
    """Conversations that nobody has taken, and since when the first of them waits."""

    count = serializers.IntegerField()
    since = serializers.DateTimeField(allow_null=True)


class SpentShape(serializers.Serializer[Any]):
    """What this month cost so far in a currency; usage without a price is not in it."""

    currency = serializers.CharField()
    amount = serializers.CharField()


class DashboardShape(serializers.Serializer[Any]):
    """Today in the company's time zone. Delays are how long callers waited for an answer, in seconds; `mood` is from -1 to 1.

    Null is what was not measured; `waiting` and `spent` are null for who may not see them.
    """

    timezone = serializers.CharField()
    calls = TodayCallsShape()
    chats = serializers.IntegerField()
    handed_over_percent = serializers.IntegerField(allow_null=True, help_text="Of chats that an agent held.")
    delay_p50 = serializers.FloatField(allow_null=True)
    delay_p95 = serializers.FloatField(allow_null=True)
    mood = serializers.FloatField(allow_null=True)
    hours = HourShape(many=True)
    waiting = WaitingShape(allow_null=True)
    spent = SpentShape(many=True, allow_null=True)


class TrendDayShape(serializers.Serializer[Any]):
    """A day. `transferred` of the answered calls were put through, `handed_over` of the chats `with_agent` went to people."""

    day = serializers.DateField()
    calls = serializers.IntegerField()
    answered = serializers.IntegerField()
    transferred = serializers.IntegerField(source="through")
    chats = serializers.IntegerField()
    with_agent = serializers.IntegerField(source="with_ai")
    handed_over = serializers.IntegerField(source="handed")
    delay_p50 = serializers.FloatField(source="p50", allow_null=True)
    delay_p95 = serializers.FloatField(source="p95", allow_null=True)
    mood = serializers.FloatField(allow_null=True)


class TrendsShape(serializers.Serializer[Any]):
    """The last 14 days in the company's time zone, today last."""

    timezone = serializers.CharField()
    days = TrendDayShape(many=True)


class DashboardAPI(TenantAPI):
    permission_classes = (ACCESS,)

    @extend_schema(
        summary="Read today's figures",
        operation_id="dashboard",
        description="For a key, `waiting` asks for `conversations:read` too, and `spent` for `billing:read`.",
        responses={200: DashboardShape, **READ},
        examples=[OpenApiExample("Today", TODAY, response_only=True)],
        tags=TAGS,
    )
    def get(self, request: Request) -> Response:
        tenant = tenant_of(request)
        zone = tenant.timezone
        may_wait, may_spent = _rights(request)
        count, since = conversations_waiting() if may_wait else (0, None)
        spent = spent_since(tenant, zone) if may_spent else {}
        figures = {
            **_day(day_of(zone)),
            "timezone": zone,
            "calls": _calls(calls_today(zone)),
            "waiting": {"count": count, "since": since} if may_wait else None,
            "spent": [{"currency": one, "amount": f"{sum_:.6f}"} for one, sum_ in spent.items()] if may_spent else None,
        }
        return Response(DashboardShape(figures).data)


class TrendsAPI(TenantAPI):
    permission_classes = (ACCESS,)

    @extend_schema(
        summary="Read the last 14 days' figures", operation_id="dashboard_trends", responses={200: TrendsShape, **READ}, tags=TAGS
    )
    def get(self, request: Request) -> Response:
        """Delays and moods are of the newest 200 calls of each day."""
        zone = tenant_of(request).timezone
        return Response(TrendsShape({"timezone": zone, "days": trends_of(zone).days}).data)


def _rights(request: Request) -> tuple[bool, bool]:
    """Whether who waits, and money, may be seen."""
    if is_key(request):
        key: Any = request.auth
        return key.may("conversations", change=False), key.may("billing", change=False)
    role = request.membership.role  # type: ignore[attr-defined]
    return role in WORDS, role in COSTS


def _calls(today: Today) -> dict[str, Any]:
    percent = round(100 * today.answered / today.total) if today.total else None
    return {**vars(today), "answered_percent": percent}


def _day(day: Day) -> dict[str, Any]:
    calls, chats = (one.values for one in day.hours.series) if day.hours else ((), ())
    hours = zip(day.hours.x if day.hours else (), calls, chats, strict=True)
    return {
        "chats": day.chats,
        "handed_over_percent": day.handoff,
        "delay_p50": day.p50,
        "delay_p95": day.p95,
        "mood": day.mood,
        "hours": [{"hour": hour, "calls": called, "chats": wrote} for hour, called, wrote in hours],
    }
