"""What should be true of one company's money, kept in plain dictionaries and reckoned with fractions written out by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

AGENTS = ("0198c0de-0000-7000-8000-00000000000a", "0198c0de-0000-7000-8000-00000000000b")
HOLD = Decimal("0.5")  # above what any work of the machine can cost
PRICES = (  # transport by web, by phone, the platform's minute, a million tokens of gpt-std
    (Fraction("0.001"), Fraction("0.005"), Fraction("0.01"), Fraction("0.15")),
    (Fraction("0.002"), Fraction("0.004"), Fraction("0.013"), Fraction("2.5")),
    (Fraction("0.0003"), Fraction("0.0051"), Fraction("0"), Fraction("1.111111")),
)
DECIDED = Fraction("0.77")  # a million tokens of gpt-new, once finance has decided it
MILLION = 1_000_000
Content = tuple[int, str, int]  # milliseconds, model, tokens
LimitKey = tuple[str, str, str, str]  # scope, period, agent, channel
WindowKey = tuple[LimitKey, date]


def micros(amount: Fraction) -> Decimal:
    """Half to even, to 6 places."""
    return Decimal(round(amount * MILLION)) / MILLION


def cents(amount: Decimal) -> Decimal:
    """Half to even, to what can be paid."""
    return Decimal(round(Fraction(amount) * 100)) / 100


@dataclass
class Work:
    """A call or an answer. `content` is what its entry should say, once it has one; `held` where money is set aside for it."""

    source: str
    id: str
    agent: str
    channel: str
    began: datetime
    happened: Content
    content: Content | None = None
    held: frozenset[WindowKey] | None = None
    holding: bool = False
    lasts_until: datetime | None = None
    covered: frozenset[WindowKey] = frozenset()
    least_cost: Decimal = Decimal(0)  # of all that its entry ever said: what others were admitted by


@dataclass
class Limit:
    amount: Decimal
    reached: str
    active: bool = True
    excess: dict[WindowKey, Decimal] = field(default_factory=dict)


@dataclass
class Truth:
    """`books` are (moment, index into PRICES), `decided` when gpt-new got its price for all that was used before."""

    zone: str
    works: dict[str, Work] = field(default_factory=dict)
    limits: dict[LimitKey, Limit] = field(default_factory=dict)
    books: list[tuple[datetime, int]] = field(default_factory=list)
    decided: datetime | None = None

    def cost(self, work: Work, content: Content) -> Decimal:
        """What has a price of it, at the prices of when it began."""
        milliseconds = content[0]
        web, phone, platform, _million = self._prices(work)
        total = Decimal(0)
        if work.source == "call":
            minutes = Fraction(milliseconds, 60_000)
            total += micros(minutes * (web if work.channel == "webrtc" else phone)) + micros(minutes * platform)
        return total + self.model_cost(work, content)

    def model_cost(self, work: Work, content: Content) -> Decimal:
        """What has no price is not charged until it has one, whether that was told first or by a correction."""
        _milliseconds, model, tokens = content
        if model == "gpt-std":
            return micros(Fraction(tokens) * self._prices(work)[3] / MILLION)
        if self.decided is not None and work.began < self.decided:
            return micros(Fraction(tokens) * DECIDED / MILLION)
        return Decimal(0)

    def _prices(self, work: Work) -> tuple[Fraction, Fraction, Fraction, Fraction]:
        return PRICES[max(book for book in self.books if book[0] <= work.began)[1]]

    def billed(self) -> list[Work]:
        return [work for work in self.works.values() if work.content is not None]

    def now_costs(self, work: Work) -> Decimal:
        return self.cost(work, work.content) if work.content is not None else Decimal(0)

    def window_of(self, key: LimitKey, moment: datetime) -> WindowKey:
        day = moment.astimezone(ZoneInfo(self.zone)).date()
        return key, day if key[1] == "day" else day.replace(day=1)

    def speaks_of(self, key: LimitKey, work: Work) -> bool:
        scope, _period, agent, channel = key
        return {"tenant": True, "agent": agent == work.agent, "channel": channel == work.channel}[scope]

    def windows_now(self, work: Work, moment: datetime) -> frozenset[WindowKey]:
        """Those of every limit in force that speaks of the work."""
        keys = [key for key, limit in self.limits.items() if limit.active and self.speaks_of(key, work)]
        return frozenset(self.window_of(key, moment) for key in keys)

    def spent(self, window: WindowKey) -> Decimal:
        key = window[0]
        inside = [w for w in self.billed() if self.speaks_of(key, w) and self.window_of(key, w.began) == window]
        return sum((self.now_costs(work) for work in inside), Decimal(0))

    def held(self, window: WindowKey) -> Decimal:
        return HOLD * sum(work.holding and window in (work.held or ()) for work in self.works.values())

    def windows_of(self, key: LimitKey) -> set[WindowKey]:
        """Those of a limit that any work lies in, whether it is over or not."""
        return {self.window_of(key, work.began) for work in self.works.values()}

    def admits(self, work: Work, moment: datetime) -> bool:
        windows = self.windows_now(work, moment)
        return all(self.spent(window) + self.held(window) < self.limits[window[0]].amount for window in windows)

    def not_held(self, window: WindowKey) -> Decimal:
        """What no hold stood for: work of before the limit, late reports of released work, and what corrections added."""
        total = Decimal(0)
        for work in self.billed():
            if self.speaks_of(window[0], work) and self.window_of(window[0], work.began) == window:
                cost = self.now_costs(work)
                total += cost - work.least_cost if window in work.covered else cost
        return total


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
