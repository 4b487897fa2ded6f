"""Usage of every source: charged once, whatever it is told twice, and corrected by rows that hold the difference."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import Sum

from apps.billing.models import BillingConflict, BillingProfile, LedgerEntry, Part, PriceOverride
from apps.billing.selectors import call_cost, call_costs, statement_of
from apps.billing.services import call_bill, entry_correct, price_book_create, usage_record
from apps.core.errors import PermanentError
from apps.core.ids import uuid7
from apps.tenants.models import Tenant
from tests.billing.factories import USAGE, report_of

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LLM = {"kind": "llm", "provider": "openai", "model": "gpt-4o-mini", "input_tokens": 1_000_000, "output_tokens": 0}
UNHEARD = {**LLM, "model": "gpt-unheard"}
BY = "fay@meridian.test"


def record(tenant: Tenant, usage: list[dict[str, Any]], **changes: Any) -> LedgerEntry:
    source = {"source_type": "turn", "source_id": "t1", "at": AT, "agent_id": uuid7(), "channel": "whatsapp"}
    return usage_record(tenant=tenant, usage=usage, **{**source, **changes}).entry


def charged(tenant: Tenant) -> dict[str, Decimal]:
    sums = LedgerEntry.objects.filter(tenant=tenant).aggregate(*[Sum(name) for name in [*Part.values, "total_known"]])
    return {name.removesuffix("__sum"): value or Decimal(0) for name, value in sums.items()}


def correct(entry: LedgerEntry, **changes: Any) -> LedgerEntry | None:
    return entry_correct(entry=entry, **{"reason": "It was counted twice.", "by": BY, **changes})


def test_an_answer_costs_what_its_model_did(acme: Tenant) -> None:
    entry = record(acme, [LLM])
    assert (entry.llm, entry.total, entry.unpriced) == (Decimal("0.15"), Decimal("0.15"), [])
    assert (entry.source, entry.revision, entry.price_book is None) == ("meter", 0, False)
    assert LedgerEntry.objects.get().lines[0]["quantities"]["input_tokens"] == "1000000"


def test_a_source_is_charged_once(acme: Tenant, globex: Tenant) -> None:
    first = record(acme, [LLM])
    assert record(acme, [LLM]).pk == first.pk
    assert record(globex, [LLM]).pk != first.pk
    assert record(acme, [LLM], source_type="trial").pk != first.pk
    assert BillingConflict.objects.count() == 0


def test_other_usage_of_the_same_source_is_kept_and_charges_nothing(acme: Tenant) -> None:
    record(acme, [LLM])
    for _ in range(2):
        record(acme, [{**LLM, "input_tokens": 5}])
    assert charged(acme)["llm"] == Decimal("0.15")
    assert BillingConflict.objects.get().report["usage"][0]["input_tokens"] == 5


def test_newer_usage_of_the_same_source_charges_the_difference(acme: Tenant) -> None:
    record(acme, [])
    record(acme, [LLM], revise=True)
    record(acme, [LLM], revise=True)
    record(acme, [{**LLM, "input_tokens": 3_000_000}], revise=True)
    assert [row.llm for row in LedgerEntry.objects.order_by("revision")] == [0, Decimal("0.15"), Decimal("0.30")]
    assert charged(acme)["total_known"] == Decimal("0.45")


@pytest.mark.parametrize("row", [{}, {"kind": "llm"}, {**LLM, "input_tokens": "many"}, {"kind": "dream", "model": "x\x00"}])
def test_a_row_that_cannot_be_read_is_kept_and_has_no_price(acme: Tenant, row: dict[str, Any]) -> None:
    entry = record(acme, [LLM, {key: value for key, value in row.items() if "\x00" not in str(value)}])
    assert (entry.total, len(entry.usage), len(entry.unpriced)) == (None, 2, 1)


def test_a_call_is_billed_by_its_report_alone(acme: Tenant) -> None:
    with pytest.raises(PermanentError, match="billed by its report"):
        record(acme, [LLM], source_type="call")


def test_a_tenants_own_price_and_currency(acme: Tenant, globex: Tenant) -> None:
    PriceOverride.objects.create(
        tenant=acme, kind="llm", provider="openai", model="gpt-4o-mini", unit="1k_input_tokens", price="0.0001", effective_from=AT
    )
    assert record(acme, [LLM]).llm == Decimal("0.1")
    assert record(acme, [LLM], source_id="t0", at=AT.replace(hour=8)).llm == Decimal("0.15")
    assert record(globex, [LLM]).llm == Decimal("0.15")
    BillingProfile.objects.update_or_create(tenant=globex, defaults={"currency": "EUR"})
    assert record(globex, [LLM], source_id="t2").total is None
    prices = [
        {"kind": "llm", "provider": "openai", "model": "gpt-4o-mini", "unit": unit, "provider_cost": "0.10", "price": None}
        for unit in ("1m_input_tokens", "1m_output_tokens")
    ]
    price_book_create(effective_from=AT, prices=prices, currency="EUR", markup="0.25")
    entry = record(globex, [LLM], source_id="t3")
    assert (entry.llm, entry.provider_cost, entry.currency) == (Decimal("0.125"), Decimal("0.1"), "EUR")


def test_a_free_message_costs_nothing_and_says_so(acme: Tenant) -> None:
    row = {"kind": "messages", "provider": "meta", "model": "anything", "billable": False, "type": "free_customer_service"}
    entry = record(acme, [row], source_type="message")
    assert (entry.messages, entry.total, entry.lines[0]["free"]) == (0, 0, "free_customer_service")


def test_a_correction_holds_the_difference(acme: Tenant) -> None:
    report = report_of()
    entry = call_bill(tenant=acme, call_id=report["call_id"], report=report).entry
    made = correct(entry, usage=USAGE[:1], duration=Decimal("30.7"))
    assert made is not None
    assert (made.revision, made.corrects_id, made.source, made.by) == (1, entry.pk, "correction", BY)
    assert (made.tts, made.stt, made.platform, made.duration) == (-Decimal("0.0155"), 0, Decimal("-0.005116"), Decimal("-30.7"))
    cost = call_cost(acme, report["call_id"])
    assert cost is not None
    fresh = report_of(usage=USAGE[:1], duration=30.7)
    expected = call_bill(tenant=acme, call_id=fresh["call_id"], report=fresh).entry
    assert (cost.parts, cost.total, cost.corrections) == (
        {part: getattr(expected, part) for part in Part.values},
        expected.total,
        1,
    )
    assert {line.model: line.quantities for line in cost.lines} == {line["model"]: line["quantities"] for line in expected.lines}
    assert statement_of(made).cost_known == expected.provider_cost
    assert correct(entry, usage=USAGE[:1], duration=Decimal("30.7")) is None
    assert correct(made, usage=USAGE, duration=Decimal("61.4")) is not None
    assert call_costs(acme, [report["call_id"]])[entry.call_id].total == entry.total  # type: ignore[index]


def test_amounts_are_corrected_without_usage(acme: Tenant) -> None:
    entry = record(acme, [LLM, {**LLM, "kind": "embedding", "model": "unheard"}])
    assert entry.llm is None
    made = correct(entry, amounts={"llm": Decimal("0.05")})
    assert made is not None
    assert (made.llm, made.total, made.unpriced) == (Decimal("0.05"), Decimal("0.05"), [])
    assert correct(entry, amounts={"llm": Decimal("0.05")}) is None
    assert statement_of(entry).total == charged(acme)["total_known"] == Decimal("0.05")


def test_a_correction_to_something_without_a_price_is_as_if_it_had_been_told_first(acme: Tenant) -> None:
    entry = record(acme, [LLM])
    made = correct(entry, usage=[LLM, UNHEARD])
    assert made is not None
    assert (made.llm, made.total, made.total_known) == (Decimal("-0.15"), None, Decimal("-0.15"))
    first = record(acme, [LLM, UNHEARD], source_id="first")
    corrected = statement_of(entry)
    assert (corrected.parts, corrected.total, corrected.total_known) == (
        {part: getattr(first, part) for part in Part.values},
        None,
        first.total_known,
    )
    assert [row["model"] for row in corrected.unpriced] == ["gpt-unheard"]
    assert correct(entry, usage=[LLM, UNHEARD]) is None


def test_a_correction_away_from_something_without_a_price_charges_what_has_one(acme: Tenant) -> None:
    entry = record(acme, [LLM])
    correct(entry, usage=[UNHEARD])
    correct(entry, usage=[LLM])
    assert (statement_of(entry).parts["llm"], statement_of(entry).total) == (Decimal("0.15"), Decimal("0.15"))
    assert charged(acme)["total_known"] == charged(acme)["llm"] == Decimal("0.15")


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"usage": [], "amounts": {}},
        {"amounts": {}},
        {"amounts": {"video": Decimal(1)}},
        {"amounts": {"llm": Decimal(-1)}},
        {"amounts": {"llm": Decimal(1)}, "reason": " "},
        {"amounts": {"llm": Decimal(1)}, "by": ""},
    ],
)
def test_corrections_without_sense_are_refused(acme: Tenant, wrong: dict[str, Any]) -> None:
    entry = record(acme, [LLM])
    with pytest.raises(PermanentError, match="Say"):
        correct(entry, **wrong)
    assert LedgerEntry.objects.count() == 1
