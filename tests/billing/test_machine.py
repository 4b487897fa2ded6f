"""Random histories of one company's money, each step held against a plain model of the truth.

Join, turn, crash, report, duplicate, reorder, lost webhook, sweep, price change, limit, refund, invoice run, void, an outage of
Stripe, and payments: by bank transfer, or at Stripe, told once, twice or by the nightly comparison alone.
`MACHINE_HISTORIES=10000` runs more than the suite does, and `MACHINE_PROGRESS` names a file that counts them.
"""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.db.models import Count, Q, Sum
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from apps.billing import stripe_api
from apps.billing.closing import books_closed
from apps.billing.models import (
    BankTransfer,
    Credit,
    CreditUse,
    Invoice,
    InvoicedEntry,
    InvoiceLine,
    LedgerEntry,
    SpendHold,
    SpendLimit,
    SpendWindow,
    Subscription,
)
from apps.billing.months import month_before, month_bounds
from apps.billing.services import ReportConflict, call_bill, price_book_create, usage_record
from apps.billing.services.corrections import entry_correct
from apps.billing.services.credits import credit_grant
from apps.billing.services.invoice_runs import Outcome, invoices_run
from apps.billing.services.invoices import InvoiceRefused, invoice_void
from apps.billing.services.limits import (
    limit_remove,
    limit_restore,
    limit_set,
    spend_expire,
    spend_release,
    spend_reserve,
)
from apps.billing.services.reconcile import reconcile
from apps.billing.services.rerate import entries_rerate, past_price_decide
from apps.billing.services.stripe_events import invoice_refresh
from apps.billing.services.transfers import transfer_note, transfer_undo
from apps.billing.services.transfers_stripe import transfers_tell
from apps.core.errors import PermanentError
from apps.tenants.models import Tenant
from tests.billing.machine_truth import AGENTS, DECIDED, HOLD, PRICES, Content, Limit, LimitKey, Truth, Work, cents, utc
from tests.standins.stripe import API_KEY, WEBHOOK_SECRET, Fault, Stripe
from tests.standins.stripe.customers import Customers
from tests.standins.stripe.invoices import Invoices
from tests.standins.stripe.state import State

HISTORIES = int(os.environ.get("MACHINE_HISTORIES", "15"))
STEPS = int(os.environ.get("MACHINE_STEPS", "24"))
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
faults = st.lists(
    st.tuples(
        st.sampled_from(["POST /v1/invoices.*", "POST /v1/invoiceitems", "POST /v1/customers", "GET /v1/invoices.*"]),
        st.sampled_from(["500", "500_after", "drop", "drop_after", "429"]),
        st.integers(0, 2),
    ),
    max_size=3,
)


class Clock:
    """What django.utils.timezone.now says; a client that waits for Stripe keeps real time."""

    def __init__(self) -> None:
        self.now: datetime = START

    def __call__(self) -> datetime:
        return self.now


CLOCK = Clock()
DONE = Counter[str]()
STRIPE: list[Stripe] = []


