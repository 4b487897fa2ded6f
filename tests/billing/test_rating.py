"""Rating in whole numbers, against fractions: exact, half to even, whatever is used and in whatever order it is told."""

import random
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from django.db.models import Sum
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.billing.costs import Item, item_of, item_read, line_of, rated
from apps.billing.models import KIND_PARTS, Kind, LedgerEntry, Part, Price, PriceBook, Unit
from apps.billing.payloads import rows_read
from apps.billing.rating import FEES, UNITS, Rates, half_even, quantity_read, quantity_text, rounded
from apps.billing.selectors import statement_of
from apps.billing.services.metering import usage_record
from apps.billing.services.prices import COUNTED
from apps.core.ids import uuid7
from apps.tenants.models import Tenant
from tests.billing.test_metering import AT

rates = st.decimals(0, 10**6, places=6)
quantities = st.integers(0, 10**18)  # millionths


def price(unit: str, amount: str | Decimal, kind: str = "llm", **changes: Any) -> Price:
    values = {"provider": "openai", "model": "m", "provider_cost": Decimal(0), **changes}
    return Price(kind=kind, unit=unit, price=None if amount == "" else Decimal(amount), **values)


def cost(quantity: int, *prices: Price, name: str = "seconds", kind: str = "stt") -> Decimal | None:
    return line_of(Item(kind, "openai", "m", {name: quantity}), Rates(prices)).amount


@pytest.mark.parametrize(
    ("unit", "amount", "used", "expected"),
    [
        ("minute", "0.01", "0", "0.000000"),
        ("minute", "0", "3600", "0.000000"),
        ("minute", "1", "1", "0.016667"),
        ("minute", "1", "2", "0.033333"),
        ("minute", "0.000001", "30", "0.000000"),  # half of the smallest, to even
        ("minute", "0.000003", "30", "0.000002"),
        ("minute", "0.000001", "30.000001", "0.000001"),
        ("second", "0.000001", "0.5", "0.000000"),
        ("second", "0.000001", "1.5", "0.000002"),
        ("second", "0.333333", "3", "0.999999"),
        ("second", "999999.999999", "604800", "604799999999.395200"),
    ],
)
def test_seconds(unit: str, amount: str, used: str, expected: str) -> None:
    assert str(cost(quantity_read(used), price(unit, amount, "stt"))) == expected


@pytest.mark.parametrize(
    ("unit", "amount", "used", "expected"),
    [
        ("1m_input_tokens", "0.15", "1", "0.000000"),
        ("1m_input_tokens", "0.15", "10", "0.000002"),  # 1.5 millionths
        ("1m_input_tokens", "0.25", "10", "0.000002"),  # 2.5 millionths
        ("1m_input_tokens", "0.35", "10", "0.000004"),
        ("1k_input_tokens", "0.000001", "500", "0.000000"),
        ("1k_input_tokens", "0.000001", "501", "0.000001"),
        ("1m_input_tokens", "10", str(10**12), "10000000.000000"),
    ],
)
def test_tokens(unit: str, amount: str, used: str, expected: str) -> None:
    assert str(cost(quantity_read(used), price(unit, amount), name="input_tokens", kind="llm")) == expected


@pytest.mark.parametrize(
    ("markup", "paid", "expected"), [("0", "0.1", "0.1"), ("0.25", "0.1", "0.125"), ("0.3333", "0.000001", "0.000001")]
)
def test_the_markup_is_not_rounded_before_the_line(markup: str, paid: str, expected: str) -> None:
    row = price("second", "", "stt", provider_cost=Decimal(paid), book=PriceBook(markup=Decimal(markup)))
    assert cost(1_000_000, row) == Decimal(expected)
    assert cost(3_000_000_000_000, row) == 3_000_000 * Decimal(paid) * (1 + Decimal(markup))


@given(numerator=st.integers(-(10**30), 10**30), denominator=st.integers(1, 10**20))
def test_half_even_is_what_python_rounds_to(numerator: int, denominator: int) -> None:
    assert half_even(numerator, denominator) == round(Fraction(numerator, denominator))


@given(st.integers(-(10**24), 10**24))
def test_quantities_are_read_as_they_are_written(quantity: int) -> None:
    assert quantity_read(quantity_text(quantity)) == quantity
    assert Decimal(quantity_text(quantity)) == Decimal(quantity).scaleb(-6)


