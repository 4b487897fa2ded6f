"""Media Bot's recording: both sides on one clock, encoded, and sent in parts."""

from __future__ import annotations

import asyncio
import wave
from datetime import UTC, datetime

import numpy as np
import pytest

from agents_worker.backend import ApiRefused, ApiUnavailable
from agents_worker.contracts import RecordingPart
from agents_worker.media_bot import recording_mix, recording_parts
from agents_worker.media_bot.recording import Recorder
from agents_worker.media_bot.recording_mix import Mixer, MixFull
from agents_worker.media_bot.recording_ogg import OggWriter
from agents_worker.media_bot.recording_parts import PartSender
from embedded.paths import CHECKOUT
from tests.agents_worker.conftest import resampled
from tests.calls.recording_side import RATE, heard, loud

FRAME = 0.1
NOW = datetime(2026, 1, 5, 10, tzinfo=UTC)


def frame(level: int, seconds: float = FRAME) -> bytes:
    return np.full(int(seconds * RATE), level, dtype=np.int16).tobytes()


def speak(mixer: Mixer, side: str, start: float, end: float, level: int, *, late: float = 0.0) -> None:
    """Frames of a track that runs from `start` to `end`, each heard `late` seconds after it was."""
    for number in range(round((end - start) / FRAME)):
        mixer.push(side, frame(level), start + (number + 1) * FRAME + late)  # type: ignore[arg-type]


def edges(side: np.ndarray) -> list[tuple[float, float]]:
    """From when to when there is sound, in seconds."""
    loud = np.concatenate([[0], (side != 0).astype(np.int8), [0]])
    starts, ends = np.flatnonzero(np.diff(loud) == 1), np.flatnonzero(np.diff(loud) == -1)
    return [(round(a / RATE, 2), round(b / RATE, 2)) for a, b in zip(starts, ends, strict=True)]


def whole(mixer: Mixer, now: float) -> np.ndarray:
    return mixer.take(now, patience=0.0)


def test_a_side_that_comes_late_stands_where_it_came() -> None:
    mixer = Mixer(RATE)
    mixer.begin("caller")
    speak(mixer, "caller", 0.0, 5.0, 100)
    mixer.begin("agent")
    speak(mixer, "agent", 2.0, 3.0, 200)
    sound = whole(mixer, 5.0)
    assert sound.shape == (5 * RATE, 2)
    assert edges(sound[:, 0]) == [(0.0, 5.0)] and edges(sound[:, 1]) == [(2.0, 3.0)]
    assert set(np.unique(sound[:, 1])) == {0, 200}


def test_a_caller_who_comes_back_leaves_a_gap() -> None:
    mixer = Mixer(RATE)
    mixer.begin("caller")
    speak(mixer, "caller", 0.0, 1.0, 100)
    mixer.begin("caller")
    speak(mixer, "caller", 4.0, 5.0, 100)
    assert edges(whole(mixer, 6.0)[:, 0]) == [(0.0, 1.0), (4.0, 5.0)]


def test_frames_in_a_burst_stay_together() -> None:
    """The event loop was busy for a second: its frames come late, and none of them was a gap."""
    mixer = Mixer(RATE)
    mixer.begin("caller")
    speak(mixer, "caller", 0.0, 1.0, 100)
    for _ in range(10):
        mixer.push("caller", frame(100), 2.0)
    speak(mixer, "caller", 2.0, 5.0, 100)
    assert edges(whole(mixer, 5.0)[:, 0]) == [(0.0, 5.0)]


def test_a_track_that_paused_is_put_right() -> None:
    """Nothing came for two seconds, and the track went on: it is late until a window of frames has shown that."""
    mixer = Mixer(RATE)
    mixer.begin("agent")
    speak(mixer, "agent", 0.0, 1.0, 100)
    speak(mixer, "agent", 3.0, 9.0, 100)
    sound = whole(mixer, 9.0)[:, 1]
    assert edges(sound)[-1][1] == 9.0
    assert sum(end - start for start, end in edges(sound)) == pytest.approx(7.0, abs=0.01)


def test_a_side_that_runs_ahead_is_held_back() -> None:
    """Its first frame was heard a second late, so all of it stands too late until that shows."""
    mixer = Mixer(RATE)
    mixer.begin("caller")
    mixer.push("caller", frame(100), 1.1)
    speak(mixer, "caller", 0.1, 6.0, 100)
    sound = whole(mixer, 6.5)[:, 0]
    assert edges(sound)[-1][1] == pytest.approx(6.0, abs=0.3)


def test_what_is_taken_is_taken_once_and_frames_find_their_place_after_it() -> None:
    mixer = Mixer(RATE)
    mixer.begin("caller")
    speak(mixer, "caller", 0.0, 4.0, 100)
    first = mixer.take(4.0)
    assert len(first) == int((4.0 - recording_mix.PATIENCE) * RATE)
    speak(mixer, "caller", 4.0, 6.0, 100)
    rest = whole(mixer, 6.0)
    assert len(first) + len(rest) == 6 * RATE
    assert edges(np.concatenate([first, rest])[:, 0]) == [(0.0, 6.0)]
    assert whole(mixer, 6.0).shape == (0, 2)


