"""Spend limits of all tenants that are near or reached, from two queries."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from django.db.models import F, Q
from django.utils import timezone

from apps.billing.models import SpendLimit, SpendWindow
from apps.billing.selectors.limits import ATTENTION, scope_name
from apps.billing.windows import window_start

ROWS_MOST = 500
A_DAY = timedelta(days=1)  # by which a time zone's date may differ from that of UTC


@dataclass(frozen=True)
class NearRow:
    """A limit of which much is gone in its present day or month."""

    limit: SpendLimit
    name: str
    spent: Decimal
    held: Decimal

    @property
    def percent(self) -> int:
        return int((self.spent + self.held) * 100 / self.limit.amount) if self.limit.amount else 100

    @property
    def is_reached(self) -> bool:
        return self.spent + self.held >= self.limit.amount


def limits_near() -> list[NearRow]:
    """Those of which 80 % or more is spent or held now, the fullest first."""
    much = Q(spent__gte=(F("limit__amount") * ATTENTION / 100) - F("held"))
    windows = SpendWindow.objects.filter(much, _may_be_now(), limit__active=True).select_related("limit__tenant")
    rows = [_row(window) for window in windows.order_by("-starts_on", "pk")[:ROWS_MOST] if _is_now(window)]
    return sorted(rows, key=lambda row: (-row.percent, row.limit.tenant.name.lower()))


def limits_count() -> int:
    """How many limits are in force."""
    return SpendLimit.objects.filter(active=True).count()


def _may_be_now() -> Q:
    """Those of days and months that are not over in every time zone: each day of each limit leaves a window behind."""
    yesterday = timezone.now().date() - A_DAY
    days = Q(limit__period=SpendLimit.Period.DAY, starts_on__gte=yesterday)
    return days | Q(limit__period=SpendLimit.Period.MONTH, starts_on__gte=yesterday.replace(day=1))


def _is_now(window: SpendWindow) -> bool:
    zone = window.limit.tenant.timezone
    return window.zone == zone and window.starts_on == window_start(window.limit.period, timezone.now(), zone)


def _row(window: SpendWindow) -> NearRow:
    return NearRow(window.limit, scope_name(window.limit), window.spent, window.held)
