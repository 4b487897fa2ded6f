"""The query parameters that Billing's reads share, and how days become a period."""

from datetime import date
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request

from apps.billing.models import Part, SourceType
from apps.billing.periods import CUSTOM, LONGEST, Period, period_of
from apps.tenants.models import Tenant

TAGS = ["billing"]
SINCE = OpenApiParameter("since", date, description="First day, in the company's time zone; the first of this month unless told.")
UNTIL = OpenApiParameter("until", date, description="Last day, included; today unless told.")
CHANNEL = OpenApiParameter("channel", str, description="Such as sip, webrtc or whatsapp.")
AGENT = OpenApiParameter("agent_id", OpenApiTypes.UUID)
DAYS = [SINCE, UNTIL]


class DaysQuery(serializers.Serializer[Any]):
    """From one day to another."""

    since = serializers.DateField(required=False)
    until = serializers.DateField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        since, until = attrs.get("since"), attrs.get("until")
        if since and until and since > until:
            raise serializers.ValidationError({"until": "lies before since; swap the two"})
        if since and until and (until - since).days > LONGEST:
            raise serializers.ValidationError({"since": f"lies more than {LONGEST} days before until; ask for fewer"})
        return attrs


class SpendQuery(DaysQuery):
    """Which spending, and by what it is told apart."""

    by = serializers.ChoiceField(["channel", "agent", "component"], default="channel")
    channel = serializers.CharField(max_length=12, default="")
    agent_id = serializers.UUIDField(required=False)
    currency = serializers.CharField(max_length=3, default="")


class EntriesQuery(DaysQuery):
    """Which entries."""

    channel = serializers.CharField(max_length=12, default="")
    agent_id = serializers.UUIDField(required=False)
    source_type = serializers.ChoiceField(SourceType.choices, default="", allow_blank=True)
    component = serializers.ChoiceField(Part.choices, default="", allow_blank=True)
    unpriced = serializers.BooleanField(default=False)
    line = serializers.UUIDField(required=False)
    source_id = serializers.CharField(max_length=191, default="")


def query_read(request: Request, shape: type[serializers.Serializer[Any]]) -> dict[str, Any]:
    """The checked query. Raises the error that leaves as a problem with a sentence for each parameter."""
    asked = shape(data=request.query_params)
    asked.is_valid(raise_exception=True)
    return dict(asked.validated_data)


def period_read(tenant: Tenant, values: dict[str, Any]) -> Period:
    """The days that were asked for, or this month."""
    since, until = values.get("since"), values.get("until")
    return period_of(tenant.timezone, CUSTOM if since or until else "", since, until)
