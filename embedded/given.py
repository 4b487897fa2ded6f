"""Asks the parts that a person brings, before anything waits for them: are they there, and have they what Meridian needs."""

import json
import re
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import urlsplit

import psycopg
import redis
from livekit.api import AccessToken, VideoGrants

from embedded.errors import StackError

TIMEOUT_SECONDS = 10
POSTGRES_LEAST = 140000  # as libpq counts versions; what Django 5.2 asks for
PGVECTOR_LEAST = (0, 8)  # docs/knowledge.md
DATABASE_SAYS = """
SELECT (SELECT extversion FROM pg_extension WHERE extname = 'vector'),
       (SELECT default_version FROM pg_available_extensions WHERE name = 'vector'),
       (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
       OR EXISTS (SELECT FROM pg_available_extension_versions WHERE name = 'vector' AND (trusted OR NOT superuser)),
       has_database_privilege(current_database(), 'CREATE'), current_database(), current_user
"""
OPENAI_URL = "https://api.openai.com/v1"


def given_check(given: Mapping[str, str]) -> None:
    """Ask the Postgres, the Redis and the LiveKit that are given. Raises StackError for the first that cannot be used."""
    if url := given.get("DATABASE_URL"):
        database_check(url)
    if url := given.get("REDIS_URL"):
        redis_check(url)
    if url := given.get("LIVEKIT_URL"):
        livekit_check(url, given["LIVEKIT_API_KEY"], given["LIVEKIT_API_SECRET"])


def database_check(url: str) -> None:
    """Raise StackError unless this Postgres answers, is new enough, has pgvector and lets this user make schemas."""
    _address(url, "DATABASE_URL", ("postgres", "postgresql"), "postgres://user:password@host:5432/meridian")
    if not urlsplit(url).path.strip("/"):
        raise StackError(
            "DATABASE_URL names no database; write it after the host, as in postgres://user:password@host:5432/meridian."
        )
    try:
        with psycopg.connect(url, connect_timeout=TIMEOUT_SECONDS) as connection:
            _database_fit(connection)
    except psycopg.Error as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]  # the others ask whether it is running
        raise StackError(
            f"The Postgres of DATABASE_URL ({_where(url)}) cannot be used: {reason.rstrip('.')}. Put that right, or leave "
            "DATABASE_URL out and one is started."
        ) from error


def _database_fit(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    if connection.info.server_version < POSTGRES_LEAST:
        raise StackError("The Postgres of DATABASE_URL is older than 14, the oldest that Meridian works with; upgrade it.")
    installed, available, may_install, schemas, name, user = connection.execute(DATABASE_SAYS).fetchone() or (None,) * 6
    if not (installed or available):
        raise StackError(
            "The Postgres of DATABASE_URL has no pgvector, in which agents look up what they know. Install it there "
            "(Debian and Ubuntu: postgresql-<version>-pgvector; Docker: the image pgvector/pgvector), or leave DATABASE_URL out "
            "and one is started."
        )
    if _numbers(installed or available) < PGVECTOR_LEAST:
        raise StackError(
            f"The pgvector of DATABASE_URL is {installed or available} and 0.8 is the oldest that Meridian works with; install a "
            "newer one there, then run ALTER EXTENSION vector UPDATE."
        )
    if not (installed or may_install):
        raise StackError(
            f"The user {user} of DATABASE_URL may not install pgvector; have an administrator run this in the "
            f"database {name} once: CREATE EXTENSION vector WITH SCHEMA public."
        )
    if not schemas:
        raise StackError(
            f"The user {user} of DATABASE_URL may not make schemas, and every company gets one; let it: "
            f'GRANT CREATE ON DATABASE "{name}" TO "{user}".'
        )


def _numbers(version: object) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", str(version)))


def redis_check(url: str) -> None:
    """Raise StackError unless a Redis or Valkey answers there."""
    _address(url, "REDIS_URL", ("redis", "rediss"), "redis://:password@host:6379/0")
    client = redis.Redis.from_url(url, socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS)
    try:
        client.ping()
    except redis.RedisError as error:
        raise StackError(
            f"The Redis of REDIS_URL ({_where(url)}) cannot be used: {str(error).rstrip('.')}. Put that right, or leave "
            "REDIS_URL out and one is started."
        ) from error
    finally:
        client.close()


def livekit_check(url: str, key: str, secret: str) -> None:
    """Raise StackError unless a LiveKit answers there and knows the key. Its RoomService is asked, as calls ask it."""
    _address(url, "LIVEKIT_URL", ("ws", "wss", "http", "https"), "wss://livekit.example.com")
    grants = VideoGrants(room_list=True)
    token = AccessToken(key, secret).with_grants(grants).with_ttl(timedelta(minutes=1)).to_jwt()
    address = url.replace("ws", "http", 1) if url.startswith("ws") else url
    status = _status(f"{address.rstrip('/')}/twirp/livekit.RoomService/ListRooms", token, {})
    if status in (401, 403):
        raise StackError(
            f"The LiveKit of LIVEKIT_URL ({_where(url)}) does not know LIVEKIT_API_KEY with this LIVEKIT_API_SECRET; take the "
            "pair from its configuration."
        )
    if status != 200:
        said = f"answered {status}" if isinstance(status, int) else status
        raise StackError(
            f"The LiveKit of LIVEKIT_URL ({_where(url)}) cannot be used: {said}. Put that right, or leave LIVEKIT_URL out and "
            "one is started."
        )


def openai_hint(given: Mapping[str, str]) -> str | None:
    """Return the sentence about an OPENAI_API_KEY that is refused. No reason to stop: companies may bring keys of their own."""
    key = given.get("OPENAI_API_KEY")
    if not key:
        return None
    base = given.get("OPENAI_BASE_URL") or OPENAI_URL
    if _status(f"{base.rstrip('/')}/models", key) != 401:
        return None
    return (
        f"OPENAI_API_KEY is refused by {_where(base)}: agents can neither think nor speak with it. Put the right one into .env."
    )


def _status(address: str, token: str, body: Mapping[str, object] | None = None) -> int | str:
    """The HTTP status, or why there is none."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(address, data, headers), timeout=TIMEOUT_SECONDS) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except (OSError, ValueError) as error:
        return str(getattr(error, "reason", None) or error)


def _address(url: str, name: str, schemes: tuple[str, ...], example: str) -> None:
    try:
        parts = urlsplit(url)
        known = parts.scheme in schemes and "://" in url and parts.port != 0
    except ValueError:  # a port that is none
        known = False
    if not known:
        raise StackError(f"{name} is no address of the kind {example}; correct it, or leave it out and the part is started.")


def _where(url: str) -> str:
    """Host and port of an address: the rest may hold a password."""
    return urlsplit(url).netloc.rpartition("@")[2] or "this machine"
