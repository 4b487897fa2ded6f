"""The company of the machine at work: calls and answers begin, are told of, crash, are charged, corrected and limited."""

import os
from collections import Counter
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from apps.billing.models import LedgerEntry, SpendHold, SpendLimit, SpendWindow, Subscription
from apps.billing.services import ReportConflict, call_bill, price_book_create, usage_record
from apps.billing.services.corrections import entry_correct
from apps.billing.services.limits import (
    limit_remove,
    limit_restore,
    limit_set,
    spend_expire,
    spend_release,
    spend_reserve,
)
from apps.billing.services.rerate import entries_rerate, past_price_decide
from apps.tenants.models import Tenant
from tests.billing.machine_checks import Seen, look
from tests.billing.machine_truth import AGENTS, DECIDED, HOLD, PRICES, Content, Limit, LimitKey, Truth, Work, utc
from tests.standins.stripe import Stripe
from tests.standins.stripe.customers import Customers
from tests.standins.stripe.invoices import Invoices
from tests.standins.stripe.state import State

SWEEP_EVERY = 25  # histories; what was taken back is still read over until then
ZONES = ("UTC", "America/New_York", "Pacific/Auckland")
START = utc("2026-10-30T20:00")  # a month's end, clocks that change, and a day limit's midnight are near
LASTS = timedelta(hours=2)
ZERO = Decimal(0)

contents = st.tuples(st.integers(0, 90_000), st.sampled_from(["gpt-std", "gpt-std", "gpt-new"]), st.integers(1, 100_000))
keys = st.sampled_from(
    [(scope, period, agent, channel) for period in ("day", "month") for scope, agent, channel in (
        ("tenant", "", ""), ("agent", AGENTS[0], ""), ("channel", "", "sip"))]
)  # fmt: skip
amounts = st.sampled_from([Decimal(text) for text in ("0", "0.02", "0.3", "0.6", "1.2", "50")])


class Clock:
    """What django.utils.timezone.now says; a client that waits for Stripe keeps real time."""

    def __init__(self) -> None:
        self.now: datetime = START

    def __call__(self) -> datetime:
        return self.now


CLOCK = Clock()
DONE = Counter[str]()
STRIPE: list[Stripe] = []
WRITES = Counter[str]()


