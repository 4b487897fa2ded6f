"""Several runs' Ogg/Opus streams put together into one, each at its place in time, with silence where nothing was recorded.

https://www.rfc-editor.org/rfc/rfc3533 (pages), https://www.rfc-editor.org/rfc/rfc7845 (Opus in them),
https://www.rfc-editor.org/rfc/rfc6716#section-3.1 (how long a packet is).
"""

import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import IO

from apps.core.errors import PermanentError

RATE = 48_000  # of a granule position, whatever was recorded at
FIRST, LAST = 0x02, 0x04
HEADER = struct.Struct("<4sBBqIIIB")
SILENCE, SILENCE_SAMPLES = b"\xfc\xff\xfe", 960  # a stereo packet of 20 ms
SILENT_PACKETS = 50  # a page of a second
REVERSED = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))
NO_PACKET_ENDS = -1
LONGEST = 24 * 3600 * RATE  # where a page may say that it stands


class NotOgg(PermanentError):
    """These bytes are no whole pages of an Ogg stream."""


@dataclass(frozen=True)
class Page:
    """`granule`: where its last packet ends, in samples at RATE, from the beginning of its stream."""

    flags: int
    granule: int
    lacing: bytes
    body: bytes

    @property
    def is_head(self) -> bool:
        return self.body.startswith((b"OpusHead", b"OpusTags"))

    @property
    def samples(self) -> int:
        return sum(map(packet_samples, self.packets()))

    def packets(self) -> Iterator[bytes]:
        start = end = 0
        for length in self.lacing:
            end += length
            if length < 255:
                yield self.body[start:end]
                start = end


@dataclass(frozen=True)
class Run:
    """What one Media Bot recorded: its pages in order, and where they begin, in seconds."""

    start: float
    parts: Iterable[bytes]


@dataclass(frozen=True)
class Joined:
    """Seconds: how long it plays, and how much of that was recorded."""

    seconds: float
    recorded: float


def pages_read(data: bytes) -> Iterator[Page]:
    """Whole pages. Raises NotOgg where they are none, or break off."""
    at = 0
    while at < len(data):
        if len(data) - at < HEADER.size:
            raise NotOgg("The last page of this Ogg stream is cut off.")
        magic, version, flags, granule, _serial, _sequence, _crc, count = HEADER.unpack_from(data, at)
        if magic != b"OggS" or version != 0:
            raise NotOgg("These bytes are no pages of an Ogg stream.")
        lacing = data[at + HEADER.size : at + HEADER.size + count]
        start = at + HEADER.size + count
        at = start + sum(lacing)
        if len(lacing) < count or at > len(data):
            raise NotOgg("The last page of this Ogg stream is cut off.")
        yield Page(flags, granule, lacing, data[start:at])


def packet_samples(packet: bytes) -> int:
    """How long an Opus packet is, at RATE."""
    if not packet:
        return 0
    config, code = packet[0] >> 3, packet[0] & 3
    if config < 12:
        frame = (480, 960, 1920, 2880)[config & 3]
    elif config < 16:
        frame = (480, 960)[config & 1]
    else:
        frame = 120 << (config & 3)
    frames = (1, 2, 2, packet[1] & 0x3F if len(packet) > 1 else 0)[code]
    return frame * frames


def runs_join(runs: list[Run], out: IO[bytes]) -> Joined:
    """Writes one stream of all runs, in the order of their start. What a run recorded after the next one began is left out.

    Raises NotOgg, also where there is no sound in any of them.
    """
    writer = _Writer(out)
    recorded = 0
    for run, after in zip(runs, [*runs[1:], None], strict=True):
        end = None if after is None else round(after.start * RATE)
        recorded += _run_join(run, end, writer)
    if not recorded:
        raise NotOgg("There is no sound in this recording.")
    return Joined(writer.close() / RATE, recorded / RATE)


def _run_join(run: Run, end: int | None, writer: "_Writer") -> int:
    place, told, recorded = round(run.start * RATE), 0, 0
    for page in (page for part in run.parts for page in pages_read(part)):
        if page.is_head:
            writer.head(page)
        elif page.granule != NO_PACKET_ENDS:
            samples = page.samples
            start = place + max(told, page.granule - samples)
            told = page.granule
            if start > LONGEST:
                raise NotOgg("A page of this recording says that it is from days later.")
            if end is not None and start >= end:
                break
            writer.silence_until(start)
            writer.sound(page, samples)
            recorded += samples
    return recorded


class _Writer:
    """One page is held back, because the last of a stream says so."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self._heads: set[bytes] = set()
        self._sequence = self._samples = self._skipped = 0
        self._held: Page | None = None

    def head(self, page: Page) -> None:
        """The first run's; they are all alike."""
        kind = page.body[:8]
        if kind in self._heads:
            return
        self._heads.add(kind)
        if kind == b"OpusHead":
            self._skipped = struct.unpack_from("<H", page.body, 10)[0]
        self._put(replace(page, flags=FIRST if kind == b"OpusHead" else 0, granule=0))

    def silence_until(self, samples: int) -> None:
        missing = (samples - self._samples) // SILENCE_SAMPLES
        while missing > 0 and self._heads:
            packets = min(missing, SILENT_PACKETS)
            missing -= packets
            self._samples += packets * SILENCE_SAMPLES
            self._put(Page(0, self._samples, bytes([len(SILENCE)]) * packets, SILENCE * packets))

    def sound(self, page: Page, samples: int) -> None:
        if len(self._heads) < 2:
            raise NotOgg("This recording lacks its beginning, which says how it is to be read.")
        self._samples += samples
        self._put(replace(page, flags=page.flags & ~(FIRST | LAST), granule=self._samples))

    def close(self) -> int:
        """Samples that it plays."""
        if self._held is not None:
            self._write(replace(self._held, flags=self._held.flags | LAST))
        return max(0, self._samples - self._skipped)

    def _put(self, page: Page) -> None:
        if self._held is not None:
            self._write(self._held)
        self._held = page

    def _write(self, page: Page) -> None:
        self._out.write(page_bytes(page, self._sequence))
        self._sequence += 1


def page_bytes(page: Page, sequence: int) -> bytes:
    """A page as it stands in a file."""
    fields = (b"OggS", 0, page.flags, page.granule, 1, sequence)
    after = page.lacing + page.body
    crc = checksum(HEADER.pack(*fields, 0, len(page.lacing)) + after)
    return HEADER.pack(*fields, crc, len(page.lacing)) + after


def checksum(data: bytes) -> int:
    """RFC 3533's CRC: zlib's polynomial with the bits the other way round, from 0 and without a last inversion."""
    mirrored = zlib.crc32(data.translate(REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(mirrored.to_bytes(4, "little").translate(REVERSED), "big")
