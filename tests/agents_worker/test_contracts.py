from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from pydantic import ValidationError

from agents_worker.contracts import (
    AgentConfig,
    Announcement,
    BillingReport,
    Dispatch,
    StateEvent,
    TranscriptEvent,
    iso_z,
)
from tests.agents_worker.web_side import agent_config


def test_times_end_in_z_whatever_zone_they_come_in() -> None:
    east = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=timezone(timedelta(hours=2)))
    assert iso_z(east) == "2026-01-02T01:04:05.678Z"


def test_an_event_keeps_what_is_false_and_drops_what_is_unknown() -> None:
    event = TranscriptEvent(speaker="agent", text="Hi.", interrupted=False, at=datetime.now(UTC))
    row = event.model_dump(mode="json", exclude_none=True)
    assert row["interrupted"] is False
    assert set(row) == {"type", "at", "speaker", "text", "interrupted"}


def test_a_state_must_be_known() -> None:
    with pytest.raises(ValidationError):
        StateEvent.model_validate({"state": "dreaming"})


def test_dispatch_of_an_unknown_tenant_carries_only_an_announcement() -> None:
    dispatch = Dispatch.model_validate_json(
        '{"tenant": null, "agent_id": null, "call_id": "c", "token": null, "api_url": "http://x",'
        ' "announcement": {"text": "Nobody lives here.", "language": "en", "end_call": true}}'
    )
    assert dispatch.announcement == Announcement(text="Nobody lives here.")
    assert dispatch.attempt == 1


def test_no_ringback_differs_from_no_word_about_it() -> None:
    asked = Dispatch.model_validate({"call_id": "c", "api_url": "http://x", "ringback": None})
    assert "ringback" in asked.model_fields_set


def test_configuration_as_compass_answers_it() -> None:
    config = AgentConfig.model_validate(agent_config("http://x/v1", new_field="later"))
    assert config.llm.fallbacks == []
    assert config.credentials["openai"].base_url == "http://x/v1"
    assert "local" not in repr(config.credentials)


def test_report_in_json() -> None:
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    report = BillingReport(
        call_id="c",
        agent_id="a",
        channel="sip",
        started_at=moment,
        ended_at=moment,
        duration=1.5,
        ended_reason="max_duration",
        transcript_ref="/calls/c/transcript",
    )
    body = report.model_dump(mode="json")
    assert body["started_at"] == "2026-01-02T00:00:00.000Z"
    assert body["usage"] == []
