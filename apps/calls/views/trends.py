"""The dashboard's last two weeks, fetched after the page is there."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from apps.calls.selectors_trends import DayGone, trends_of
from apps.calls.views.charts import mood_word
from apps.core.charts import Chart, Series
from apps.core.templatetags.ui import seconds
from apps.tenants.access import role_required

Value = Callable[[DayGone], float | None]
COLORS = ("--color-primary", "--color-chart-3", "--color-chart-2")
DOTS = ("text-primary", "text-chart-3", "text-chart-2")


@require_GET
@role_required()
def trends(request: HttpRequest) -> HttpResponse:
    """Four charts, or nothing where nobody called or wrote."""
    found = trends_of(request.tenant.timezone)  # type: ignore[attr-defined]
    charts = [] if found.is_empty else [chart for make in CHARTS if (chart := make(found.days))]
    return render(request, "dashboard/trends.html", {"charts": charts})


def came_chart(days: Sequence[DayGone]) -> Chart | None:
    """Calls and chats."""
    busiest = max(days, key=lambda day: day.calls + day.chats)
    title = _("Most came on %(day)s: %(count)s") % {
        "day": date_format(busiest.day, "l, j F"),
        "count": number_format(busiest.calls + busiest.chats),
    }
    lines = {_("Calls"): lambda day: day.calls, _("Chats"): lambda day: day.chats}
    return _chart("stack", title, days, lines, lambda value: number_format(value or 0))


def rates_chart(days: Sequence[DayGone]) -> Chart | None:
    """How much was answered, and how much went on to people, in percent."""
    calls, answered = sum(day.calls for day in days), sum(day.answered for day in days)
    chats, handed = sum(day.with_ai for day in days), sum(day.handed for day in days)
    parts = []
    if calls:
        parts.append(_("%(percent)d %% of calls were answered") % {"percent": round(100 * answered / calls)})
    if chats:
        parts.append(_("%(percent)d %% of chats were handed to people") % {"percent": round(100 * handed / chats)})
    if not parts:
        return None
    lines: dict[str, Value] = {
        _("Calls answered"): lambda day: day.share(day.answered, day.calls),
        _("Chats handed over"): lambda day: day.share(day.handed, day.with_ai),
        _("Calls put through"): lambda day: day.share(day.through, day.answered),
    }
    return _chart("line", ", ".join(parts), days, lines, _percent, unit=" %", span=(0, 100))


def delays_chart(days: Sequence[DayGone]) -> Chart | None:
    """How long callers waited for an answer."""
    known = [day for day in days if day.p50 is not None and day.p95 is not None]
    if not known:
        return None
    first, last = known[0], known[-1]
    if first is last:
        title = _("Answers came after %(now)s") % {"now": seconds(last.p50)}
    else:
        title = _("Answers came after %(now)s on the last day, %(then)s on the first") % {
            "now": seconds(last.p50),
            "then": seconds(first.p50),
        }
    lines: dict[str, Value] = {_("Typical"): lambda day: day.p50, _("Slow, 1 in 20"): lambda day: day.p95}
    return _chart("line", title, days, lines, seconds, unit=" s")


def moods_chart(days: Sequence[DayGone]) -> Chart | None:
    """How callers felt."""
    known = [day.mood for day in days if day.mood is not None]
    if not known:
        return None
    title = _("Callers sounded %(mood)s") % {"mood": mood_word(sum(known) / len(known))}
    ticks = {"-1": _("negative"), "0": _("neutral"), "1": _("positive")}
    lines: dict[str, Value] = {_("Mood"): lambda day: day.mood}
    shown = _chart("line", title, days, lines, lambda value: "–" if value is None else number_format(round(value, 2), 2))
    return replace(shown, span=(-1, 1), ticks=ticks, legend=())


CHARTS = (came_chart, rates_chart, delays_chart, moods_chart)


def _chart(
    kind: str,
    title: str,
    days: Sequence[DayGone],
    lines: "dict[str, Value]",
    words: Callable[[float | None], str],
    *,
    unit: str = "",
    span: tuple[float, float] | None = None,
) -> Chart:
    values = {name: [value(day) for day in days] for name, value in lines.items()}
    known = {name: some for name, some in values.items() if any(one is not None for one in some)}
    series = [Series(name, some, color) for (name, some), color in zip(known.items(), COLORS, strict=False)]
    rows = [[date_format(day.day, "j M Y"), *(words(some[at]) for some in known.values())] for at, day in enumerate(days)]
    labels = {str(at): date_format(day.day, "j M") for at, day in enumerate(days, 1)}
    legend = list(zip(known, DOTS, strict=False))
    return Chart(
        title, kind, range(1, len(days) + 1), series, [_("Day"), *known], rows, unit, span=span, legend=legend, labels=labels
    )


def _percent(value: float | None) -> str:
    return "–" if value is None else _("%(percent)d %%") % {"percent": value}
