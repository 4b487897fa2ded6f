"""Business hours: what cannot be asked is refused when it is written."""

import pytest

from apps.core.errors import PermanentError
from apps.core.hours import hours_check


@pytest.mark.parametrize(
    "spans", [[["09:00Z", "17:00"]], [["09:00", "17:00+02:00"]], [["nine", "17:00"]], [["09:00"]], [[9, 17]], "09:00", 7]
)
def test_hours_that_cannot_be_compared_with_a_clock_are_refused(spans: object) -> None:
    with pytest.raises(PermanentError, match="The hours of mon cannot be read"):
        hours_check({"mon": spans}, "Europe/Berlin")  # type: ignore[dict-item]


def test_hours_are_times_of_the_zone() -> None:
    hours_check({"mon": [["09:00", "12:00"], ["22:00", "24:00"]], "tue": []}, "Europe/Berlin")
