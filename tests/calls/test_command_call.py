"""manage.py call: a real call to a real livekit-server and a pretend Atlas; what it prints, saves, and exits with."""

import json
import threading
import wave
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from django_tenants.utils import schema_context

from apps.billing.services import price_book_seed
from apps.calls.caller.audio import Recording, wav_read
from apps.calls.livekit import LiveKitServer, LiveKitUnreachable, RoomGone
from apps.calls.management.commands import call as command
from apps.calls.models import Call, CallEvent
from apps.calls.services import bills
from apps.calls.services.starts import Ticket
from apps.calls.services.sweep import calls_sweep
from apps.compass.models import Agent
from apps.compass.services import agent_disable
from apps.core.errors import PermanentError
from apps.tenants.models import Tenant
from tests.calls.pretend_atlas import HUM, RATE, PretendAtlas
from tests.calls.real_server import server
from tests.compass.factories import agent_published

__all__ = ["server"]


@pytest.fixture
def question(tmp_path: Path) -> Path:
    return _wav(tmp_path / "question.wav", HUM, RATE)


def _wav(path: Path, samples: Any, rate: int, channels: int = 1, width: int = 2) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return path


@pytest.fixture
def agent(acme: Tenant) -> Agent:
    price_book_seed()
    with schema_context("acme"):
        return agent_published()


@pytest.fixture
def atlas(server: LiveKitServer, agent: Agent) -> Iterator[None]:
    """Whoever is dispatched as Atlas comes; ended calls are billed by the sweeper."""
    stop, came = threading.Event(), []

    def watch() -> None:
        known: set[str] = set()
        while not stop.wait(0.05):
            for room_name, dispatch in _dispatches(server):
                if dispatch.agent_name == "atlas" and dispatch.id not in known:
                    known.add(dispatch.id)
                    came.append(PretendAtlas(json.loads(dispatch.metadata), room_name))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    yield
    stop.set()
    watcher.join(timeout=60)
    for pretender in came:
        pretender.join()


def _dispatches(server: LiveKitServer) -> Any:
    try:
        return [(room.name, found) for room in server.rooms_list() for found in server.dispatches_list(room.name)]
    except (RoomGone, LiveKitUnreachable):
        return []


@pytest.fixture
def billing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sweeper runs beside the call and bills without waiting for the agent's report."""
    monkeypatch.setattr(bills, "GRACE", bills.GRACE * 0)
    real = command.call_cost

    def swept(tenant: Tenant, call_id: str) -> Any:
        calls_sweep()
        return real(tenant, call_id)

    monkeypatch.setattr(command, "call_cost", swept)