def writes_count(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
    """For connection.execute_wrapper: whatever is not a plain SELECT may have changed something."""
    if not str(sql).lstrip().upper().startswith(("SELECT", "SAVEPOINT", "RELEASE", "SET SEARCH_PATH")):
        WRITES["all"] += 1
    return execute(sql, params, many, context)


class AtWork(RuleBasedStateMachine):
    """Everything of a history happens inside one transaction, which is taken back at its end."""

    def __init__(self) -> None:
        super().__init__()
        self._history = transaction.atomic()
        self._history.__enter__()
        CLOCK.now = START
        _stripe_forget(STRIPE[0])
        self.tenant = Tenant.objects.get(schema_name="acme")
        Subscription.objects.filter(tenant=self.tenant).delete()
        self.truth = Truth("UTC")
        self.numbers = count(1)
        self.seen: tuple[int, str] | None = None  # what was compared last: as many writes, the same truth

    @initialize(zone=st.sampled_from(ZONES))
    def begin(self, zone: str) -> None:
        self.tenant.timezone = self.truth.zone = zone
        Tenant.objects.filter(pk=self.tenant.pk).update(timezone=zone)
        self._book(0, START - timedelta(days=40))

    def teardown(self) -> None:
        """However it went, nothing is held in the end, and what is on no invoice yet still is in the ledger."""
        try:
            if not connection.needs_rollback:  # a step has failed, and says why
                CLOCK.now += LASTS + timedelta(seconds=1)
                self.time_passes_by()
                assert not SpendHold.objects.filter(state="held").exists()
                assert not SpendWindow.objects.exclude(held=0).exists()
                self.ends()
        finally:
            DONE["histories"] += 1
            if progress := os.environ.get("MACHINE_PROGRESS"):
                Path(progress).write_text(str(DONE["histories"]))
            transaction.set_rollback(True)
            self._history.__exit__(None, None, None)
            if DONE["histories"] % SWEEP_EVERY == 0:
                with connection.cursor() as cursor:
                    cursor.execute("VACUUM")

    # Work begins, ends, is told of once, twice, late, or never.

    @rule(agent=st.sampled_from(AGENTS), channel=st.sampled_from(["webrtc", "sip"]), happened=contents)
    def join(self, agent: str, channel: str, happened: Content) -> None:
        self._begin(Work("call", self._id(), agent, channel, CLOCK.now, happened))

    @rule(agent=st.sampled_from(AGENTS), happened=contents)
    def turn(self, agent: str, happened: Content) -> None:
        self._begin(Work("turn", self._id(), agent, "whatsapp", CLOCK.now, happened))

    @rule(agent=st.sampled_from(AGENTS), happened=contents, late=st.integers(0, 3000))
    def report_before_the_question(self, agent: str, happened: Content, late: int) -> None:
        """The report overtakes: the question afterwards holds nothing. It may be of an earlier day or month."""
        work = Work("call", self._id(), agent, "webrtc", CLOCK.now - timedelta(minutes=late), happened)
        self.truth.works[work.id] = work
        self._report(work, happened)
        assert self._ask(work).admitted
        assert not SpendHold.objects.filter(source_id=work.id).exists()

    @precondition(lambda self: self.truth.works)
    @rule(data=st.data())
    def ask_again(self, data: Any) -> None:
        work = self._some(data)
        if work.held is not None:
            assert self._ask(work).admitted

    @precondition(lambda self: self.truth.works)
    @rule(data=st.data())
    def report(self, data: Any) -> None:
        """For the first time, or as a duplicate."""
        work = self._some(data)
        self._report(work, work.content or work.happened)

    @precondition(lambda self: self.truth.works)
    @rule(data=st.data(), other=contents)
    def dispute(self, data: Any, other: Content) -> None:
        """Another report with other content charges nothing; finance has a conflict to decide."""
        work = self._some(data)
        if work.source == "call" and work.content is not None and other != work.content:
            before = LedgerEntry.objects.count()
            with suppress(ReportConflict):
                call_bill(tenant=self.tenant, call_id=work.id, report=_body(work, other))
            assert LedgerEntry.objects.count() == before

    @precondition(lambda self: self.truth.works)
    @rule(data=st.data())
    def crash(self, data: Any) -> None:
        """Nobody answered, or the worker died before anything was used: what was held is given back, at most once."""
        work = self._some(data)
        released = spend_release(tenant_id=self.tenant.pk, source_type=work.source, source_id=work.id)
        assert released == work.holding
        work.holding = False

    @rule()
    def sweep(self) -> None:
        """What no webhook told of is billed from its events."""
        for work in [work for work in self.truth.works.values() if work.source == "call" and work.content is None][:3]:
            self._report(work, work.happened, source="sweep")

    @rule(minutes=st.sampled_from([1, 7, 61, 180, 60 * 9, 60 * 26, 60 * 24 * 9]))
    def time_passes(self, minutes: int) -> None:
        CLOCK.now += timedelta(minutes=minutes)
        self.time_passes_by()

    def time_passes_by(self) -> None:
        """What is held for too long is given back."""
        spend_expire()
        for work in self.truth.works.values():
            work.holding = work.holding and work.lasts_until is not None and work.lasts_until > CLOCK.now

    # What finance does.

    @rule(index=st.integers(1, len(PRICES) - 1), minutes=st.integers(1, 600))
    def prices_change(self, index: int, minutes: int) -> None:
        moment = CLOCK.now + timedelta(minutes=minutes)
        if moment > max(self.truth.books)[0]:
            self._book(index, moment)

    @precondition(lambda self: self.truth.decided is None)
    @rule()
    def a_price_comes(self) -> None:
        values = {"kind": "llm", "provider": "openai", "model": "gpt-new", "unit": "1m_input_tokens", "price": _decimal(DECIDED)}
        past_price_decide(reason="It is known now.", by="fiona@acme.test", **values)  # type: ignore[arg-type]
        past_price_decide(reason="It is known now.", by="fiona@acme.test", **{**values, "unit": "1m_output_tokens"})  # type: ignore[arg-type]
        self.truth.decided = CLOCK.now
        entries_rerate(tenant=self.tenant)

    @precondition(lambda self: self.truth.billed())
    @rule(data=st.data(), content=contents)
    def refund(self, data: Any, content: Content) -> None:
        """Finance corrects an entry, down or up; the difference is a row of its own."""
        work = data.draw(st.sampled_from(self.truth.billed()))
        entry = LedgerEntry.objects.get(source_id=work.id, revision=0)
        length = Decimal(content[0]) / 1000 if work.source == "call" else None
        entry_correct(entry=entry, usage=_usage(content), duration=length, reason="It was less.", by="fiona@acme.test")
        work.content = content
        work.least_cost = min(work.least_cost, self.truth.now_costs(work))

    @rule(key=keys, amount=amounts, reached=st.sampled_from(["refuse", "people"]))
    def limit(self, key: LimitKey, amount: Decimal, reached: str) -> None:
        scope, period, agent, channel = key
        values = {"scope": scope, "period": period, "agent_id": agent or None, "channel": channel}
        limit_set(tenant=self.tenant, amount=amount, reached=reached, **values)
        self.truth.limits[key] = Limit(amount, reached)
        self._excess(key)

    @precondition(lambda self: self.truth.limits)
    @rule(data=st.data())
    def limit_removed_or_back(self, data: Any) -> None:
        key = data.draw(st.sampled_from(sorted(self.truth.limits)))
        known, row = self.truth.limits[key], _limit_row(key)
        known.active = not known.active
        if known.active:
            limit_restore(limit=row)
            self._excess(key)
        else:
            limit_remove(limit=row)

    # What is true after every step.

    @invariant()
    def sums_are_true(self) -> None:
        """Where neither the truth nor anything in the database changed since the last look, the answer is the same."""
        seen = (WRITES["all"], repr(self.known()))
        if seen != self.seen:
            self.compare(look(self.tenant.pk))
            self.seen = seen

    def known(self) -> Any:
        """All that is compared with."""
        return self.truth

    def ends(self) -> None:
        """What is true at the end of a history as well."""

    def compare(self, found: Seen) -> None:
        self._ledger(found)
        self._windows(found)

    def _ledger(self, found: Seen) -> None:
        """One entry for each source, and its revisions add up to what it should say."""
        ledger = {source: (total, firsts) for source, total, firsts in found.ledger}
        assert ledger == {work.id: (self.truth.now_costs(work), 1) for work in self.truth.billed()}

    def _windows(self, found: Seen) -> None:
        assert dict(found.holds) == {work.id: HOLD for work in self.truth.works.values() if work.holding}
        for scope, period, agent, channel, starts_on, spent, held in found.windows:
            key = (scope, period, agent, channel)
            window = (key, starts_on)
            assert (spent, held) == (self.truth.spent(window), self.truth.held(window)), window
            known = self.truth.limits[key]
            allowed = known.amount + HOLD + known.excess.get(window, ZERO) + self.truth.not_held(window)
            assert spent + held <= allowed, "overshot by more than one"

    # How the steps are taken.

    def _begin(self, work: Work) -> None:
        expected = self.truth.admits(work, CLOCK.now)
        windows = self.truth.windows_now(work, CLOCK.now)
        decision = self._ask(work)
        assert decision.admitted == expected
        if not expected:
            assert decision.to_people == all(
                self.truth.limits[w[0]].reached == "people"
                for w in windows
                if self.truth.spent(w) + self.truth.held(w) >= self.truth.limits[w[0]].amount
            )
            return
        work.held, work.holding = (windows, True) if windows else (None, False)
        work.lasts_until = CLOCK.now + LASTS
        self.truth.works[work.id] = work

    def _ask(self, work: Work) -> Any:
        return spend_reserve(
            tenant=self.tenant,
            source_type=work.source,
            source_id=work.id,
            agent_id=work.agent,
            channel=work.channel,
            estimate=HOLD,
            lasts=LASTS,
        )

    def _report(self, work: Work, content: Content, source: str = "report") -> None:
        first = work.content is None
        try:
            if work.source == "call":
                result = call_bill(tenant=self.tenant, call_id=work.id, report=_body(work, content), source=source)
            else:
                result = usage_record(
                    tenant=self.tenant, source_type="turn", source_id=work.id, usage=_usage(content), at=work.began,
                    agent_id=work.agent, channel=work.channel,
                )  # fmt: skip
            assert result.created == first
        except ReportConflict:
            assert not first  # it was corrected since, and the first report still is what counts
        if first:
            work.content, work.least_cost = content, self.truth.cost(work, content)
            work.covered = frozenset(work.held or ()) if work.holding else frozenset()
            work.holding = False

    def _id(self) -> str:
        """The same in every run of the same history."""
        return str(UUID(int=next(self.numbers)))

    def _some(self, data: Any) -> Work:
        return self.truth.works[data.draw(st.sampled_from(sorted(self.truth.works)))]

    def _book(self, index: int, moment: datetime) -> None:
        web, phone, platform, million = map(_decimal, PRICES[index])
        rows = [
            ("transport", "livekit", "webrtc", "minute", web), ("transport", "livekit", "sip", "minute", phone),
            ("platform", "meridian", "call", "minute", platform), ("llm", "openai", "gpt-std", "1m_input_tokens", million),
            ("llm", "openai", "gpt-std", "1m_output_tokens", million),
        ]  # fmt: skip
        columns = ("kind", "provider", "model", "unit", "price")
        now, CLOCK.now = CLOCK.now, min(CLOCK.now, moment)
        prices = [{**dict(zip(columns, row, strict=True)), "provider_cost": ZERO} for row in rows]
        price_book_create(effective_from=moment, prices=prices)
        CLOCK.now = now
        self.truth.books.append((moment, index))

    def _excess(self, key: LimitKey) -> None:
        """A limit that is set below what is spent already is overshot from the start, in days that are over as well."""
        windows = {self.truth.window_of(key, CLOCK.now), *self.truth.windows_of(key)}
        spent, held = self.truth.spent, self.truth.held
        self.truth.limits[key].excess = {window: spent(window) + held(window) for window in windows}


def _limit_row(key: LimitKey) -> SpendLimit:
    scope, period, agent, channel = key
    return SpendLimit.objects.select_related("tenant").get(scope=scope, period=period, agent_id=agent or None, channel=channel)


def _usage(content: Content) -> list[dict[str, Any]]:
    _milliseconds, model, tokens = content
    row = {"kind": "llm", "provider": "openai", "model": model}
    return [{**row, "input_tokens": tokens, "input_cached_tokens": 0, "output_tokens": 0}]


def _body(work: Work, content: Content) -> dict[str, Any]:
    return {
        "call_id": work.id,
        "agent_id": work.agent,
        "channel": work.channel,
        "started_at": work.began.isoformat(),
        "ended_at": (work.began + timedelta(milliseconds=content[0])).isoformat(),
        "duration": content[0] / 1000,
        "ended_reason": "caller_hangup",
        "usage": _usage(content),
    }


def _decimal(value: Any) -> Decimal:
    return Decimal(value.numerator) / Decimal(value.denominator)


def _stripe_forget(stripe: Stripe) -> None:
    """A Stripe that has seen nothing yet."""
    stripe.state = State()
    stripe.state.clock = lambda: CLOCK().timestamp()
    stripe.invoices, stripe.customers = Invoices(stripe.state), Customers(stripe.state)
    stripe.faults, stripe.calls = [], []
    stripe.keys_prune()
