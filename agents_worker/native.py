"""LiveKit's native library: started before the first call, and kept from telling Python what nobody reads."""

from __future__ import annotations

import os
from functools import cache

from livekit.rtc._ffi_client import FfiClient, ffi_event_callback
from livekit.rtc.version import __version__


@cache
def native_start() -> None:
    """Start the library's threads in this process; its warnings go to standard error, or what RUST_LOG asks for.

    The SDK has every record of the library's debug log sent to Python and drops it there, which is most of what an idle
    connection costs. LIVEKIT_RTC_DEBUG=1 leaves it so.
    """
    os.environ.setdefault("RUST_LOG", "warn,livekit_ffi::server=error")  # read when the library starts
    client = FfiClient.instance
    if os.environ.get("LIVEKIT_RTC_DEBUG", "").strip().lower() not in ("true", "1"):
        client._ffi_lib.livekit_ffi_initialize(ffi_event_callback, False, b"python", __version__.encode("ascii"))
