"""What can be paid: a currency's steps, half to even, and lines that add up to their total."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.billing.rounding import (
    distribute,
    from_minor_units,
    minor_units,
    payable_check,
    rounded_down,
    rounded_to,
    step_of,
)
from apps.core.errors import PermanentError

D = Decimal


@pytest.mark.parametrize(
    ("amount", "currency", "wanted"),
    [
        ("1.005", "USD", "1.00"),
        ("1.015", "USD", "1.02"),
        ("1.0050001", "USD", "1.01"),
        ("-1.005", "USD", "-1.00"),
        ("-1.015", "EUR", "-1.02"),
        ("0.004999", "USD", "0.00"),
        ("100.5", "JPY", "100"),
        ("101.5", "JPY", "102"),
        ("0.5", "KRW", "0"),
        ("-2.5", "KRW", "-2"),
        ("1.234", "KWD", "1.23"),
        ("1.235", "KWD", "1.24"),
        ("1.225", "BHD", "1.22"),
        ("99.5", "ISK", "100"),
        ("12.5", "UGX", "12"),
        ("1.005", "usd", "1.00"),
    ],
)
def test_half_to_even(amount: str, currency: str, wanted: str) -> None:
    assert rounded_to(D(amount), currency) == D(wanted)


@pytest.mark.parametrize(
    ("amount", "currency", "units"),
    [
        ("12.34", "USD", 1234),
        ("500", "JPY", 500),
        ("500", "KRW", 500),
        ("5.12", "KWD", 5120),
        ("5", "ISK", 500),
        ("5", "UGX", 500),
        ("-0.01", "EUR", -1),
        ("0", "USD", 0),
    ],
)
def test_as_stripe_writes_it(amount: str, currency: str, units: int) -> None:
    assert minor_units(D(amount), currency) == units
    assert from_minor_units(units, currency) == D(amount)


@pytest.mark.parametrize(("amount", "currency"), [("0.5", "JPY"), ("1.234", "KWD"), ("0.001", "USD"), ("1.5", "ISK")])
def test_what_cannot_be_paid(amount: str, currency: str) -> None:
    with pytest.raises(PermanentError, match=f"amounts in {currency} go by"):
        payable_check(D(amount), currency)
    with pytest.raises(PermanentError):
        minor_units(D(amount), currency)


@pytest.mark.parametrize(
    ("exacts", "currency", "wanted"),
    [
        (["0.333333", "0.333333", "0.333334"], "USD", ["0.33", "0.33", "0.34"]),
        (["0.005", "0.005"], "USD", ["0.01", "0.00"]),
        (["1.005"], "USD", ["1.00"]),
        (["10.00", "-3.335", "-0.335"], "USD", ["10.00", "-3.33", "-0.34"]),
        (["0.4", "0.4", "0.4"], "JPY", ["1", "0", "0"]),
        (["1.2345", "1.2345"], "KWD", ["1.24", "1.23"]),
        (["0", "0.004"], "USD", ["0.00", "0.00"]),
        (["-0.004", "0.004"], "USD", ["0.00", "0.00"]),
        ([], "USD", []),
    ],
)
def test_largest_remainder(exacts: list[str], currency: str, wanted: list[str]) -> None:
    assert distribute([D(one) for one in exacts], currency) == [D(one) for one in wanted]


def test_towards_nothing() -> None:
    assert rounded_down(D("1.019"), "USD") == D("1.01")
    assert rounded_down(D("1.9"), "JPY") == D("1")


micro = st.integers(-(10**12), 10**12).map(lambda number: D(number).scaleb(-6))


@given(st.lists(micro, max_size=40), st.sampled_from(["USD", "JPY", "KWD", "ISK"]))
def test_lines_always_add_up(exacts: list[Decimal], currency: str) -> None:
    lines, step = distribute(exacts, currency), step_of(currency)
    assert sum(lines, D()) == rounded_to(sum(exacts, D()), currency)
    assert all(abs(line - exact) < step for line, exact in zip(lines, exacts, strict=True))
    assert all(line % step == 0 for line in lines)
    assert all(line == exact for line, exact in zip(lines, exacts, strict=True) if exact % step == 0)
