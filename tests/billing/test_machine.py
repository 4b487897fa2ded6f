"""Random histories of one company's money, each step held against a plain model of the truth.

Join, turn, crash, report, duplicate, reorder, lost webhook, sweep, price change, limit, refund, invoice run, void, credit notes,
an outage of Stripe, and payments: by bank transfer, in parts and above what is left, or at Stripe, told once, twice or by the
nightly comparison alone. `MACHINE_HISTORIES=10000` runs more than the suite does, half of them beginning with an invoice that was
sent, and `MACHINE_PROGRESS` names a file that counts them. `MACHINE_SHRINK=1` makes a failing one short.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from apps.billing import stripe_api
from tests.billing.machine import CLOCK, STRIPE, writes_count
from tests.billing.machine_money import Collected, Money
from tests.billing.machine_truth import AGENTS
from tests.standins.stripe import API_KEY, WEBHOOK_SECRET, Stripe

HISTORIES = int(os.environ.get("MACHINE_HISTORIES", "16"))
STEPS = int(os.environ.get("MACHINE_STEPS", "24"))


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
        with connection.execute_wrapper(writes_count):
            yield
    STRIPE.clear()
    stripe_api._client.cache_clear()


@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(0 if HISTORIES > 100 else 180)
@pytest.mark.parametrize("machine", [Money, Collected])
def test_money_equals_the_truth(world: None, machine: type[Money]) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=max(1, HISTORIES // 2),
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            derandomize="MACHINE_HISTORIES" not in os.environ,  # the suite's few are the same each time; the many are new ones
            suppress_health_check=list(HealthCheck),
            phases=(Phase.generate, Phase.shrink) if "MACHINE_SHRINK" in os.environ else (Phase.generate,),
        ),
    )


class _First:
    """Draws the first of what there is."""

    def draw(self, strategy: Any) -> int:
        return 0


class _Oldest:
    """Draws the work, or its id, that came first."""

    def draw(self, strategy: Any) -> Any:
        return strategy.elements[0]


def _take(money: Money, steps: Iterable[Callable[[], None]]) -> None:
    """A history that is written down: each step is followed by the same comparison as those of random ones."""
    try:
        money.begin(zone="UTC")
        for step in steps:
            step()
            money.sums_are_true()
    finally:
        money.teardown()


@pytest.mark.django_db(transaction=True)
def test_payments_of_one_history(world: None) -> None:
    """Those steps of the machine that few of its random histories come to."""
    money, first = Money(), _First()
    steps = (
        lambda: money.join(agent=AGENTS[0], channel="sip", happened=(90_000, "gpt-std", 100_000)),
        lambda: money.sweep(),
        lambda: money.time_passes(minutes=60 * 26 * 2),
        lambda: money.invoice_run(broken=[]),
        lambda: money.paid_to_the_bank(data=first, share="half"),
        lambda: money.books_close(),
        lambda: money.paid_to_the_bank(data=first, share="more"),
        lambda: money.transfer_taken_back(data=first),
        lambda: money.surplus_goes(data=first),
        lambda: money.credit_note(data=first, share="half"),
        lambda: money.stripe_hears(data=first, broken="drop_after"),
        lambda: money.paid_to_the_bank(data=first, share="all"),
        lambda: money.credit_note(data=first, share="more"),
        lambda: money.transfer_taken_back(data=first),
        lambda: money.time_passes(minutes=60 * 24 * 60),
        lambda: money.books_close(),
        lambda: money.credit_note(data=first, share="half"),
        lambda: money.stripe_hears(data=first, broken=""),
        lambda: money.night(),
    )
    _take(money, steps)
    (paper,) = money.papers.papers
    assert paper.state == "paid" and len(paper.notes) == 2


DAY = ("tenant", "day", "", "")
MUCH, LITTLE = (90_000, "gpt-std", 100_000), (0, "gpt-std", 1)


@pytest.mark.django_db(transaction=True)
def test_a_limit_that_is_lowered_while_yesterdays_calls_still_run(world: None) -> None:
    """What they hold lies in a day that is over; the lower limit was not what they were admitted by."""
    money = Money()
    call = lambda: money.join(agent=AGENTS[0], channel="sip", happened=MUCH)  # noqa: E731
    steps = (
        lambda: money.time_passes(minutes=180),
        lambda: money.limit(key=DAY, amount=Decimal(50), reached="refuse"),
        call,
        call,
        call,
        lambda: money.time_passes(minutes=61),
        lambda: money.limit(key=DAY, amount=Decimal("0.02"), reached="refuse"),
        lambda: money.sweep(),
    )
    _take(money, steps)
    assert [work.content for work in money.truth.works.values()] == [MUCH] * 3


@pytest.mark.django_db(transaction=True)
def test_an_entry_that_is_corrected_down_and_up_again_around_a_call(world: None) -> None:
    """The call was admitted by the lower sum, so it and the second correction overshoot the limit together."""
    money, oldest = Money(), _Oldest()
    steps = (
        lambda: money.limit(key=DAY, amount=Decimal("0.02"), reached="refuse"),
        lambda: money.join(agent=AGENTS[0], channel="sip", happened=MUCH),
        lambda: money.report(data=oldest),
        lambda: money.refund(data=oldest, content=LITTLE),
        lambda: money.join(agent=AGENTS[0], channel="sip", happened=MUCH),
        lambda: money.refund(data=oldest, content=MUCH),
    )
    _take(money, steps)
    assert len(money.truth.works) == 2


@pytest.mark.django_db(transaction=True)
def test_a_transfer_for_what_was_paid_at_stripe_and_credited(world: None) -> None:
    """Nothing is left to be paid, so Stripe is not asked, and what it knows is heard of at night."""
    money, first = Money(), _First()
    steps = (
        lambda: money.join(agent=AGENTS[0], channel="sip", happened=MUCH),
        lambda: money.sweep(),
        lambda: money.time_passes(minutes=60 * 26 * 2),
        lambda: money.invoice_run(broken=[(r"POST /v1/invoices/\w+/send", "500", 0)]),
        lambda: money.paid_at_stripe(data=first, heard=0),
        lambda: money.credit_note(data=first, share="all"),
        lambda: money.paid_to_the_bank(data=first, share="all"),
        lambda: money.night(),
    )
    _take(money, steps)
    (paper,) = money.papers.papers
    assert (paper.state, len(paper.notes), paper.parts) == ("paid", 1, [])
