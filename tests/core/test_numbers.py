"""Whole numbers that come from outside."""

from typing import Any

import pytest

from apps.core.numbers import whole_number


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("007", 7), ("999999999", 999_999_999)])
def test_a_whole_number_is_read(text: str, number: int) -> None:
    assert whole_number(text) == number


@pytest.mark.parametrize("text", ["", " 1", "-1", "+1", "1.0", "1_0", "²", "٣", "1000000000", "9" * 5000, None, 4])
def test_everything_else_is_none(text: Any) -> None:
    assert whole_number(text) is None
