"""One at a time, over all processes: held by a database connection, so a worker that dies lets go of it."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


@contextmanager
def alone(key: int) -> Iterator[bool]:
    """Whether nobody else is at it; nobody waits. `key`: of a Postgres advisory lock of the session."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [key])
        taken = bool(cursor.fetchone()[0])
    try:
        yield taken
    finally:
        if taken:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [key])


def key_of(text: str) -> int:
    """A lock's key for a text, such as a room's name."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big", signed=True)
