"""The days that a page or an export is about, as days of the tenant's time zone."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.billing.months import day_at, day_begin, month_before, month_days, month_first

MONTH, LAST, NINETY, CUSTOM = "month", "last", "90", "custom"
CHOICES = [
    (MONTH, gettext_lazy("This month")),
    (LAST, gettext_lazy("Last month")),
    (NINETY, gettext_lazy("Last 90 days")),
    (CUSTOM, gettext_lazy("Chosen days")),
]
FIRST, FINAL = date(2000, 1, 1), date(2100, 12, 31)  # no usage lies beyond, and every time zone can be reckoned
LONGEST = 3660  # days of a chosen period


@dataclass(frozen=True)
class Period:
    """From the first moment of `since` until the last one of `until`, in `zone`."""

    key: str
    since: date
    until: date
    zone: str

    @property
    def starts(self) -> datetime:
        return day_begin(self.since, self.zone)

    @property
    def ends(self) -> datetime:
        """Not included."""
        return day_begin(self.until + timedelta(days=1), self.zone)

    @property
    def days(self) -> list[date]:
        return [self.since + timedelta(days=number) for number in range((self.until - self.since).days + 1)]

    @property
    def is_month(self) -> bool:
        """True where it is one calendar month, or the current one so far."""
        return self.key in (MONTH, LAST)

    @property
    def words(self) -> str:
        """Such as November 2026, or 3 – 9 Nov 2026."""
        if self.is_month:
            return date_format(self.since, "F Y")
        if self.since == self.until:
            return date_format(self.until, "j M Y")
        shape = "j M" if self.since.year == self.until.year else "j M Y"
        return _("%(since)s – %(until)s") % {
            "since": date_format(self.since, shape),
            "until": date_format(self.until, "j M Y"),
        }

    @property
    def slug(self) -> str:
        """For names of files: 2026-11, or 2026-11-03_2026-11-09."""
        return f"{self.since:%Y-%m}" if self.key == LAST else f"{self.since}_{self.until}"


def today_in(zone: str) -> date:
    """Which day it is in a time zone."""
    return day_at(timezone.now(), zone)


def period_of(zone: str, key: str = "", since: date | None = None, until: date | None = None) -> Period:
    """The period that was asked for; two days the wrong way round are turned, and this month stands for what makes no sense."""
    today = today_in(zone)
    if key == CUSTOM or (not key and (since or until)):
        return _custom(zone, since, until, today)
    if key == LAST:
        first = month_before(today)
        return Period(LAST, first, first + timedelta(days=month_days(first) - 1), zone)
    if key == NINETY:
        return Period(NINETY, today - timedelta(days=89), today, zone)
    return Period(MONTH, month_first(today), today, zone)


def _custom(zone: str, since: date | None, until: date | None, today: date) -> Period:
    last = until or max(today, since or today)
    first = since or month_first(last)
    first, last = (min(max(day, FIRST), FINAL) for day in sorted((first, last)))
    return Period(CUSTOM, max(first, last - timedelta(days=LONGEST)), last, zone)
