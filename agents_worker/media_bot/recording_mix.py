"""Two sides of a call on one clock: what each said stands where it was heard, with silence where a side has nothing."""

from __future__ import annotations

from collections import deque

import numpy as np
import numpy.typing as npt

from agents_worker.contracts import Speaker

Stereo = npt.NDArray[np.int16]

# how late a frame may be before its place is given to silence, in seconds
PATIENCE = 2.5
# a side is moved when all its frames of WINDOW were this far from where the clock has them, in seconds
SLACK = 0.25
WINDOW = 20
# what a side may hold that was not taken yet, in seconds
MOST_HELD = 60.0
_SIDES: tuple[Speaker, Speaker] = ("caller", "agent")


class MixFull(Exception):
    """Nobody takes what is pushed: the rest of this machine is too slow for a recording."""


class Mixer:
    """Stereo at `rate` Hz, the caller left and the agent right. Moments are seconds since the recording began."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self._taken = 0
        self._sides = {side: _Side() for side in _SIDES}

    def begin(self, side: Speaker) -> None:
        """A new track of a side: its first frame stands where the clock has it, and the one before is over."""
        self._sides[side].restart()

    def push(self, side: Speaker, pcm: bytes | memoryview, at: float) -> None:
        """Mono 16-bit PCM whose last sample was heard `at`. Raises MixFull."""
        track = self._sides[side]
        samples = len(pcm) // 2
        due = int(at * self.rate) - samples
        track.place(due - self._taken, int(SLACK * self.rate))
        track.add(pcm)
        if track.held > MOST_HELD * self.rate:
            raise MixFull(f"{MOST_HELD:.0f} seconds of sound wait to be written")

    def take(self, now: float, *, patience: float = PATIENCE) -> Stereo:
        """What is complete by `now`: frames later than `patience` find silence in their place."""
        samples = max(0, int((now - patience) * self.rate) - self._taken)
        self._taken += samples
        return np.stack([self._sides[side].take(samples) for side in _SIDES], axis=1)


class _Side:
    """One mono track; places are samples since what was taken last."""

    def __init__(self) -> None:
        self._pcm = bytearray()
        self._fresh = True
        self._skip = 0
        self._offs: deque[int] = deque(maxlen=WINDOW)

    @property
    def held(self) -> int:
        """Samples."""
        return len(self._pcm) // 2

    def restart(self) -> None:
        self._fresh = True
        self._skip = 0
        self._offs.clear()

    def place(self, due: int, slack: int) -> None:
        """Moves the end of the track to where the next frame is due: at once for the first, else when all were off for long.

        Frames come in bursts where the event loop was busy, so one that is late proves nothing.
        """
        off = due - self.held
        if self._fresh:
            self._fresh = False
            self._pcm.extend(bytes(2 * max(0, off)))
            return
        self._offs.append(off)
        if len(self._offs) < WINDOW:
            return
        if (late := min(self._offs)) > slack:
            self._pcm.extend(bytes(2 * late))
            self._offs.clear()
        elif (early := -max(self._offs)) > slack:
            self._skip = early
            self._offs.clear()

    def add(self, pcm: bytes | memoryview) -> None:
        skipped = min(self._skip, len(pcm) // 2)
        self._skip -= skipped
        self._pcm.extend(memoryview(pcm).cast("B")[2 * skipped :])

    def take(self, samples: int) -> npt.NDArray[np.int16]:
        found = bytes(self._pcm[: 2 * samples])
        del self._pcm[: 2 * samples]
        taken = np.zeros(samples, dtype=np.int16)
        taken[: len(found) // 2] = np.frombuffer(found, dtype=np.int16)
        return taken
