"""The chart of spending: each day a bar, made of channels, agents or components, with its finding as the title."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from apps.billing.forms_spend import AGENT, CHANNEL, COMPONENT, channel_name
from apps.billing.models import Part
from apps.billing.neighbours import names_of
from apps.billing.spending import Spending
from apps.core.charts import Chart, Series
from apps.core.currencies import places_of
from apps.core.templatetags.ui import SYMBOLS, money

# A channel and a component have the same colour wherever they are shown.
COLORS = {"sip": 1, "webrtc": 2, "whatsapp": 3, "": 6}
COLORS |= {Part.TRANSPORT: 4, Part.STT: 2, Part.LLM: 1, Part.TTS: 3, Part.MESSAGES: 5, Part.PLATFORM: 6}
# Written out for Tailwind, which reads classes from here.
DOTS = ("text-chart-1", "text-chart-2", "text-chart-3", "text-chart-4", "text-chart-5", "text-chart-6")
MOST = 5  # agents that are told apart; the rest are one
BY_MONTH = 92  # days from which on months are shown


@dataclass(frozen=True)
class Share:
    """One part of the spending. `percent` of the whole; `key` narrows a list to it."""

    key: str
    label: str
    amount: Decimal
    percent: int
    css: str
    color: str
    by_bar: list[Decimal]


def shares_of(spending: Spending, by: str) -> list[Share]:
    """The parts of the spending, the largest first; agents beyond the fifth are put together.

    What is of no channel, or of no agent, is left out where it cost nothing, unless there is nothing else.
    """
    amounts = spending.by(by)
    shown, rest = [key for key, amount in amounts.items() if key or amount] or list(amounts), []
    if by == AGENT and len(shown) > MOST + 1:
        shown, rest = shown[:MOST], shown[MOST:]
    names = _names(by, shown)
    shares = [_share(spending, by, [key], names[key], place) for place, key in enumerate(shown)]
    return [*shares, _share(spending, by, rest, _("Other agents"), MOST)] if rest else shares


def spending_chart(spending: Spending, shares: Sequence[Share], currency: str) -> Chart | None:
    """Bars from zero, with the same numbers as a table; None where nothing was spent."""
    bars = bars_of(spending.period.days)
    if spending.is_empty or not shares:
        return None
    series = [Series(share.label, [float(amount) for amount in share.by_bar], share.color) for share in shares]
    rows = [
        [label, *(money(share.by_bar[place], currency) for share in shares), money(_sum(shares, place), currency)]
        for place, (label, _short) in enumerate(bars.values())
    ]
    columns = [_("Day") if len(bars) == len(spending.period.days) else _("Month"), *(share.label for share in shares), _("All")]
    labels = {str(place): short for place, (_label, short) in enumerate(bars.values(), 1)}
    legend = [(share.label, share.css) for share in shares]
    title, sign = spending_title(spending, shares, currency), SYMBOLS.get(currency, "")
    unit = "" if sign else f" {currency}"
    return Chart(
        title,
        "stack",
        range(1, len(bars) + 1),
        series,
        columns,
        rows,
        unit,
        legend=legend,
        labels=labels,
        prefix=sign,
        places=places_of(currency),
    )


def spending_title(spending: Spending, shares: Sequence[Share], currency: str) -> str:
    """What the chart shows, in a sentence."""
    whole = {"total": money(spending.spent.total, currency), "period": spending.period.words}
    first = shares[0]
    if len(shares) == 1:
        return _("%(total)s in %(period)s, all of it for %(what)s") % {**whole, "what": first.label}
    return _("%(total)s in %(period)s, %(percent)d %% of it for %(what)s") % {
        **whole,
        "percent": first.percent,
        "what": first.label,
    }


def bars_of(days: Sequence[date]) -> dict[date, tuple[str, str]]:
    """The bars of a period by their first day: a day each, or a month each where there are many. In words, and shortly."""
    if len(days) <= BY_MONTH:
        return {day: (date_format(day, "j M Y"), date_format(day, "j M")) for day in days}
    firsts = dict.fromkeys(day.replace(day=1) for day in days)
    return {day: (date_format(day, "F Y"), date_format(day, "M Y")) for day in firsts}


def _share(spending: Spending, by: str, keys: Sequence[Any], label: str, place: int) -> Share:
    bars = dict.fromkeys(bars_of(spending.period.days), Decimal())
    for key in keys:
        for day, amount in spending.days_of(by, key).items():
            bars[day if day in bars else day.replace(day=1)] += amount
    total = spending.spent.total
    amount = sum(bars.values(), Decimal())
    number = COLORS.get(keys[0], 5) if by in (CHANNEL, COMPONENT) else place + 1
    return Share(
        key=str(keys[0] or "") if len(keys) == 1 else "",
        label=label,
        amount=amount,
        percent=round(100 * amount / total) if total else 0,
        css=DOTS[number - 1],
        color=f"--color-chart-{number}",
        by_bar=list(bars.values()),
    )


def _names(by: str, keys: Sequence[Any]) -> dict[Any, str]:
    if by == COMPONENT:
        return {key: str(Part(key).label) for key in keys}
    if by == CHANNEL:
        return {key: channel_name(key) for key in keys}
    known = names_of(keys)
    return {key: known.get(key, _("A former agent")) if key else _("No agent") for key in keys}


def _sum(shares: Sequence[Share], place: int) -> Decimal:
    return sum((share.by_bar[place] for share in shares), Decimal())
