"""stripe-mock on a free port: it checks each request against Stripe's API schema, and keeps nothing."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from embedded.paths import scratch_dir
from embedded.ports import ports_free
from embedded.process import Process
from embedded.toolchain import stripe_mock_binary


@contextmanager
def stripe_mock() -> Iterator[str]:
    """Its address. Built once into the cache, as livekit-server is."""
    port, unused = ports_free(2)  # it serves HTTPS as well, on a fixed port unless told
    command = [str(stripe_mock_binary()), "-http-addr", f"127.0.0.1:{port}", "-https-addr", f"127.0.0.1:{unused}"]
    process = Process("stripe-mock", command, log_path=scratch_dir("meridian-stripe-mock-") / "logs" / "stripe-mock.log", grace=2)
    with process:
        process.wait_ready(lambda: _answers(port), 20)
        yield f"http://127.0.0.1:{port}"


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0
