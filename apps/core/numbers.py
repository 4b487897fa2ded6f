"""Whole numbers as people and programs write them in forms and addresses."""

from typing import Any

DIGITS = 9  # what fits every integer column


def whole_number(text: Any) -> int | None:
    """A number of at most DIGITS digits 0 to 9; None for everything else, such as ² or one of thousands of digits."""
    if isinstance(text, str) and text.isascii() and text.isdecimal() and len(text) <= DIGITS:
        return int(text)
    return None
