"""WAV files in, and everything that was heard out, as 16-bit mono."""

import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from apps.core.errors import PermanentError

HEARD_RATE = 24_000
GAP = 0.25  # seconds of delay after which a track's sound is placed by the clock again
LOUD = 200  # a root mean square above this is sound


@dataclass(frozen=True)
class Wav:
    """Mono samples and their rate in Hz."""

    samples: "np.ndarray"
    rate: int

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.rate


def wav_read(path: Path) -> Wav:
    """Reads 16-bit PCM, mixed down to mono. Raises PermanentError with a sentence."""
    try:
        with wave.open(str(path), "rb") as file:
            width, channels, rate = file.getsampwidth(), file.getnchannels(), file.getframerate()
            raw = file.readframes(file.getnframes())
    except (OSError, EOFError, wave.Error) as error:
        raise PermanentError(f"{path} cannot be read as a WAV file ({error}).") from error
    if width != 2:
        raise PermanentError(f"{path} has {8 * width}-bit samples; save it as 16-bit PCM.")
    samples = np.frombuffer(raw, dtype="<i2").reshape(-1, channels).mean(axis=1).astype(np.int16)
    if not len(samples):
        raise PermanentError(f"{path} has no sound in it.")
    return Wav(samples, rate)


class Recording:
    """Mixes tracks on one time line that begins with the call."""

    def __init__(self) -> None:
        self._mix = np.zeros(HEARD_RATE * 30, dtype=np.int32)
        self._ends: dict[str, int] = {}
        self._length = 0

    def add(self, track: str, samples: "np.ndarray", at: float) -> None:
        """Samples of a track at HEARD_RATE that arrived `at` seconds into the call."""
        end = self._ends.get(track)
        arrived = max(0, int(at * HEARD_RATE) - len(samples))
        start = arrived if end is None or arrived - end > GAP * HEARD_RATE else end
        stop = start + len(samples)
        while stop > len(self._mix):
            self._mix = np.concatenate([self._mix, np.zeros_like(self._mix)])
        self._mix[start:stop] += samples
        self._ends[track] = stop
        self._length = max(self._length, stop)

    @property
    def seconds(self) -> float:
        return self._length / HEARD_RATE

    @property
    def silent(self) -> bool:
        """True when nothing above the noise was heard."""
        return not self._length or not bool(np.any(np.abs(self._mix[: self._length]) > LOUD))

    def save(self, path: Path) -> None:
        """Writes a WAV file. Raises PermanentError with a sentence."""
        samples = np.clip(self._mix[: self._length], -32768, 32767).astype("<i2")
        try:
            with wave.open(str(path), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(HEARD_RATE)
                file.writeframes(samples.tobytes())
        except OSError as error:
            raise PermanentError(f"{path} cannot be written ({error}).") from error


def is_sound(samples: "np.ndarray") -> bool:
    """Whether a frame is louder than noise."""
    return bool(np.sqrt(np.mean(np.square(samples.astype(np.float64)))) > LOUD)
