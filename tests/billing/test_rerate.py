"""What had no price is charged once there is one: by the difference, once, whoever decides it and however often it runs."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models import Sum
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.billing import services
from apps.billing.models import BillingProfile, LedgerEntry, PriceBook, SpendWindow
from apps.billing.selectors import call_cost, statement_of
from apps.billing.selectors.unpriced import unpriced_usage
from apps.billing.services import call_bill, entries_rerate, entry_correct, past_price_decide, past_price_from_book, rerate
from apps.billing.services.corrections import revision_row
from apps.billing.services.ledger import entries_write
from apps.billing.statement import Statement
from apps.core.errors import PermanentError
from apps.tenants.models import Tenant
from tests.billing.factories import USAGE, report_of
from tests.billing.limits import AGENT, limit, window
from tests.billing.test_metering import AT, BY, LLM, UNHEARD, record

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("midday")]
WHY = "The model came out in March; its price was told in May."


def decide(unit: str, price: str, **changes: Any) -> None:
    values = {"kind": "llm", "provider": "openai", "model": "gpt-unheard", "reason": WHY, "by": BY, **changes}
    past_price_decide(unit=unit, price=Decimal(price), provider_cost=Decimal(price) / 2, **values)


def both(price: str = "1", **changes: Any) -> None:
    decide("1m_input_tokens", price, **changes)
    decide("1m_output_tokens", price, **changes)


def total(tenant: Tenant) -> Decimal:
    return LedgerEntry.objects.filter(tenant=tenant).aggregate(Sum("total_known"))["total_known__sum"]


def test_nothing_is_rated_while_there_is_no_price(acme: Tenant) -> None:
    record(acme, [UNHEARD])
    for _ in range(2):
        report = entries_rerate()
        assert (report.seen, report.rated, report.amounts) == (1, 0, {})
    decide("1m_input_tokens", "1")
    assert entries_rerate().rated == 0  # half a price is no price
    assert LedgerEntry.objects.count() == 1


def test_a_decision_for_the_past_is_charged_once_and_says_who_and_why(acme: Tenant) -> None:
    entry = record(acme, [LLM, UNHEARD])
    both()
    dry = entries_rerate(dry_run=True)
    assert (dry.rated, dry.amounts, LedgerEntry.objects.count()) == (1, {"USD": Decimal("1.15")}, 1)
    assert [entries_rerate().rated for _ in range(3)] == [1, 0, 0]
    made = LedgerEntry.objects.get(revision=1)
    assert (made.source, made.reason, made.by, made.corrects_id) == ("rerate", WHY, BY, entry.pk)
    assert (made.llm, made.total, made.provider_cost, made.unpriced, made.usage) == (
        Decimal("1.15"),
        Decimal("1.15"),
        Decimal("0.65"),
        [],
        [],
    )
    assert statement_of(entry).total == total(acme) == Decimal("1.15")
    assert unpriced_usage() == []


def test_a_late_report_is_charged_as_re_rating_would(acme: Tenant) -> None:
    record(acme, [UNHEARD, LLM])
    both()
    entries_rerate()
    late = record(acme, [UNHEARD, LLM], source_id="late")
    assert (late.total, late.provider_cost) == (Decimal("1.15"), Decimal("0.65"))
    after = record(acme, [UNHEARD], source_id="after", at=timezone.now() + timedelta(minutes=1))
    assert after.total is None


def test_a_decision_is_made_once(acme: Tenant, globex: Tenant) -> None:
    decide("1m_input_tokens", "1")
    for changes in ({}, {"tenant": acme}, {"since": AT}):
        with pytest.raises(PermanentError, match="decided on"):
            decide("1k_input_tokens", "2", **changes)
    decide("1k_input_tokens", "2", currency="EUR")
    with pytest.raises(PermanentError, match="Say in a sentence"):
        decide("1m_output_tokens", "1", reason=" ")


def test_a_decision_for_one_tenant(acme: Tenant, globex: Tenant) -> None:
    for tenant in (acme, globex):
        record(tenant, [UNHEARD])
    both(tenant=acme)
    assert entries_rerate().rated == 1
    assert (total(acme), total(globex)) == (1, 0)
    assert [(row.times, row.tenants) for row in unpriced_usage()] == [(1, [globex.pk])]


def test_a_new_books_price_counts_for_the_past_when_finance_says_so(acme: Tenant) -> None:
    record(acme, [UNHEARD])
    book = services.price_book_copy(book=services.price_book_seed(), effective_from=timezone.now() + timedelta(days=1))
    for unit in ("1m_input_tokens", "1m_output_tokens"):
        book.prices.create(kind="llm", provider="openai", model="gpt-unheard", unit=unit, provider_cost="2", price=None)
    PriceBook.objects.filter(pk=book.pk).update(markup="0.5")
    assert entries_rerate().rated == 0
    past_price_from_book(
        book=PriceBook.objects.get(pk=book.pk), kind="llm", provider="openai", model="gpt-unheard", reason=WHY, by=BY
    )
    assert entries_rerate().amounts == {"USD": Decimal(3)}
    with pytest.raises(PermanentError, match="has no price"):
        past_price_from_book(book=book, kind="tts", provider="openai", model="gpt-unheard", reason=WHY, by=BY)


def test_the_first_book_of_a_currency_rates_what_waited_for_it(acme: Tenant) -> None:
    BillingProfile.objects.update_or_create(tenant=acme, defaults={"currency": "EUR"})
    record(acme, [LLM])
    prices = [
        {"kind": "llm", "provider": "openai", "model": "gpt-4o-mini", "unit": unit, "provider_cost": "0", "price": "2"}
        for unit in ("1m_input_tokens", "1m_output_tokens")
    ]
    book = services.price_book_create(effective_from=AT - timedelta(days=1), prices=prices, currency="EUR")
    assert entries_rerate().amounts == {"EUR": Decimal(2)}
    assert LedgerEntry.objects.get(revision=1).price_book == book
    with pytest.raises(PermanentError, match="in the future"):
        services.price_book_create(effective_from=AT, prices=prices, currency="EUR")


def test_what_had_a_price_keeps_it(acme: Tenant) -> None:
    """Calls with several unpriced models are charged as their prices come, and a part only when all of it is known."""
    other = {**UNHEARD, "model": "gpt-unseen"}
    report = report_of(usage=[*USAGE, UNHEARD, other])
    entry = call_bill(tenant=acme, call_id=report["call_id"], report=report).entry
    both()
    assert entries_rerate().amounts == {"USD": 0}
    cost = call_cost(acme, report["call_id"])
    assert cost is not None
    assert (cost.parts["llm"], cost.total, [row["model"] for row in cost.unpriced]) == (None, None, ["gpt-unseen"])
    both(model="gpt-unseen", price="2")
    assert [entries_rerate().rated for _ in range(2)] == [1, 0]
    cost = call_cost(acme, report["call_id"])
    assert cost is not None
    assert (cost.parts["llm"], cost.total) == (Decimal("3.000207"), entry.total_known + Decimal("3.000207"))
    assert total(acme) == cost.total


def test_what_finance_corrected_stays(acme: Tenant) -> None:
    entry = record(acme, [LLM, UNHEARD, {"kind": "tool", "provider": "meridian", "model": "run", "runs": 1}])
    entry_correct(entry=entry, amounts={"platform": Decimal(0)}, reason="A gift.", by=BY)
    both()
    entries_rerate()
    assert statement_of(entry).parts["platform"] == 0
    assert statement_of(entry).total == total(acme) == Decimal("1.15")


def test_usage_corrected_before_the_price_came(acme: Tenant) -> None:
    entry = record(acme, [UNHEARD])
    entry_correct(entry=entry, usage=[{**UNHEARD, "input_tokens": 3_000_000}], reason="It was more.", by=BY)
    assert unpriced_usage()[0].quantities == {"input_tokens": Decimal(3_000_000)}
    both()
    assert entries_rerate().amounts == {"USD": Decimal(3)}
    assert total(acme) == 3


def test_a_correction_to_a_model_without_a_price_is_listed_and_charged_when_the_price_comes(acme: Tenant) -> None:
    entry = record(acme, [LLM])
    entry_correct(entry=entry, usage=[UNHEARD], reason="Another model answered.", by=BY)
    assert total(acme) == 0  # what was not used is not charged; what was is not yet
    assert [(row.model, row.times) for row in unpriced_usage()] == [("gpt-unheard", 1)]
    both("2")
    assert [entries_rerate().rated for _ in range(2)] == [1, 0]
    sums = LedgerEntry.objects.aggregate(Sum("llm"), Sum("total_known"), Sum("provider_cost"))
    assert list(sums.values()) == [2, 2, 1]
    assert (statement_of(entry).total, unpriced_usage()) == (2, [])


def test_it_goes_on_where_it_broke_off(acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        record(acme, [UNHEARD], source_id=f"t{number}", at=AT + timedelta(minutes=number))
    both()
    written = services.ledger.entries_write
    left = iter([True])

    def breaks(rows: list[LedgerEntry]) -> list[LedgerEntry]:
        made = written(rows)
        next(left)
        return made

    monkeypatch.setattr(rerate, "entries_write", breaks)
    with pytest.raises(StopIteration):
        entries_rerate(batch=2)
    assert total(acme) == 2  # a batch is whole or not at all
    monkeypatch.setattr(rerate, "entries_write", written)
    assert entries_rerate(batch=2).rated == 3
    assert total(acme) == 5


def test_the_command_says_what_it_did(acme: Tenant, capsys: pytest.CaptureFixture[str]) -> None:
    record(acme, [UNHEARD])
    call_command("billing_rerate", "--dry-run")
    assert "llm openai gpt-unheard, 1 times since 2026-03-02: 1000000 input tokens" in capsys.readouterr().out.replace(
        ".000000", ""
    )
    both()
    call_command("billing_rerate", "--tenant", "acme")
    out = capsys.readouterr().out
    assert "1 entries lack a price; 1 charged now." in out
    assert "1.000000 USD" in out


def test_many_are_charged_by_as_few_statements_as_one(acme: Tenant, globex: Tenant) -> None:
    for tenant, count in ((acme, 12), (globex, 1)):
        for number in range(count):
            record(tenant, [UNHEARD], source_id=f"t{number}")
    both()
    counts = []
    for tenant, count in ((acme, 12), (globex, 1)):
        with CaptureQueriesContext(connection) as asked:
            assert entries_rerate(tenant=tenant).rated == count
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_what_is_charged_later_counts_in_a_limit_as_if_it_had_been_in_time(acme: Tenant) -> None:
    now = timezone.now()
    past = {"at": now - timedelta(seconds=1), "agent_id": AGENT}
    for number in range(3):
        record(acme, [UNHEARD], source_id=f"t{number}", **past)
    month = limit(acme, "10")
    record(acme, [LLM], source_id="priced", **past)
    before = window(month)[0]
    both()
    assert entries_rerate().rated == 3
    assert window(month)[0] == before + 3 == total(acme)


def test_what_is_charged_together_counts_once_in_a_window_that_nobody_had_needed_yet(acme: Tenant) -> None:
    yesterday = timezone.now() - timedelta(days=1)
    for number in range(3):
        record(acme, [UNHEARD], source_id=f"t{number}", at=yesterday, agent_id=AGENT)
    day = limit(acme, "10", period="day")
    both()
    assert entries_rerate().rated == 3
    made = SpendWindow.objects.filter(limit=day).order_by("starts_on").values_list("spent", flat=True)
    assert list(made) == [total(acme), Decimal(0)] == [3, 0]


def test_of_many_rows_one_that_is_there_is_left_out(acme: Tenant) -> None:
    def row(entry: LedgerEntry) -> LedgerEntry:
        values = {"lines": [], "total_known": Decimal(1), "unpriced": []}
        return revision_row(Statement([entry]), values, source="rerate", reason="", by="")

    entries = [record(acme, [UNHEARD], source_id=f"t{number}") for number in range(2)]
    assert len(entries_write([row(entries[0])])) == 1
    assert [made.source_id for made in entries_write([row(entry) for entry in entries])] == ["t1"]
    assert total(acme) == 2
