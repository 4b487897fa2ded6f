"""Whatever JSON a report is made of, it is either taken or refused with a sentence."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from apps.billing.services import ReportInvalid, report_check
from tests.billing.factories import USAGE, report_of

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["stt", "llm", "webrtc"])
    | st.datetimes().map(str)
)
documents = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=8
)


def is_sound(report: Any) -> bool:
    """True when it was taken; what was refused says why."""
    try:
        content = report_check(report).content()
    except ReportInvalid as error:
        assert error.errors
        return False
    assert report_check(content).content() == content
    return True


@given(field=st.sampled_from(sorted(report_of())), value=documents)
@example(field="started_at", value="0001-01-01T00:00:00+14:00")
@example(field="ended_at", value="9999-12-31T23:59:59-14:00")
@example(field="ended_at", value=10**30)
@example(field="duration", value=10**400)
@example(field="duration", value=float("nan"))
def test_any_value_in_any_field(field: str, value: Any) -> None:
    is_sound(report_of(**{field: value}))


@given(
    row=st.sampled_from(USAGE),
    name=st.sampled_from(["kind", "provider", "model", "audio_duration", "input_tokens"]),
    value=documents,
)
def test_any_value_in_a_usage_row(row: dict[str, Any], name: str, value: Any) -> None:
    is_sound(report_of(usage=[{**row, name: value}]))


@given(documents)
def test_any_document(document: Any) -> None:
    assert not is_sound(document)


def test_a_good_report_is_sound() -> None:
    assert is_sound(report_of())


@pytest.mark.parametrize("moment", ["2026-03-02T09:00:00Z", "2026-03-02T10:00:00.000000+01:00"])
def test_one_spelling_for_one_moment(moment: str) -> None:
    assert report_check(report_of(started_at=moment)).content()["started_at"] == "2026-03-02T09:00:00Z"
