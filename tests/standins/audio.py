"""Sound for stand-ins: tones that last as long as the text would take to say."""

from __future__ import annotations

import io
import math
import struct
import wave

SECONDS_PER_CHARACTER = 0.06


def tone(seconds: float, *, rate: int = 24000, frequency: float = 440.0) -> bytes:
    """A sine as 16-bit mono PCM, at a level that a listener clearly hears."""
    count = int(seconds * rate)
    step = 2 * math.pi * frequency / rate
    return struct.pack(f"<{count}h", *(int(9000 * math.sin(step * n)) for n in range(count)))


def spoken(text: str, *, rate: int = 24000) -> bytes:
    """A tone in place of speech: its length follows the text, between 0.4 and 8 seconds."""
    return tone(min(8.0, max(0.4, len(text) * SECONDS_PER_CHARACTER)), rate=rate)


def wav(pcm: bytes, *, rate: int = 24000) -> bytes:
    """PCM with a WAV header."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(pcm)
    return out.getvalue()


def wav_seconds(data: bytes) -> float:
    """How long a WAV file lasts. Raises wave.Error when it is none."""
    with wave.open(io.BytesIO(data)) as file:
        return file.getnframes() / file.getframerate()