@pytest.mark.parametrize("text", ["", "x", "1.0000001", "1e3"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"invalid|places"):
        quantity_read(text)


@given(
    used=st.fixed_dictionaries(dict.fromkeys(("input_tokens", "cached_tokens", "output_tokens"), quantities)),
    amounts=st.tuples(rates, rates, rates, rates),
    size=st.sampled_from(["1k", "1m"]),
)
def test_whole_numbers_are_as_exact_as_fractions(used: dict[str, int], amounts: tuple[Decimal, ...], size: str) -> None:
    units = [f"{size}_{name}" for name in ("input_tokens", "cached_tokens", "output_tokens")]
    book = [*map(price, units, amounts[:3]), price("call", amounts[3])]
    exact = sum(Fraction(used[UNITS[row.unit][0]]) / 10**6 * Fraction(row.charged) / UNITS[row.unit][1] for row in book[:3])
    assert line_of(Item("llm", "openai", "m", used), Rates(book)).amount == rounded(Fraction(exact) + Fraction(amounts[3]))


@given(
    st.lists(st.tuples(st.sampled_from(["a", "b", "none"]), st.integers(0, 10**9)), max_size=12),
    st.randoms(use_true_random=False),
)
def test_the_order_of_rows_changes_no_part(used: list[tuple[str, int]], shuffle: random.Random) -> None:
    book = Rates([price(unit, "0.123457", model=model) for model in "ab" for unit in ("1m_input_tokens", "1m_output_tokens")])
    rows = [
        {"kind": "llm", "provider": "openai", "model": model, "input_tokens": n, "output_tokens": n // 3} for model, n in used
    ]
    first = rated(map(item_of, rows_read(rows)), book)
    shuffle.shuffle(rows)
    again = rated(map(item_of, rows_read(rows)), book)
    assert (first.parts, first.total, first.provider_cost) == (again.parts, again.total, again.provider_cost)
    read = rated([item_read(line.as_json()) for line in first.lines], book)
    assert (read.parts, read.lines) == (first.parts, first.lines)


def test_every_kind_has_a_part_and_every_unit_is_counted_by_one() -> None:
    assert set(KIND_PARTS) == set(Kind.values) == set(COUNTED)
    assert set(KIND_PARTS.values()) == set(Part.values)
    assert set(UNITS) == set(Unit.values)
    assert {quantity for quantity, _size in UNITS.values()} == set().union(*COUNTED.values())
    assert {quantity for quantity, _size in UNITS.values()} >= FEES


TOLD = st.lists(st.tuples(st.sampled_from(["t1", "t2", "t3"]), st.integers(0, 4)), min_size=1, max_size=10)


@pytest.mark.django_db
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(told=TOLD, owners=st.lists(st.sampled_from(["acme", "globex"]), min_size=10, max_size=10))
def test_the_ledger_is_what_was_told_last_whatever_is_repeated(
    acme: Tenant, globex: Tenant, told: list[tuple[str, int]], owners: list[str]
) -> None:
    """Sums over rows are what each source used in the end, for each tenant by itself."""
    tenants, truth, batch = {"acme": acme, "globex": globex}, {}, uuid7()
    before = {name: known(tenant) for name, tenant in tenants.items()}
    for (source, million), owner in zip(told, owners, strict=False):
        row = {"kind": "llm", "provider": "openai", "model": "gpt-4o-mini", "input_tokens": million * 10**6, "output_tokens": 0}
        for _ in range(2):
            entry = usage_record(
                tenant=tenants[owner], source_type="turn", source_id=f"{source}-{batch}", usage=[row], revise=True,
                at=AT + timedelta(minutes=million),
            ).entry  # fmt: skip
        truth[owner, source] = million * Decimal("0.15")
        assert statement_of(entry).total == truth[owner, source]
    for name, tenant in tenants.items():
        expected = sum((amount for (owner, _), amount in truth.items() if owner == name), Decimal(0))
        assert known(tenant) - before[name] == expected


def known(tenant: Tenant) -> Decimal:
    return LedgerEntry.objects.filter(tenant=tenant).aggregate(sum=Sum("total_known"))["sum"] or Decimal(0)