def test_a_silent_side_is_silence_of_the_same_length() -> None:
    mixer = Mixer(RATE)
    assert not whole(mixer, 3.0).any() and whole(mixer, 3.0).shape == (0, 2)


def test_what_nobody_takes_is_not_held_without_end() -> None:
    mixer = Mixer(RATE)
    mixer.begin("caller")
    with pytest.raises(MixFull):
        speak(mixer, "caller", 0.0, recording_mix.MOST_HELD + 1, 100)


def test_pages_leave_as_they_are_written_and_are_one_stream() -> None:
    writer = OggWriter(RATE)
    tone = (8000 * np.sin(2 * np.pi * 440 * np.arange(2 * RATE) / RATE)).astype(np.int16)
    talk = np.stack([tone, np.zeros_like(tone)], axis=1)
    pieces = [writer.write(talk) for _ in range(5)] + [writer.close()]
    assert all(piece.startswith(b"OggS") for piece in pieces if piece)
    assert sum(bool(piece) for piece in pieces) >= 5
    left, right = heard(b"".join(pieces))
    assert len(left) / RATE == pytest.approx(10, abs=0.1)
    assert loud(left) > 5000 > 300 > loud(right)


def test_a_voice_is_not_heard_on_the_other_side() -> None:
    """Softer by 44 dB, as it was at 32 kb/s, is still enough for a recogniser to write down the wrong person's words."""
    with wave.open(str(CHECKOUT / "docs" / "audio" / "question.wav")) as spoken:
        voice = np.frombuffer(resampled(spoken.readframes(spoken.getnframes()), spoken.getframerate(), RATE), np.int16)
    silence = np.zeros_like(voice)
    writer = OggWriter(RATE)
    talk = np.stack([np.concatenate([voice, silence]), np.concatenate([silence, voice])], axis=1)
    left, right = heard(writer.write(talk) + writer.close())
    half = len(voice) / RATE
    for speaks, listens, begin in ((left, right, 0.0), (right, left, half)):
        there, here = loud(speaks, begin, begin + half), loud(listens, begin, begin + half)
        assert 20 * np.log10(there / max(here, 1e-9)) > 60


# --- the parts -------------------------------------------------------------------------------


class Web:
    """Takes parts; `answers` are raised first, one each."""

    def __init__(self, *answers: Exception) -> None:
        self.answers = list(answers)
        self.taken: list[RecordingPart] = []

    async def send(self, part: RecordingPart) -> None:
        if self.answers:
            raise self.answers.pop(0)
        self.taken.append(part)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording_parts, "backoff", lambda attempt: 0.0)


async def test_parts_keep_their_order_while_the_web_side_is_away(at_once: None) -> None:
    web = Web(*[ApiUnavailable("away")] * 3)
    sender = PartSender(web.send, run=2, started_at=NOW)
    for text in (b"one", b"two", b"three"):
        sender.put(text)
    sender.put(b"four", last=True)
    async with asyncio.timeout(60):
        await sender.run()
    assert [(part.run, part.number, part.data, part.last) for part in web.taken] == [
        (2, 0, b"one", False),
        (2, 1, b"two", False),
        (2, 2, b"three", False),
        (2, 3, b"four", True),
    ]
    assert sender.unsent == 0
    sender.close()


async def test_what_is_refused_ends_the_recording() -> None:
    sender = PartSender(Web(ApiRefused(409, "not_recorded", "no")).send, run=1, started_at=NOW)
    sender.put(b"one")
    with pytest.raises(ApiRefused):
        await sender.run()
    sender.close()


async def test_the_last_part_goes_up_at_the_end() -> None:
    web = Web()
    told: list[str] = []
    recorder = Recorder(web.send, run=3, tell=told.append)
    await recorder.aclose(60)
    assert [(part.run, part.number, part.last) for part in web.taken] == [(3, 0, True)]
    assert told == []


async def test_a_refusal_is_told_once() -> None:
    told: list[str] = []
    recorder = Recorder(Web(*[ApiRefused(409, "not_recorded", "The agent does not record.")] * 5).send, run=1, tell=told.append)
    await recorder.aclose(60)
    await recorder.aclose(60)
    assert told == ["The agent does not record."]


async def test_a_web_side_that_stays_away_holds_the_end_up_for_a_fixed_time() -> None:
    told: list[str] = []
    recorder = Recorder(Web(*[ApiUnavailable("away")] * 1000).send, run=1, tell=told.append)
    async with asyncio.timeout(60):
        await recorder.aclose(0.3)
    [reason] = told
    assert "did not take the last parts" in reason
