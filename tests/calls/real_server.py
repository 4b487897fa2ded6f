"""A real livekit-server whose webhooks reach the tests' web server."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from django.db import connection

from apps.calls import livekit as livekit_module
from apps.calls.livekit import LiveKitServer
from embedded.livekit import Livekit
from embedded.ports import ports_free

DEADLINE = 60.0
BUSY = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND state <> 'idle'
"""


def wait_for(condition: Callable[[], Any], what: str) -> Any:
    """What the condition gives once it gives something."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"{what} did not happen within {DEADLINE:.0f} s")


def webhooks_over() -> bool:
    """Whether nobody but this test is at work in the database, three times in a row."""
    with connection.cursor() as cursor:
        for _ in range(3):
            cursor.execute(BUSY)
            if cursor.fetchone()[0]:
                return False
            time.sleep(0.05)
    return True


@pytest.fixture
def server(live_server: Any, settings: Any, tmp_path: Path) -> Iterator[LiveKitServer]:
    port, tcp_port, udp_port = ports_free(3)
    base, _, number = settings.REDIS_URL.rpartition("/")
    redis_url = f"{base}/{int(number) + 8}"
    with redis.Redis.from_url(redis_url) as client:
        client.flushdb()
    node = Livekit(
        tmp_path,
        port,
        tcp_port=tcp_port,
        udp_port=udp_port,
        redis_url=redis_url,
        api_key=settings.LIVEKIT_API_KEY,
        api_secret=settings.LIVEKIT_API_SECRET,
        webhook_urls=[live_server.url + "/livekit/webhook"],
    )
    with node:
        settings.LIVEKIT_URL = settings.LIVEKIT_PUBLIC_URL = node.url
        settings.PUBLIC_URL = settings.API_URL = live_server.url
        livekit_module.client.cache_clear()
        yield LiveKitServer(node.url, node.api_key, node.api_secret)
        livekit_module.client.cache_clear()
    wait_for(webhooks_over, "the end of the last webhook")  # emptying the tables beside it would be a deadlock
