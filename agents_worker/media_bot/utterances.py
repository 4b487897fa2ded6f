"""Cuts the sound of one speaker into utterances, for recognisers that take whole ones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from livekit import rtc
from livekit.agents import utils, vad

from agents_worker.contracts import utc_now
from agents_worker.room import cancelled

_LOUD = 200.0
_GATE_SILENCE = 0.5
_LONGEST_SECONDS = 25.0


@dataclass(frozen=True)
class Utterance:
    audio: rtc.AudioFrame
    started_at: datetime
    ended_at: datetime


def _utterance(frames: list[rtc.AudioFrame], silence: float) -> Utterance:
    """An utterance whose last sound was `silence` seconds ago."""
    audio = utils.merge_frames(frames)
    now = utc_now()
    return Utterance(audio, now - timedelta(seconds=audio.duration), now - timedelta(seconds=silence))


async def by_voice(frames: AsyncIterator[rtc.AudioFrame], detector: vad.VAD) -> AsyncIterator[Utterance]:
    """What a person says, told from noise by the voice detector."""
    stream = detector.stream()
    feeding = asyncio.create_task(_feed(frames, stream))
    try:
        async for event in stream:
            if event.type == vad.VADEventType.END_OF_SPEECH:
                yield _utterance(list(event.frames), event.silence_duration)
    finally:
        await cancelled(feeding)
        await stream.aclose()


async def _feed(frames: AsyncIterator[rtc.AudioFrame], stream: vad.VADStream) -> None:
    async for frame in frames:
        stream.push_frame(frame)
    stream.end_input()


async def by_level(frames: AsyncIterator[rtc.AudioFrame]) -> AsyncIterator[Utterance]:
    """What a synthetic voice says: between its sentences there is no sound at all."""
    heard: list[rtc.AudioFrame] = []
    silence = 0.0
    async for frame in frames:
        if _level(frame) >= _LOUD:
            silence = 0.0
        elif not heard:
            continue
        else:
            silence += frame.duration
        heard.append(frame)
        if silence >= _GATE_SILENCE or sum(f.duration for f in heard) >= _LONGEST_SECONDS:
            yield _utterance(heard, silence)
            heard, silence = [], 0.0
    if heard:
        yield _utterance(heard, silence)


def _level(frame: rtc.AudioFrame) -> float:
    samples = np.frombuffer(frame.data, dtype=np.int16).astype(np.float32)
    return float(np.sqrt(np.mean(samples**2))) if samples.size else 0.0
