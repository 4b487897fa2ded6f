"""Changing the rate and the encoding of 16-bit mono PCM as it streams by."""

import struct

import av
import numpy as np

SAMPLE_RATE = 24_000


class Resampler:
    """Changes the rate of 16-bit mono PCM as it streams by."""

    def __init__(self, source_rate: int, rate: int) -> None:
        self._source_rate = source_rate
        self._resampler = av.AudioResampler(format="s16", layout="mono", rate=rate)
        self._odd = b""

    def feed(self, data: bytes) -> bytes:
        """Return what can be given out after these bytes."""
        data = self._odd + data
        even = len(data) // 2 * 2
        self._odd = data[even:]
        if not even:
            return b""
        return _samples(self._resampler.resample(_frame(data[:even], self._source_rate)))

    def flush(self) -> bytes:
        """Return the last samples."""
        return _samples(self._resampler.resample(None))


def _frame(data: bytes, rate: int) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(np.frombuffer(data, np.int16).reshape(1, -1), format="s16", layout="mono")
    frame.sample_rate = rate
    return frame


def _samples(frames: list[av.AudioFrame]) -> bytes:
    return b"".join(frame.to_ndarray().tobytes() for frame in frames)


class Mp3Encoder:
    """Encodes 16-bit mono PCM at 24 kHz to MP3 as it streams by."""

    def __init__(self) -> None:
        self._codec = av.CodecContext.create("libmp3lame", "w")
        assert isinstance(self._codec, av.AudioCodecContext)
        self._codec.sample_rate = SAMPLE_RATE
        self._codec.layout = "mono"
        self._codec.format = "s16p"
        self._codec.bit_rate = 64_000
        self._fifo = av.AudioFifo()
        self._samples_in = 0

    def feed(self, data: bytes) -> bytes:
        """Return the MP3 frames that are complete after these bytes."""
        if data:
            frame = av.AudioFrame.from_ndarray(np.frombuffer(data, np.int16).reshape(1, -1), format="s16p", layout="mono")
            frame.sample_rate = SAMPLE_RATE
            frame.pts = self._samples_in
            self._samples_in += frame.samples
            self._fifo.write(frame)
        return self._encode(partial=False)

    def flush(self) -> bytes:
        """Return the last frames."""
        return self._encode(partial=True) + b"".join(bytes(packet) for packet in self._codec.encode(None))

    def _encode(self, *, partial: bool) -> bytes:
        self._codec.open(strict=False)
        frames = self._fifo.read_many(self._codec.frame_size, partial=partial)
        return b"".join(bytes(packet) for frame in frames for packet in self._codec.encode(frame))


def wav_header() -> bytes:
    """Return a header for a stream of unknown length: the sizes are the largest possible, as OpenAI sends them."""
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, SAMPLE_RATE, SAMPLE_RATE * 2, 2, 16)
    return struct.pack("<4sI4s", b"RIFF", 0xFFFFFFFF, b"WAVE") + form + struct.pack("<4sI", b"data", 0xFFFFFFFF)
