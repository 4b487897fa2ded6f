"""Stereo PCM as Ogg/Opus, written as it comes. https://www.rfc-editor.org/rfc/rfc7845"""

from __future__ import annotations

import av
import numpy as np

from agents_worker.media_bot.recording_mix import Stereo

# From here on libopus codes both sides whole: at 32 kb/s a voice on one side was heard 44 dB softer on the other, enough for a
# recogniser to write down the words of the wrong person; now it is more than 85 dB. A minute of talk takes some 300 kB.
BITRATE = 40_000
_STREAM = {"application": "audio", "frame_duration": "60", "vbr": "on", "compression_level": "5"}
_CONTAINER = {"page_duration": "1000000", "flush_packets": "1"}


class OggWriter:
    """Encodes what it is given; whole pages of a second leave it. For one thread at a time, and not the event loop's."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._sink = _Sink()
        self._container = av.open(self._sink, "w", format="ogg", options=_CONTAINER)
        self._stream = self._container.add_stream("libopus", rate=rate, layout="stereo", options=_STREAM)
        self._stream.bit_rate = BITRATE
        self._samples = 0

    def write(self, sound: Stereo) -> bytes:
        """The pages that are complete now; possibly none. Raises av.FFmpegError."""
        if not len(sound):
            return b""
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound).reshape(1, -1), format="s16", layout="stereo")
        frame.sample_rate = self._rate
        frame.pts = self._samples
        self._samples += len(sound)
        for packet in self._stream.encode(frame):
            self._container.mux(packet)
        return self._sink.taken()

    def close(self) -> bytes:
        """The last pages."""
        for packet in self._stream.encode(None):
            self._container.mux(packet)
        self._container.close()
        return self._sink.taken()


class _Sink:
    """A file that is written only."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def write(self, data: bytes) -> int:
        self._bytes.extend(data)
        return len(data)

    def taken(self) -> bytes:
        taken = bytes(self._bytes)
        self._bytes.clear()
        return taken