class Money(RuleBasedStateMachine):
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
        self.unheard: set[UUID] = set()  # invoices that were paid at Stripe, whose webhook got lost
        self.asked = self.banked = False  # whether there was an invoice, and a bank transfer; asked first, since it costs nothing
        self.invoiced = False  # whether anything about invoices changed in the last step

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
                spend_expire()
                assert not SpendHold.objects.filter(state="held").exists()
                assert not SpendWindow.objects.exclude(held=0).exists()
                self._invoices()
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

    @rule(cent=st.integers(1, 40))
    def credit(self, cent: int) -> None:
        credit_grant(tenant=self.tenant, amount=Decimal(cent) / 100, currency="USD", reason="Sorry", by="root@meridian.test")

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

    # Months end.

    @rule(broken=faults)
    def invoice_run(self, broken: list[tuple[str, Any, int]]) -> None:
        """The month before, through a Stripe that fails here and there; then again, when it works."""
        self.invoiced = True
        month = month_before(CLOCK.now.date())
        stripe = STRIPE[0]
        stripe.faults = [Fault(call, kind, times=3, skip=skip) for call, kind, skip in broken]
        first = invoices_run(month=month, tenants=[self.tenant])
        stripe.faults = []
        if first.rows[0].outcome in (Outcome.LATER, Outcome.FAILED):
            CLOCK.now += timedelta(minutes=6)
            again = invoices_run(month=month, tenants=[self.tenant])
            assert again.rows[0].outcome in (Outcome.SENT, Outcome.UNCHANGED), (first.rows, again.rows)
        invoice = Invoice.objects.filter(tenant=self.tenant, month=month).exclude(state="void").first()
        if invoice is not None:
            self.asked = True
            self._complete(invoice)

    @rule(data=st.data())
    def void(self, data: Any) -> None:
        self.invoiced = True
        rows = Invoice.objects.filter(tenant=self.tenant).exclude(state="void").exclude(pk__in=self.unheard)
        found = list(rows.order_by("created_at"))  # staff ask Stripe first, which knows of what is unheard
        if found:
            try:
                invoice_void(invoice=data.draw(st.sampled_from(found)))
            except (InvoiceRefused, PermanentError):
                return  # paid, or what it carried over is used

    @precondition(lambda self: self.asked and self._owed())
    @rule(data=st.data(), heard=st.integers(0, 2))
    def paid_at_stripe(self, data: Any, heard: int) -> None:
        """Its webhook comes, comes twice, or gets lost."""
        self.invoiced = True
        invoice = data.draw(st.sampled_from(self._owed()))
        STRIPE[0].invoices.pay(invoice.stripe_id, {})
        for _ in range(heard):
            assert invoice_refresh(stripe_id=invoice.stripe_id).state == "paid"
        if not heard:
            self.unheard.add(invoice.pk)

    @precondition(lambda self: self.unheard)
    @rule()
    def night(self) -> None:
        """The comparison hears of what no webhook told."""
        self.invoiced = True
        reconcile(fix_safe=True)
        assert set(Invoice.objects.filter(pk__in=self.unheard).values_list("state", flat=True)) == {"paid"}
        self.unheard.clear()

    @precondition(lambda self: self.asked and self._owed())
    @rule(data=st.data())
    def paid_to_the_bank(self, data: Any) -> None:
        self.invoiced = True
        invoice = data.draw(st.sampled_from(self._owed()))
        _transfer(invoice)
        self.banked = True
        with pytest.raises(InvoiceRefused):
            _transfer(invoice)  # a second time

    @precondition(lambda self: self.banked)
    @rule(data=st.data())
    def taken_back(self, data: Any) -> None:
        self.invoiced = True
        transfer = data.draw(st.sampled_from(_transfers()))
        final = books_closed(transfer.received_on) or transfer.stripe_asked_at is not None
        with pytest.raises(InvoiceRefused) if final else nullcontext():
            transfer_undo(transfer=transfer, reason="It was for another one.", by="root@meridian.test")
        assert Invoice.objects.get(pk=transfer.invoice_id).state == ("paid" if final else "open")

    @precondition(lambda self: self.banked)
    @rule()
    def books_close(self) -> None:
        self.invoiced = True
        waiting = BankTransfer.objects.filter(undone_at=None, stripe_told_at=None)
        due = sum(books_closed(transfer.received_on) for transfer in waiting)
        assert transfers_tell() == due

    def _owed(self) -> list[Invoice]:
        rows = Invoice.objects.filter(tenant=self.tenant, state="open", sent_at__isnull=False, total__gt=0)
        return list(rows.exclude(pk__in=self.unheard).order_by("month", "created_at"))

    # What is true after every step.

    @invariant()
    def sums_are_true(self) -> None:
        self._ledger()
        self._windows()
        if self.invoiced:
            self._invoices()

    def _ledger(self) -> None:
        """One entry for each source, and its revisions add up to what it should say."""
        rows = LedgerEntry.objects.filter(tenant=self.tenant).order_by().values("source_id", "source_type")
        sums = rows.annotate(total=Sum("total_known"), firsts=Count("pk", filter=Q(revision=0)))
        found = {row["source_id"]: (row["total"], row["firsts"]) for row in sums}
        assert found == {work.id: (self.truth.now_costs(work), 1) for work in self.truth.billed()}

    def _windows(self) -> None:
        held = dict(SpendHold.objects.filter(state="held").values_list("source_id", "amount"))
        assert held == {work.id: HOLD for work in self.truth.works.values() if work.holding}
        for row in SpendWindow.objects.filter(limit__active=True).select_related("limit"):
            limit = row.limit
            key = (limit.scope, limit.period, str(limit.agent_id or ""), limit.channel)
            window = (key, row.starts_on)
            assert (row.spent, row.held) == (self.truth.spent(window), self.truth.held(window)), window
            known = self.truth.limits[key]
            allowed = known.amount + HOLD + known.excess.get(window, ZERO) + self.truth.not_held(window)
            assert row.spent + row.held <= allowed, "overshot by more than one"

    def _invoices(self) -> None:
        """Every entry is on one invoice or none; each invoice is its entries to the cent, and what it took of credits."""
        self.invoiced, counted = False, ZERO
        for invoice in Invoice.objects.filter(tenant=self.tenant).exclude(state="void"):
            entries = InvoicedEntry.objects.filter(invoice=invoice).aggregate(sum=Sum("entry__total_known"))["sum"] or ZERO
            lines = list(InvoiceLine.objects.filter(invoice=invoice))
            usage = [line for line in lines if line.kind == InvoiceLine.Kind.USAGE]
            assert sum((line.exact for line in usage), ZERO) == entries
            assert invoice.subtotal == cents(entries) == sum((line.amount for line in usage), ZERO)
            used = CreditUse.objects.filter(invoice=invoice).aggregate(sum=Sum("amount"))["sum"] or ZERO
            carried = Credit.objects.filter(carried_from=invoice).aggregate(sum=Sum("amount"))["sum"] or ZERO
            assert invoice.credits == used - carried
            assert invoice.total == invoice.subtotal - invoice.credits >= 0
            settled = invoice.total if invoice.state == "paid" else ZERO
            assert (invoice.paid, invoice.owed) == (settled, invoice.total - settled)
            counted += entries
        free = LedgerEntry.objects.filter(tenant=self.tenant, invoiced=None).aggregate(sum=Sum("total_known"))["sum"] or ZERO
        assert counted + free == sum(map(self.truth.now_costs, self.truth.billed()), ZERO)

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
            work.content, work.first_cost = content, self.truth.cost(work, content)
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
        """A limit that is set below what is spent already is overshot from the start."""
        limit, window = self.truth.limits[key], self.truth.window_of(key, CLOCK.now)
        limit.excess = {window: self.truth.spent(window) + self.truth.held(window)}

    def _complete(self, invoice: Invoice) -> None:
        """A run takes all there is of before the month's end, and Stripe has the invoice once, with the same total."""
        end = month_bounds(invoice.month, self.tenant.timezone)[1]
        if invoice.step == Invoice.Step.FINALIZED and invoice.stripe_id:
            mine = [
                row
                for row in STRIPE[0].state.tables["invoice"].values()
                if row["metadata"].get("meridian_invoice") == str(invoice.pk) and row["status"] != "void"
            ]
            assert [(row["id"], row["total"]) for row in mine] == [(invoice.stripe_id, int(invoice.total * 100))]
        assert invoice.period_end == end


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


