"""What a Media Bot that records sends: the same writer as its own, and the parts' protocol."""

import io
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import av
import numpy as np
from django.test import Client
from django_tenants.utils import schema_context

from agents_worker.media_bot.recording_ogg import OggWriter
from apps.calls.models import Call
from apps.calls.ogg import Run, runs_join
from apps.core.schema import schema_current
from tests.compass.factories import bearer

RATE = 16_000


def tone(seconds: float, left: int = 0, right: int = 0) -> Any:
    """Stereo; `left` and `right` are amplitudes."""
    wave = np.sin(2 * np.pi * 440 * np.arange(int(seconds * RATE)) / RATE)
    return np.stack([wave * left, wave * right], axis=1).astype(np.int16)


def parts(*sounds: Any) -> list[bytes]:
    """One run's parts, each with a sound's pages; the last with what the encoder still held."""
    writer = OggWriter(RATE)
    made = [writer.write(sound) for sound in sounds]
    return [*made[:-1], made[-1] + writer.close()]


def put(call: Call, data: bytes, *, run: int = 1, part: int = 0, started_at: datetime, last: bool = False, **more: Any) -> Any:
    """PUT /calls/{id}/recording with the call's own token, or `headers`."""
    headers = more.get("headers") or bearer("acme", call.agent_id, call_id=str(call.pk))
    query = urlencode({"run": run, "part": part, "started_at": started_at.isoformat(), "last": int(last)})
    with schema_context(schema_current()):
        return Client().put(f"/calls/{call.pk}/recording?{query}", data=data, content_type="audio/ogg", headers=headers)


def heard(data: bytes) -> Any:
    """Left and right, decoded, at RATE."""
    with av.open(io.BytesIO(data), "r") as container:
        resampler = av.AudioResampler("s16p", "stereo", RATE)
        pieces = [piece.to_ndarray() for frame in container.decode(audio=0) for piece in resampler.resample(frame)]
    return np.concatenate(pieces, axis=1)


def loud(side: Any, start: float = 0.0, end: float | None = None) -> float:
    """The level of a side between two moments, in seconds; to its end unless one is given."""
    piece = side[int(start * RATE) : None if end is None else int(end * RATE)].astype(float)
    return float(np.sqrt(np.mean(piece**2)))


def joined(runs: list[tuple[float, list[bytes]]]) -> bytes:
    """Runs, each with its start in seconds, put together as the Call Service does."""
    out = io.BytesIO()
    runs_join([Run(start, made) for start, made in runs], out)
    return out.getvalue()
