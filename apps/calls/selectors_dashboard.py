"""The dashboard's numbers of today: chats, handovers, delays and moods, money, and the day by hours.

Delays and moods are of the newest calls only, so that a day of 100,000 calls costs no more than one of 500.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Count, Q
from django.db.models.functions import TruncHour
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.billing.selectors import tenant_currency
from apps.billing.selectors.spend import Narrowed, spend_totals
from apps.calls.models import Call
from apps.calls.selectors_pages import day_start
from apps.core.charts import Chart, Series
from apps.desktop.models import Conversation
from apps.tenants.models import Tenant

NEWEST = 500
FELT = 0.05  # as VADER's authors part neutral from the rest
MEASURED = """
WITH newest AS (SELECT id FROM calls_call WHERE started_at >= %s AND NOT trial ORDER BY started_at DESC, id DESC LIMIT %s),
delay AS (SELECT (data ->> 'e2e')::float AS value FROM calls_callevent
  WHERE call_id IN (SELECT id FROM newest) AND type = 'latency' AND data ->> 'e2e' IS NOT NULL),
mood AS (SELECT (data ->> 'score')::float AS value FROM calls_callevent
  WHERE call_id IN (SELECT id FROM newest) AND type = 'sentiment')
SELECT (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY value) FROM delay),
  (SELECT percentile_cont(0.95) WITHIN GROUP (ORDER BY value) FROM delay), (SELECT avg(value) FROM mood)
"""


@dataclass(frozen=True)
class Day:
    """Today so far. Delays in seconds, mood from -1 to 1; None where nothing was measured. `handoff` in percent."""

    chats: int
    handoff: int | None
    p50: float | None
    p95: float | None
    mood: float | None
    hours: Chart | None

    @property
    def feeling(self) -> str:
        """What components/mood.html calls it; empty where nothing was measured."""
        if self.mood is None:
            return ""
        return "positive" if self.mood > FELT else "negative" if self.mood < -FELT else "neutral"


def day_of(zone: str) -> Day:
    """Today in the tenant's time zone."""
    start = day_start(timezone.now().astimezone(ZoneInfo(zone)).date(), zone)
    with connection.cursor() as cursor:
        cursor.execute(MEASURED, [start, NEWEST])
        p50, p95, mood = cursor.fetchone()
    chats = Conversation.objects.filter(created_at__gte=start).aggregate(
        all=Count("pk"), ai=Count("pk", filter=Q(agent_id__isnull=False)), over=Count("pk", filter=~Q(handoff_reason=""))
    )
    handoff = round(100 * chats["over"] / chats["ai"]) if chats["ai"] else None
    return Day(chats["all"], handoff, p50, p95, mood, _hours(start, zone))


def spent_since(tenant: Tenant, zone: str) -> dict[str, Decimal]:
    """What this month cost so far, by currency, without what has no price; nothing of the tenant's own where nothing did."""
    first = timezone.now().astimezone(ZoneInfo(zone)).date().replace(day=1)
    sums = {currency: spent.total for currency, spent in spend_totals(tenant, Narrowed(since=first)).items()}
    return sums or {tenant_currency(tenant): Decimal()}


def _hours(start: datetime, zone: str) -> Chart | None:
    calls = _by_hour(Call.objects.filter(started_at__gte=start, trial=False), "started_at", zone)
    chats = _by_hour(Conversation.objects.filter(created_at__gte=start), "created_at", zone)
    if not calls and not chats:
        return None
    hours = range(min([*calls, *chats]), max([*calls, *chats]) + 1)
    rows = [[f"{hour}:00", str(calls[hour]), str(chats[hour])] for hour in hours]
    busiest = max(hours, key=lambda hour: calls[hour] + chats[hour])
    title = _("Most came between %(from)d:00 and %(to)d:00") % {"from": busiest, "to": busiest + 1}
    series = [
        Series(_("Calls"), [calls[hour] for hour in hours]),
        Series(_("Chats"), [chats[hour] for hour in hours], "--color-chart-3"),
    ]
    legend = ((_("Calls"), "text-primary"), (_("Chats"), "text-chart-3"))
    return Chart(title, "stack", hours, series, [_("Hour"), _("Calls"), _("Chats")], rows, legend=legend)


def _by_hour(rows: object, column: str, zone: str) -> Counter[int]:
    hour = TruncHour(column, tzinfo=ZoneInfo(zone))
    counted = rows.annotate(hour=hour).order_by().values_list("hour").annotate(count=Count("pk"))  # type: ignore[attr-defined]
    return Counter({at.hour: count for at, count in counted})
