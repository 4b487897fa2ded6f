"""LiveKit's native library logs to standard error, without a way through Python, and its events wake only whom they concern."""

import asyncio
import os
import subprocess
import sys
from types import SimpleNamespace

from livekit import rtc
from livekit.rtc._proto.audio_frame_pb2 import AudioStreamEvent
from livekit.rtc._proto.ffi_pb2 import FfiEvent
from livekit.rtc._proto.room_pb2 import ConnectCallback, RoomEvent

from agents_worker.atlas.session import room_options
from agents_worker.native import Exchange

DROP_UNKNOWN = """
from agents_worker.native import native_start
from livekit.rtc._ffi_client import FfiClient

native_start()
FfiClient.instance._ffi_lib.livekit_ffi_drop_handle(987654321)
"""


def said(**environ: str) -> str:
    """What the library writes when it is told to drop a handle that it does not know."""
    env = {name: value for name, value in os.environ.items() if name not in ("RUST_LOG", "LIVEKIT_RTC_DEBUG")}
    done = subprocess.run([sys.executable, "-c", DROP_UNKNOWN], env=env | environ, capture_output=True, text=True, timeout=60)
    return done.stderr


def test_warnings_go_to_standard_error_at_once() -> None:
    assert "WARN  livekit_ffi::server] Attempted to drop unknown FFI handle: 987654321" in said(RUST_LOG="warn")


def test_handles_dropped_twice_are_not_worth_a_line() -> None:
    assert "Attempted to drop" not in said()


def test_the_sdks_own_debugging_is_left_alone() -> None:
    assert "WARN  livekit_ffi::server]" not in said(RUST_LOG="warn", LIVEKIT_RTC_DEBUG="1")


SOUND = FfiEvent(audio_stream_event=AudioStreamEvent(stream_handle=7))
NEWS = FfiEvent(room_event=RoomEvent(room_handle=1))
ANSWER = FfiEvent(connect=ConnectCallback(async_id=3))


async def heard(exchange: Exchange, **queues: "asyncio.Queue[FfiEvent]") -> dict[str, list[str | None]]:
    """What each subscriber is handed of one event of each kind."""
    for event in (SOUND, NEWS, ANSWER):
        exchange.put(event)
    await asyncio.sleep(0)
    return {name: [queue.get_nowait().WhichOneof("message") for _ in range(queue.qsize())] for name, queue in queues.items()}


async def test_who_waits_for_an_answer_is_not_woken_by_sound_and_news() -> None:
    exchange = Exchange()
    asks, room = exchange.subscribe(), exchange.subscribe(filter_fn=lambda event: event.WhichOneof("message") != "connect")
    assert await heard(exchange, asks=asks, room=room) == {"asks": ["connect"], "room": ["audio_stream_event", "room_event"]}


async def test_a_narrowed_subscriber_is_handed_only_what_concerns_it() -> None:
    exchange = Exchange()
    one, other = (exchange.subscribe(filter_fn=lambda _: True) for _ in range(2))
    exchange.narrow(one, lambda event: event.audio_stream_event.stream_handle == 7)
    found = await heard(exchange, one=one, other=other)
    assert found == {"one": ["audio_stream_event"], "other": ["audio_stream_event", "room_event", "connect"]}
    exchange.unsubscribe(one)
    assert await heard(exchange, one=one) == {"one": []}


def test_atlas_publishes_its_voice_as_a_microphone_with_the_quick_encoder() -> None:
    output = room_options(SimpleNamespace(identity="caller")).get_audio_output_options()  # type: ignore[arg-type]
    assert output is not None
    options = output.track_publish_options
    assert (options.source, options.audio_encoding.max_bitrate) == (rtc.TrackSource.SOURCE_MICROPHONE, 64_000)
