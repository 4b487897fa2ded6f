"""Media Bots that nobody took or that were killed: asked again within limits, one at a time, and never in the call's way."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django_tenants.utils import schema_context

from apps.calls.livekit import Participant
from apps.calls.models import Call, Dispatch
from apps.calls.services import calm, sweep_media_bot
from apps.core.outbox import outbox_drain
from tests.calls.conftest import Deliver
from tests.calls.fake_livekit import FakeLiveKit
from tests.calls.sweeping import ATLAS, CALLER, MEDIA_BOT, ROOM, Sweep, ago, refreshed
from tests.calls.webhooks import event

pytestmark = pytest.mark.django_db
APOLOGY = {"text": "Sorry", "language": "en", "end_call": True}


@pytest.fixture(autouse=True)
def _look_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep_media_bot, "LOOK_SECONDS", 0)


def asked(seconds: float, **which: Any) -> None:
    """Media Bot's open dispatches were sent so long ago."""
    with schema_context("acme"):
        Dispatch.objects.filter(agent_name="media-bot", state="requested", **which).update(requested_at=ago(seconds))


def states() -> list[tuple[int, str]]:
    with schema_context("acme"):
        return list(Dispatch.objects.filter(agent_name="media-bot").order_by("attempt").values_list("attempt", "state"))


def gone(livekit: FakeLiveKit, *people: Participant) -> None:
    for person in people:
        livekit.rooms[ROOM].people.pop(person.identity)


def told_of(kind: str, agent: Participant, deliver: Deliver, **more: Any) -> None:
    who = {"kind": "AGENT", "attributes": agent.attributes, **more}
    deliver(event(kind, ROOM, identity=agent.identity, participant=who))


