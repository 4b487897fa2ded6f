"""POST /calls/{id}/events and GET /calls/{id}/transcript: idempotent, own call only, and what they do to the call."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from django_tenants.utils import schema_context

from apps.calls.models import Call, CallEvent, Dispatch
from apps.core.ids import uuid7
from tests.calls.fake_livekit import FakeLiveKit
from tests.compass.factories import bearer, public_get, public_post

pytestmark = pytest.mark.django_db
PostEvents = Callable[..., Any]


@pytest.fixture
def call(reception: Any, livekit: FakeLiveKit) -> Call:
    with schema_context("acme"):
        call = Call.objects.create(
            channel="webrtc", room_name="call_acme_1", agent_id=reception.pk, agent_slug="reception", joined_at=timezone.now()
        )
        Dispatch.objects.bulk_create([Dispatch(call=call, agent_name=name) for name in ("atlas", "media-bot")])
    livekit.room("call_acme_1")
    return call


def said(seq: int, text: str, source: str = "atlas", speaker: str = "caller") -> dict[str, Any]:
    return {"seq": seq, "source": source, "type": "transcript", "speaker": speaker, "text": text}


def state(seq: int, state: str, source: str = "atlas", **more: Any) -> dict[str, Any]:
    return {"seq": seq, "source": source, "type": "state", "state": state, **more}


def refreshed(call: Call) -> Call:
    with schema_context("acme"):
        return Call.objects.get(pk=call.pk)


def test_batch_is_kept_once(call: Call, post_events: PostEvents) -> None:
    batch = [said(0, "Hello"), said(1, "Hi", speaker="agent"), said(1, "twice in one batch", speaker="agent")]
    assert post_events(call, batch).json() == {"accepted": 2, "duplicates": 1}
    assert post_events(call, [*batch, said(2, "New")]).json() == {"accepted": 1, "duplicates": 3}
    assert post_events(call, [said(0, "Other source", source="media-bot")]).json() == {"accepted": 1, "duplicates": 0}
    with schema_context("acme"):
        assert CallEvent.objects.count() == 4
    assert post_events(call, []).json() == {"accepted": 0, "duplicates": 0}


def test_every_kind_keeps_its_fields(call: Call, post_events: PostEvents) -> None:
    events = [
        state(0, "joined"),
        said(1, "Hello") | {"interrupted": True, "language": "en"},
        {
            "seq": 2,
            "source": "media-bot",
            "type": "sentiment",
            "speaker": "caller",
            "score": 0.5,
            "label": "positive",
            "text": "good",
        },
        {"seq": 3, "source": "atlas", "type": "latency", "turn": 1, "e2e": 0.81, "llm_first_token": 0.2},
        {"seq": 4, "source": "atlas", "type": "tool", "name": "book", "ok": True, "duration": 0.2},
        {
            "seq": 5,
            "source": "atlas",
            "type": "usage",
            "usage": [{"kind": "stt", "provider": "openai", "model": "w", "audio_duration": 1.5}],
        },
        {"seq": 6, "source": "atlas", "type": "error", "code": "stt", "message": "slow", "recoverable": True},
    ]
    assert post_events(call, events).json()["accepted"] == 7
    with schema_context("acme"):
        data = {event.type: event.data for event in CallEvent.objects.all()}
    assert data["latency"] == {"turn": 1, "e2e": 0.81, "llm_first_token": 0.2}
    assert data["transcript"] == {"speaker": "caller", "text": "Hello", "interrupted": True, "language": "en"}
    assert data["sentiment"]["score"] == 0.5


def test_heartbeat_is_a_sign_of_life_and_no_row(call: Call, post_events: PostEvents) -> None:
    post_events(call, [{"seq": 0, "source": "media-bot", "type": "heartbeat"}])
    assert refreshed(call).agent_seen_at is None
    assert post_events(call, [{"seq": 0, "source": "atlas", "type": "heartbeat"}]).json()["accepted"] == 1
    after = refreshed(call)
    assert after.agent_seen_at is not None
    assert after.version == call.version
    with schema_context("acme"):
        assert not CallEvent.objects.exists()


def test_answered_when_atlas_first_listens(call: Call, post_events: PostEvents) -> None:
    post_events(call, [state(0, "joined"), state(1, "initializing"), state(0, "ringback_started", "media-bot")])
    assert (refreshed(call).state, refreshed(call).answered_at) == ("ringing", None)
    post_events(call, [state(2, "speaking")])
    answered = refreshed(call)
    assert answered.state == "in_progress"
    assert answered.answered_at is not None
    assert answered.version > call.version
    post_events(call, [state(3, "listening")])
    assert refreshed(call).answered_at == answered.answered_at


def test_first_word_of_each_atlas_is_noted_once(call: Call, post_events: PostEvents) -> None:
    def spoke() -> Any:
        with schema_context("acme"):
            return call.dispatches.get(agent_name="atlas").spoke_at

    post_events(call, [state(0, "listening"), state(0, "speaking", "media-bot"), state(0, "speaking", "atlas.2")])
    assert spoke() is None
    post_events(call, [state(1, "speaking", at="2026-01-01T00:00:01Z"), state(2, "speaking", at="2026-01-01T00:00:02Z")])
    post_events(call, [state(3, "speaking")])
    assert spoke().isoformat() == "2026-01-01T00:00:01+00:00"


@pytest.mark.parametrize("detail", ["agent_hangup", "max_duration"])
def test_atlas_ends_the_call(detail: str, call: Call, post_events: PostEvents, livekit: FakeLiveKit) -> None:
    post_events(call, [state(0, "listening"), state(1, "closed", detail=detail)])
    ended = refreshed(call)
    assert (ended.state, ended.ended_reason) == ("completed", detail)
    assert livekit.deleted == ["call_acme_1"]


def test_replaced_atlas_ends_nothing(call: Call, post_events: PostEvents) -> None:
    with schema_context("acme"):
        call.dispatches.filter(agent_name="atlas").update(state="failed")
    post_events(call, [state(0, "listening"), state(1, "closed", detail="error")])
    assert refreshed(call).state == "in_progress"


@pytest.mark.parametrize("detail", ["agent_hangup", "max_duration"])
def test_good_bye_of_an_atlas_that_was_given_up_stands(
    detail: str, call: Call, post_events: PostEvents, livekit: FakeLiveKit
) -> None:
    """Its leaving was heard before its last words: nobody may call the caller back into the call."""
    post_events(call, [state(0, "listening")])
    with schema_context("acme"):
        call.dispatches.filter(agent_name="atlas").update(state="failed")
        Dispatch.objects.create(call=call, agent_name="atlas", attempt=2)
    post_events(call, [state(1, "closed", detail=detail)])
    assert (refreshed(call).state, refreshed(call).ended_reason) == ("completed", detail)
    assert livekit.deleted == ["call_acme_1"]


@pytest.mark.parametrize(("detail", "joined"), [("agent_hangup", True), ("caller_hangup", False), ("error", False)])
def test_a_successor_holds_the_call(detail: str, joined: bool, call: Call, post_events: PostEvents) -> None:
    post_events(call, [state(0, "listening")])
    with schema_context("acme"):
        call.dispatches.filter(agent_name="atlas").update(state="failed")
        Dispatch.objects.create(call=call, agent_name="atlas", attempt=2, joined_at=timezone.now() if joined else None)
    post_events(call, [state(1, "closed", detail=detail)])
    assert refreshed(call).state == "in_progress"


def test_atlas_that_failed_before_it_spoke_is_marked_for_another_try(call: Call, post_events: PostEvents) -> None:
    post_events(call, [state(0, "closed", detail="error")])
    assert refreshed(call).state == "ringing"
    with schema_context("acme"):
        assert call.dispatches.get(agent_name="atlas").state == "failed"


def test_late_events_of_an_ended_call_are_welcome(call: Call, post_events: PostEvents) -> None:
    post_events(call, [state(0, "listening"), state(1, "closed", detail="agent_hangup")])
    assert post_events(call, [said(2, "Bye"), state(3, "speaking")]).status_code == 200
    assert refreshed(call).state == "completed"


@pytest.mark.parametrize(
    "bad",
    [
        {"seq": -1, "source": "atlas", "type": "heartbeat"},
        {"seq": 0, "source": "calls", "type": "heartbeat"},
        {"seq": 0, "source": "atlas", "type": "unknown"},
        {"seq": 0, "source": "atlas", "type": "state", "state": "dancing"},
        {"seq": 0, "source": "atlas", "type": "transcript", "speaker": "nobody", "text": ""},
        {"seq": 0, "source": "media-bot", "type": "sentiment", "speaker": "caller", "score": 2, "label": "positive", "text": ""},
        {"seq": 0, "source": "atlas", "type": "heartbeat", "at": "yesterday"},
        "text",
    ],
)
def test_bad_events_are_a_422_with_errors_and_none_is_kept(bad: Any, call: Call) -> None:
    good = said(0, "Hello") | {"at": timezone.now().isoformat()}
    bad = {"at": timezone.now().isoformat(), **bad} if isinstance(bad, dict) else bad
    headers = bearer("acme", call.agent_id, call_id=str(call.pk))
    answer = public_post(f"/calls/{call.pk}/events", {"events": [good, bad]}, headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_events")
    for told in answer.json()["errors"]:
        assert set(told) == {"field", "message"} and told["field"].startswith("events.1")
    with schema_context("acme"):
        assert not CallEvent.objects.exists()


def test_more_than_200_are_a_422(call: Call, post_events: PostEvents) -> None:
    assert post_events(call, [said(n, "x") for n in range(201)]).status_code == 422


def test_nul_in_a_text_is_left_out(call: Call, post_events: PostEvents) -> None:
    post_events(call, [said(0, "a\x00b")])
    with schema_context("acme"):
        assert CallEvent.objects.get().data["text"] == "ab"


def test_only_with_the_token_of_this_call(call: Call, post_events: PostEvents) -> None:
    other = str(uuid7())
    for headers, status in (
        ({"Host": "localhost"}, 401),
        ({"Host": "localhost", "Authorization": "Bearer nonsense"}, 401),
        (bearer("acme", call.agent_id, call_id=other), 403),
        (bearer("acme", call.agent_id, call_id=str(call.pk), kind="turn"), 401),
        (bearer("globex", call.agent_id, call_id=str(call.pk)), 404),
    ):
        assert post_events(call, [said(0, "Hello")], headers).status_code == status
        assert public_get(f"/calls/{call.pk}/transcript", headers).status_code == status
    with schema_context("acme"):
        assert not CallEvent.objects.exists()


def test_transcript_for_the_next_atlas(call: Call, post_events: PostEvents) -> None:
    def usage(seq: int, seconds: float, source: str) -> dict[str, Any]:
        row = {"kind": "stt", "provider": "openai", "model": "whisper-1", "audio_duration": seconds}
        return {"seq": seq, "source": source, "type": "usage", "usage": [row]}

    post_events(call, [said(0, "Hello"), said(1, "Hi there", speaker="agent"), usage(2, 1.0, "atlas"), usage(3, 2.5, "atlas")])
    post_events(call, [usage(0, 1.5, "atlas.2"), usage(0, 9.0, "media-bot"), said(1, "hello", source="media-bot")])
    body = public_get(f"/calls/{call.pk}/transcript", bearer("acme", call.agent_id, call_id=str(call.pk))).json()
    assert (body["call_id"], body["agent_id"]) == (str(call.pk), str(call.agent_id))
    assert [(item["speaker"], item["text"]) for item in body["items"]] == [("caller", "Hello"), ("agent", "Hi there")]
    assert body["usage"] == [{"kind": "stt", "provider": "openai", "model": "whisper-1", "audio_duration": 4.0}]


def test_transcript_is_media_bots_where_atlas_has_none(call: Call, post_events: PostEvents) -> None:
    post_events(call, [said(0, "Hello", source="media-bot")])
    body = public_get(f"/calls/{call.pk}/transcript", bearer("acme", call.agent_id, call_id=str(call.pk))).json()
    assert [item["text"] for item in body["items"]] == ["Hello"]