@pytest.mark.e2e
@pytest.mark.django_db(transaction=True)
class TestCall:
    def test_a_conversation_with_its_cost(
        self, atlas: None, billing: None, question: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        saved = tmp_path / "answer.wav"
        call_command("call", "acme", "reception", "--wav", str(question), "--save", str(saved), "--no-color")
        told = capsys.readouterr().out
        assert "agent      Hello, this is Reception." in told
        assert "caller     What are your hours?" in told
        assert "agent      We are open all day." in told
        assert "latency    0.42 s (thinking 0.20)" in told
        assert "Caller hung up" in told
        assert "cost       0." in told
        heard = wav_read(saved)
        assert heard.seconds > 1
        assert int(np.abs(heard.samples).max()) > 1000

    @pytest.mark.slow
    def test_as_json(self, atlas: None, billing: None, question: Path, capsys: pytest.CaptureFixture[str]) -> None:
        call_command("call", "acme", "reception", "--wav", str(question), "--json")
        told = json.loads(capsys.readouterr().out)
        assert (told["answered"], told["state"], told["ended_reason"]) == (True, "completed", "caller_hangup")
        assert [item["speaker"] for item in told["transcript"]] == ["agent", "caller", "agent"]
        assert told["first_word"] > 0
        assert len(told["heard_after"]) == 1
        assert told["cost"]["currency"] == "USD"

    def test_nobody_answers(self, server: LiveKitServer, agent: Agent) -> None:
        with pytest.raises(CommandError, match="Nobody answered within 1 second"):
            call_command("call", "acme", "reception", "--timeout", "1")
        with schema_context("acme"):
            assert Call.objects.get().state == "missed"

    def test_agent_that_takes_no_calls(self, server: LiveKitServer, agent: Agent) -> None:
        with schema_context("acme"):
            agent_disable(agent=agent)
        with pytest.raises(CommandError, match="switched off"):
            call_command("call", "acme", "reception")
        with pytest.raises(CommandError, match="no such agent"):
            call_command("call", "acme", "nobody")


@pytest.mark.django_db
def test_a_batch_that_becomes_visible_late_is_told_too(in_acme: Tenant) -> None:
    """Numbers are given before the commit: Media Bot's event may be read before Atlas's of a lower number."""
    call, told, events = Call.objects.create(channel="webrtc", room_name="call_acme_1"), StringIO(), []
    ticket = Ticket("", "", call.room_name, str(call.pk))
    teller = command.Command(stdout=told, no_color=True)
    teller.quiet = False
    row = {"call": call, "at": timezone.now()}
    mood = {"label": "neutral", "score": 0.0}
    CallEvent.objects.create(pk=900_002, source="media-bot", seq=0, type="sentiment", data=mood, **row)
    teller._news(ticket, events)
    CallEvent.objects.create(pk=900_001, source="atlas", seq=0, type="latency", data={"turn": 1, "e2e": 0.81}, **row)
    teller._news(ticket, events)
    teller._news(ticket, events)
    assert told.getvalue().splitlines() == ["mood       neutral (+0.00)", "latency    0.81 s"]


@pytest.mark.django_db
def test_what_media_bot_heard_where_atlas_was_not_is_told_at_the_end(in_acme: Tenant) -> None:
    call, told = Call.objects.create(channel="webrtc", room_name="call_acme_1", state="failed"), StringIO()
    teller, began = command.Command(stdout=told, no_color=True), timezone.now()
    teller.quiet = False
    for seq, (source, after, text) in enumerate((("atlas", 2, "Hello."), ("media-bot", 2, "Hello"), ("media-bot", 9, "Sorry."))):
        words = {"speaker": "agent", "text": text}
        at = began + timedelta(seconds=after)
        CallEvent.objects.create(call=call, source=source, seq=seq, type="transcript", at=at, data=words)
    events: list[CallEvent] = []
    teller._news(Ticket("", "", call.room_name, str(call.pk)), events)
    teller._beside(call, events)
    assert told.getvalue().splitlines() == ["agent      Hello.", "Where Atlas was not, Media Bot heard:", "agent      Sorry."]


@pytest.mark.django_db
def test_stack_that_is_down_is_a_sentence(acme: Tenant, settings: Any) -> None:
    settings.API_URL = "http://127.0.0.1:1"
    with pytest.raises(CommandError, match=r"Start it with \./script/up first"):
        call_command("call", "acme", "reception")


class TestAudio:
    def test_stereo_is_mixed_down(self, tmp_path: Path) -> None:
        wav = wav_read(_wav(tmp_path / "s.wav", np.array([100, 300, 200, 400], dtype=np.int16), 8000, channels=2))
        assert (wav.samples.tolist(), wav.rate, wav.seconds) == ([200, 300], 8000, 2 / 8000)

    @pytest.mark.parametrize("make", ["missing", "text", "empty", "8bit"])
    def test_what_cannot_be_read_is_a_sentence(self, make: str, tmp_path: Path) -> None:
        path = tmp_path / "x.wav"
        if make == "text":
            path.write_text("not a wav")
        elif make == "empty":
            _wav(path, np.array([], dtype=np.int16), 8000)
        elif make == "8bit":
            _wav(path, np.array([1, 2], dtype=np.uint8), 8000, width=1)
        with pytest.raises(PermanentError, match=r"x\.wav"):
            wav_read(path)

    def test_tracks_are_mixed_on_one_time_line(self, tmp_path: Path) -> None:
        recording = Recording()
        assert recording.silent
        half = np.full(12_000, 1000, dtype=np.int16)
        recording.add("a", half, 0.5)
        recording.add("b", half, 0.75)
        recording.add("a", half, 1.0)
        recording.add("a", half, 3.0)
        recording.save(tmp_path / "out.wav")
        saved = wav_read(tmp_path / "out.wav")
        assert saved.seconds == 3.0
        assert [int(saved.samples[int(24_000 * at)]) for at in (0.1, 0.3, 0.8, 1.5, 2.6)] == [1000, 2000, 1000, 0, 1000]
        assert not recording.silent