class TestListener:
    @pytest.fixture
    def untaken(self, running: Callable[..., Call]) -> Call:
        """A call with Atlas that nobody came to accompany."""
        call = running(CALLER, ATLAS)
        with schema_context("acme"):
            Dispatch.objects.filter(agent_name="media-bot").update(state="requested", identity="")
        return call

    def test_that_nobody_took_is_asked_again_within_limits(self, untaken: Call, sweep: Sweep, livekit: FakeLiveKit) -> None:
        gone(livekit, MEDIA_BOT)
        for wait, attempt in ((6, 2), (12, 3), (24, 4)):
            asked(wait - 1)
            sweep()
            assert states()[-1] == (attempt - 1, "requested")
            asked(wait + 1)
            sweep()
            sweep()
            assert livekit.dispatched(ROOM)[-1] == ("media-bot", attempt)
        asked(600)
        sweep()
        assert livekit.dispatched(ROOM) == [("media-bot", 2), ("media-bot", 3), ("media-bot", 4)]
        assert states() == [(1, "failed"), (2, "failed"), (3, "failed"), (4, "requested")]
        assert refreshed(untaken).state == "in_progress", "the call goes on without it"

    def test_that_a_worker_took_gets_longer(self, untaken: Call, sweep: Sweep, livekit: FakeLiveKit) -> None:
        gone(livekit, MEDIA_BOT)
        asked(7)
        sweep()
        room = livekit.rooms[ROOM]
        room.dispatches = [replace(dispatch, taken=True) for dispatch in room.dispatches]
        asked(13)
        sweep()
        assert livekit.dispatched(ROOM) == [("media-bot", 2)]
        asked(16)
        sweep()
        assert livekit.dispatched(ROOM) == [("media-bot", 2), ("media-bot", 3)]

    def test_whose_coming_was_not_told_is_noticed(self, untaken: Call, sweep: Sweep, livekit: FakeLiveKit) -> None:
        asked(7)
        sweep()
        assert (livekit.dispatched(ROOM), states()) == ([], [(1, "joined")])

    def test_one_that_comes_late_is_sent_away(self, untaken: Call, sweep: Sweep, livekit: FakeLiveKit, deliver: Deliver) -> None:
        gone(livekit, MEDIA_BOT)
        asked(7)
        sweep()
        second = livekit.take(ROOM, "media-bot", 2, "AJ_second")
        told_of("participant_joined", second, deliver)
        late = Participant("agent-AJ_late", "AGENT", attributes=MEDIA_BOT.attributes)
        livekit.room(ROOM, late)
        told_of("participant_joined", late, deliver)
        assert livekit.removed == [late.identity]
        assert states() == [(1, "failed"), (2, "joined")]

    def test_killed_and_told_of_is_followed_by_one(
        self, running: Any, sweep: Sweep, livekit: FakeLiveKit, deliver: Deliver
    ) -> None:
        call = running()
        gone(livekit, MEDIA_BOT)
        for _ in range(2):
            told_of("participant_left", MEDIA_BOT, deliver, disconnectReason="STATE_MISMATCH")
            sweep()
        assert livekit.dispatched(ROOM) == [("media-bot", 2)]
        assert livekit.metadata(ROOM, "media-bot")["ringback"] is None, "nothing rings in the middle of a call"
        assert refreshed(call).version == call.version, "nothing that a page shows has changed"

    def test_killed_and_not_told_of_is_found_missing(self, running: Any, sweep: Sweep, livekit: FakeLiveKit) -> None:
        running()
        sweep()
        assert livekit.dispatched(ROOM) == []
        gone(livekit, MEDIA_BOT)
        sweep()
        sweep()
        assert livekit.dispatched(ROOM) == [("media-bot", 2)]

    def test_looks_are_far_between(
        self, running: Any, sweep: Sweep, livekit: FakeLiveKit, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sweep_media_bot, "LOOK_SECONDS", 60)
        running()
        sweep()
        gone(livekit, MEDIA_BOT)
        sweep()
        assert livekit.dispatched(ROOM) == []

    @pytest.mark.parametrize("why", ["the caller left first", "the call is over"])
    def test_at_the_end_nobody_follows(self, why: str, running: Any, livekit: FakeLiveKit, deliver: Deliver) -> None:
        running()
        gone(livekit, MEDIA_BOT, CALLER)
        if why == "the call is over":
            livekit.room(ROOM, CALLER)
            with schema_context("acme"):
                Call.objects.update(state="completed", ended_at=ago(1))
        told_of("participant_left", MEDIA_BOT, deliver, disconnectReason="CLIENT_INITIATED")
        assert livekit.dispatched(ROOM) == []

    def test_that_is_back_under_its_name_is_kept(self, running: Any, livekit: FakeLiveKit, deliver: Deliver) -> None:
        running()
        told_of("participant_left", MEDIA_BOT, deliver, disconnectReason="DUPLICATE_IDENTITY")
        assert livekit.dispatched(ROOM) == []

    def test_a_livekit_that_is_away_delays_it(self, running: Any, sweep: Sweep, livekit: FakeLiveKit, deliver: Deliver) -> None:
        running()
        gone(livekit, MEDIA_BOT)
        livekit.refuse.add("dispatch_delete")
        told_of("participant_left", MEDIA_BOT, deliver)
        livekit.refuse.clear()
        sweep()
        assert livekit.dispatched(ROOM) == [("media-bot", 2)]

    def test_a_missing_agent_and_its_missing_listener_are_both_asked_again(
        self, running: Any, sweep: Sweep, livekit: FakeLiveKit
    ) -> None:
        running(CALLER, seen=9)
        gone(livekit, MEDIA_BOT)
        sweep()
        assert livekit.dispatched(ROOM) == [("atlas", 2), ("media-bot", 2)]


BEAT = {"seq": 1, "source": "media-bot", "type": "heartbeat"}
JOINED = {"seq": 0, "source": "media-bot", "type": "state", "state": "joined"}