def _transfer(invoice: Invoice) -> None:
    day = CLOCK.now.date()
    transfer_note(invoice=invoice, amount=invoice.total, received_on=day, reference="ACME", by="root@meridian.test")


def _transfers() -> list[BankTransfer]:
    return list(BankTransfer.objects.filter(undone_at=None).order_by("invoice__month", "invoice__created_at"))


def _decimal(value: Any) -> Decimal:
    return Decimal(value.numerator) / Decimal(value.denominator)


def _stripe_forget(stripe: Stripe) -> None:
    """A Stripe that has seen nothing yet."""
    stripe.state = State()
    stripe.invoices, stripe.customers = Invoices(stripe.state), Customers(stripe.state)
    stripe.faults, stripe.calls = [], []
    stripe.keys_prune()


@pytest.fixture
def world(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("django.utils.timezone.now", CLOCK)
    monkeypatch.setattr(stripe_api, "TIMEOUT", (2.0, 1.0))
    monkeypatch.setattr("stripe.HTTPClient.INITIAL_DELAY", 0.001)
    monkeypatch.setattr("stripe.HTTPClient.MAX_DELAY", 0.001)
    with Stripe() as server:
        settings.STRIPE_SECRET_KEY, settings.STRIPE_WEBHOOK_SECRET = API_KEY, WEBHOOK_SECRET
        settings.STRIPE_API_BASE = server.base_url
        STRIPE[:] = [server]
        yield
    STRIPE.clear()
    stripe_api._client.cache_clear()


@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(0 if HISTORIES > 100 else 180)
def test_money_equals_the_truth(world: None) -> None:
    run_state_machine_as_test(
        Money,
        settings=settings(
            max_examples=HISTORIES,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.generate, Phase.shrink) if HISTORIES <= 100 or "MACHINE_SHRINK" in os.environ else (Phase.generate,),
        ),
    )


class _First:
    """Draws the first of what there is."""

    def draw(self, strategy: Any) -> Any:
        return strategy.elements[0]


@pytest.mark.django_db(transaction=True)
def test_payments_of_one_history(world: None) -> None:
    """Those steps of the machine that few of its random histories come to."""
    money, first = Money(), _First()
    try:
        money.begin(zone="UTC")
        money.join(agent=AGENTS[0], channel="sip", happened=(90_000, "gpt-std", 100_000))
        money.sweep()
        money.time_passes(minutes=60 * 26 * 2)
        money.invoice_run(broken=[])
        assert len(money._owed()) == 1
        for step in (
            lambda: money.paid_to_the_bank(data=first),
            lambda: money.books_close(),
            lambda: money.taken_back(data=first),
            lambda: money.paid_to_the_bank(data=first),
            lambda: money.taken_back(data=first),
            lambda: money.paid_at_stripe(data=first, heard=0),
            lambda: money.night(),
        ):
            step()
            money.sums_are_true()
        assert not money._owed()
    finally:
        money.teardown()
