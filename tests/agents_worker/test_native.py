"""LiveKit's native library logs to standard error, without a way through Python."""

import os
import subprocess
import sys

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