class TestListenerThatHangs:
    """It is in the room, and LiveKit sees nothing wrong with it."""

    @pytest.fixture
    def call(self, running: Callable[..., Call]) -> Call:
        call = running()
        self.came(7)
        return call

    def came(self, seconds: float, **which: Any) -> None:
        with schema_context("acme"):
            Dispatch.objects.filter(agent_name="media-bot", **which).update(joined_at=ago(seconds))

    def heard_of(self, seconds: float) -> None:
        """Its last sign of life was so long ago."""
        with schema_context("acme"):
            assert Dispatch.objects.filter(agent_name="media-bot", state="joined", seen_at__isnull=False).update(
                seen_at=ago(seconds)
            )

    def test_and_never_told_that_it_came_is_followed_by_one(self, call: Call, sweep: Sweep, livekit: FakeLiveKit) -> None:
        sweep()
        assert livekit.dispatched(ROOM) == []
        self.came(9)
        sweep()
        sweep()
        assert livekit.dispatched(ROOM) == [("media-bot", 2)]
        assert (livekit.withdrawn, livekit.removed) == (["AD_mb"], [MEDIA_BOT.identity]), "it goes before the next one is asked"
        assert refreshed(call).version == call.version, "nothing that a page shows has changed"

    def test_and_falls_silent_is_followed_by_one(self, call: Call, sweep: Sweep, livekit: FakeLiveKit, post_events: Any) -> None:
        post_events(call, [JOINED, BEAT])
        self.came(600)
        self.heard_of(15)
        sweep()
        assert livekit.dispatched(ROOM) == []
        self.heard_of(17)
        sweep()
        sweep()
        assert livekit.dispatched(ROOM) == [("media-bot", 2)]
        assert livekit.metadata(ROOM, "media-bot")["ringback"] is None, "nothing rings in the middle of a call"

    def test_every_word_is_a_sign_of_life(self, call: Call, sweep: Sweep, livekit: FakeLiveKit, post_events: Any) -> None:
        post_events(call, [JOINED, BEAT])
        self.heard_of(600)
        post_events(call, [{"seq": 2, "source": "media-bot", "type": "transcript", "speaker": "caller", "text": "Hello"}])
        sweep()
        assert livekit.dispatched(ROOM) == []

    def test_one_of_an_older_version_that_sends_no_heartbeat_is_left_alone(
        self, call: Call, sweep: Sweep, livekit: FakeLiveKit, post_events: Any
    ) -> None:
        post_events(call, [JOINED])
        self.came(600)
        sweep()
        assert livekit.dispatched(ROOM) == []

    def test_a_web_side_that_was_away_says_nothing_of_it(
        self, call: Call, sweep: Sweep, livekit: FakeLiveKit, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(calm, "web_answers", lambda: False)
        self.came(60)
        sweep()
        assert livekit.dispatched(ROOM) == []

    def test_and_wakes_up_later_changes_nothing(
        self, call: Call, sweep: Sweep, livekit: FakeLiveKit, deliver: Deliver, post_events: Any
    ) -> None:
        self.came(9)
        sweep()
        second = livekit.take(ROOM, "media-bot", 2, "AJ_second")
        told_of("participant_joined", second, deliver)
        post_events(call, [{**BEAT, "source": "media-bot.2", "seq": 0}])
        post_events(call, [JOINED, BEAT])
        told_of("participant_left", MEDIA_BOT, deliver, disconnectReason="PARTICIPANT_REMOVED")
        sweep()
        assert livekit.dispatched(ROOM) == [("media-bot", 2)]
        assert states() == [(1, "failed"), (2, "joined")]

    def test_four_are_enough(self, call: Call, sweep: Sweep, livekit: FakeLiveKit, deliver: Deliver) -> None:
        for attempt in (2, 3, 4):
            self.came(9, state="joined")
            sweep()
            told_of("participant_joined", livekit.take(ROOM, "media-bot", attempt, f"AJ_{attempt}"), deliver)
        self.came(9, state="joined")
        sweep()
        assert livekit.dispatched(ROOM) == [("media-bot", 2), ("media-bot", 3), ("media-bot", 4)]
        assert states()[-1] == (4, "joined"), "it may still wake up"


class TestSpeaker:
    @pytest.fixture
    def refused(self, make_call: Callable[..., Call], livekit: FakeLiveKit) -> Call:
        """A call that ended a second ago; Media Bot is asked to say so."""
        call = make_call(CALLER, state="failed", ended_reason="no_agent", joined_at=ago(20), ended_at=ago(1))
        with schema_context("acme"):
            Dispatch.objects.create(call=call, agent_name="media-bot", dispatch_id="AD_1", announcement=APOLOGY)
        return call

    def test_that_nobody_took_is_asked_again_and_the_call_ends_cleanly(
        self, refused: Call, sweep: Sweep, livekit: FakeLiveKit
    ) -> None:
        for attempt in (2, 3):
            sweep()
            asked(6)
            sweep()
            assert livekit.dispatched(ROOM)[-1] == ("media-bot", attempt)
            assert livekit.metadata(ROOM, "media-bot")["announcement"] == APOLOGY
        asked(6)
        sweep()
        sweep()
        assert livekit.deleted == [ROOM]
        assert states() == [(1, "failed"), (2, "failed"), (3, "requested")]
        assert refreshed(refused).room_deleted_at is not None
        assert (refreshed(refused).state, refreshed(refused).ended_reason) == ("failed", "no_agent")

    @pytest.fixture
    def speaking(self, refused: Call, livekit: FakeLiveKit) -> Call:
        with schema_context("acme"):
            Dispatch.objects.update(state="joined", identity=MEDIA_BOT.identity, joined_at=ago(1))
        livekit.room(ROOM, MEDIA_BOT)
        return refused

    def test_killed_in_its_sentence_is_followed_by_one(self, speaking: Call, sweep: Sweep, livekit: FakeLiveKit) -> None:
        sweep()
        assert livekit.dispatched(ROOM) == []
        gone(livekit, MEDIA_BOT)
        sweep()
        sweep()
        assert livekit.dispatched(ROOM) == [("media-bot", 2)]
        assert livekit.deleted == []

    def test_that_has_said_it_is_not_asked_again(
        self, speaking: Call, sweep: Sweep, livekit: FakeLiveKit, post_events: Any
    ) -> None:
        livekit.refuse.add("room_delete")
        post_events(speaking, [{"seq": 0, "source": "media-bot", "type": "state", "state": "closed", "detail": "announced"}])
        gone(livekit, MEDIA_BOT)
        sweep()
        assert livekit.dispatched(ROOM) == []

    def test_given_up_and_leaving_closes_nothing(
        self, speaking: Call, sweep: Sweep, livekit: FakeLiveKit, post_events: Any
    ) -> None:
        """Whoever is withdrawn tells that it is over, while its successor speaks."""
        gone(livekit, MEDIA_BOT)
        sweep()
        closed = {"seq": 0, "source": "media-bot", "type": "state", "state": "closed", "detail": "announced"}
        post_events(speaking, [closed])
        assert livekit.deleted == []
        post_events(speaking, [{**closed, "source": "media-bot.2"}])
        assert livekit.deleted == [ROOM]

    def test_nobody_is_kept_for_a_caller_who_hung_up(self, speaking: Call, sweep: Sweep, livekit: FakeLiveKit) -> None:
        gone(livekit, CALLER)
        sweep()
        assert livekit.deleted == [ROOM]

    def test_before_a_transfer_is_asked_again_too_and_then_the_caller_is_put_through(
        self, make_call: Callable[..., Call], sweep: Sweep, livekit: FakeLiveKit
    ) -> None:
        make_call(CALLER, state="transferring", channel="sip", joined_at=ago(9), started_at=ago(10))
        with schema_context("acme"):
            announcement = {**APOLOGY, "to": ["Sales", "+493099999"]}
            Dispatch.objects.create(
                call=Call.objects.get(), agent_name="media-bot", dispatch_id="AD_1", announcement=announcement
            )
        for attempt in (2, 3):
            asked(6)
            sweep()
            assert livekit.dispatched(ROOM)[-1] == ("media-bot", attempt)
        assert livekit.transfers == []
        asked(6)
        sweep()
        with schema_context("public"):
            outbox_drain()
        assert [to for _room, _who, to in livekit.transfers] == ["tel:+493099999"]
