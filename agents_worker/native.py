"""LiveKit's native library: started before the first call, and kept from telling Python what nobody reads."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from functools import cache

from livekit import rtc
from livekit.rtc._ffi_client import FfiClient, FfiQueue, ffi_event_callback
from livekit.rtc._proto.ffi_pb2 import FfiEvent
from livekit.rtc._utils import Queue
from livekit.rtc.version import __version__

BITRATE = 64_000  # bit/s, at most: a sentence takes about that, silence nearly none
# what happens by itself; every other event is the answer to a request
_SOUND_AND_SIGHT = frozenset({"audio_stream_event", "video_stream_event"})
_HAPPENINGS = _SOUND_AND_SIGHT | {"room_event"}


class Exchange(FfiQueue[FfiEvent]):
    """Hands the library's events to whom they concern.

    The SDK hands each track's sound to every track of the process and each room's events to every room, all but one of which
    wake up to drop it: in a process with many calls that is most of what it does.
    """

    def subscribe(
        self,
        loop: asyncio.AbstractEventLoop | None = None,
        filter_fn: Callable[[FfiEvent], bool] | None = None,
    ) -> Queue[FfiEvent]:
        """As the SDK's; one who names no filter waits for the answer to a request."""
        return super().subscribe(loop, filter_fn or _is_answer)

    def narrow(self, queue: Queue[FfiEvent], concerns: Callable[[FfiEvent], bool]) -> None:
        """From now on a subscriber is handed only what concerns it."""
        with self._lock:
            self._subscribers = [
                (one, loop, concerns if one is queue else filter_fn) for one, loop, filter_fn in self._subscribers
            ]


def _is_answer(event: FfiEvent) -> bool:
    return event.WhichOneof("message") not in _HAPPENINGS


@cache
def native_start() -> Exchange:
    """Start the library's threads in this process; its warnings go to standard error, or what RUST_LOG asks for.

    The SDK has every record of the library's debug log sent to Python and drops it there, which is most of what an idle
    connection costs. LIVEKIT_RTC_DEBUG=1 leaves it so.
    """
    os.environ.setdefault("RUST_LOG", "warn,livekit_ffi::server=error")  # read when the library starts
    client = FfiClient.instance
    if os.environ.get("LIVEKIT_RTC_DEBUG", "").strip().lower() not in ("true", "1"):
        client._ffi_lib.livekit_ffi_initialize(ffi_event_callback, False, b"python", __version__.encode("ascii"))
    exchange = Exchange()
    exchange._subscribers = client._queue._subscribers
    client._queue = exchange
    return exchange


def publish_options(source: rtc.TrackSource.ValueType) -> rtc.TrackPublishOptions:
    """How a voice or a tone is published.

    From 64 kbit/s on Opus leaves the part of its encoder that is made for narrow lines and takes half the processor time, most of
    it in silence, which it sends as nothing either way.
    """
    options = rtc.TrackPublishOptions(source=source)
    options.audio_encoding.max_bitrate = BITRATE
    return options


def room_alone(room: rtc.Room) -> None:
    """A connected room is handed no other room's events from now on."""
    assert room._ffi_handle is not None
    handle = room._ffi_handle.handle

    def concerns(event: FfiEvent) -> bool:
        which = event.WhichOneof("message")
        if which == "room_event":
            return bool(event.room_event.room_handle == handle)
        return which not in _SOUND_AND_SIGHT and which != "capture_audio_frame"

    native_start().narrow(room._ffi_queue, concerns)


def sound_of(track: rtc.Track, *, rate: int, frame_ms: int) -> rtc.AudioStream:
    """A track's sound, mono at `rate` Hz in pieces of `frame_ms` milliseconds, and no other track's."""
    stream = rtc.AudioStream(track, sample_rate=rate, num_channels=1, frame_size_ms=frame_ms)
    handle = stream._ffi_handle.handle

    def concerns(event: FfiEvent) -> bool:
        return event.WhichOneof("message") == "audio_stream_event" and event.audio_stream_event.stream_handle == handle

    native_start().narrow(stream._ffi_queue, concerns)
    return stream
