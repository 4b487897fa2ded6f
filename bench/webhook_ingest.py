"""POST /livekit/webhook on one core: durable answers a second, beside a bare Django view in the same run.

`python -m bench.webhook_ingest [events] [rounds]`: the sides take turns, and the round with the median ratio is shown.
Server pinned to core 0, client to core 1; Postgres and Valkey are real and durable.
"""

import base64
import hashlib
import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import jwt
import psycopg

from bench.loadgen import Result, load, request
from bench.product import data_folder
from bench.table import show
from embedded.ports import ports_free
from embedded.postgres import Postgres
from embedded.valkey import Valkey

ROOT = Path(__file__).resolve().parent.parent
KEY, SECRET = "bench", "bench-secret-of-at-least-32-characters"
BODY = json.loads((ROOT / "tests/fixtures/livekit/03_track_published_sip.json").read_text())
CONNECTIONS = 16


def signed(number: int, side: str) -> bytes:
    """One webhook as livekit-server sends it, with an id of its own."""
    body = json.dumps({**BODY, "id": f"EV_{side}_{number}"}).encode()
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    token = jwt.encode({"iss": KEY, "exp": int(time.time()) + 3600, "sha256": digest}, SECRET, algorithm="HS256")
    headers = {"Authorization": token, "Content-Type": "application/webhook+json"}
    return request("POST", "/livekit/webhook", "localhost", headers, body)


def serve(target: str, port: int, env: dict[str, str]) -> subprocess.Popen[bytes]:
    """granian on core 0, as the stack starts it."""
    command = ["taskset", "-c", "0", sys.executable, "-m", "granian", "--interface", "wsgi", target]
    command += ["--port", str(port), "--workers", "1", "--blocking-threads", "4", "--no-access-log", "--log-level", "warning"]
    process = subprocess.Popen(command, env={**os.environ, **env}, cwd=ROOT)
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1)
        except urllib.error.HTTPError:
            break
        except OSError:
            time.sleep(0.05)
            continue
        break
    return process


def measure(target: str, side: str, events: int, env: dict[str, str]) -> Result:
    """Starts one side, warms it up, loads it, stops it."""
    (port,) = ports_free(1)
    server = serve(target, port, env)
    try:
        _send(port, f"{side}-warm", 50)
        return _send(port, side, events // CONNECTIONS)
    finally:
        server.terminate()
        server.wait(10)


def _send(port: int, side: str, share: int) -> Result:
    return load("127.0.0.1", port, lambda n: [signed(n * share + k, side) for k in range(share)], connections=CONNECTIONS, core=1)


def main() -> None:
    events, rounds = (int(value) for value in (sys.argv[1:] + ["6000", "3"][len(sys.argv) - 1 :]))
    postgres_port, valkey_port = ports_free(2)
    with data_folder() as folder, Postgres(folder, postgres_port) as postgres, Valkey(folder, valkey_port) as valkey:
        env = {
            "MERIDIAN_ENV_FILES": "off",
            "DJANGO_SETTINGS_MODULE": "config.settings.dev",
            "DATABASE_URL": postgres.url,
            "REDIS_URL": valkey.url,
            "SECRET_KEY": "bench" * 10,
            "FIELD_KEYS": base64.urlsafe_b64encode(b"b" * 32).decode(),
            "LIVEKIT_URL": "ws://127.0.0.1:1",
            "PYTHONWARNINGS": "ignore",
            "LIVEKIT_API_KEY": KEY,
            "LIVEKIT_API_SECRET": SECRET,
            "BARE_DATABASE": json.dumps(_bare_database(postgres)),
        }
        migrate = [sys.executable, "manage.py", "migrate_schemas", "--shared", "-v0"]
        subprocess.run(migrate, env={**os.environ, **env}, cwd=ROOT, check=True)
        meridian, bare = _median_round([_round(number, events, env) for number in range(rounds)])
        with psycopg.connect(postgres.url) as connection:
            count = "SELECT count(*) FROM core_inboundevent WHERE external_id LIKE 'EV_Meridian_%'"
            stored = connection.execute(count).fetchone()
    assert stored is not None
    rows = [_row("Meridian", meridian), _row("bare view", bare)]
    rows.append(["ratio", f"{meridian.rate / bare.rate:.2f}", "", "", f"{stored[0]} rows stored in {rounds} rounds"])
    show("Webhook ingest, one core, durable", ["side", "events/s", "p50 ms", "p99 ms", "answers"], rows)


def _round(number: int, events: int, env: dict[str, str]) -> tuple[Result, Result]:
    """Both sides once; every second round begins with the other one."""
    sides = [("Meridian", "config.wsgi:application"), ("bare", "bench.bare:application")]
    order = sides if number % 2 == 0 else sides[::-1]
    found = {side: measure(target, f"{side}_{number}", events, env) for side, target in order}
    return found["Meridian"], found["bare"]


def _median_round(found: list[tuple[Result, Result]]) -> tuple[Result, Result]:
    return sorted(found, key=lambda pair: pair[0].rate / pair[1].rate)[len(found) // 2]


def _row(side: str, result: Result) -> list[object]:
    return [side, result.rate, result.percentile(50), result.percentile(99), dict(result.statuses)]


def _bare_database(postgres: Postgres) -> dict[str, object]:
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE bare_event (id bigserial PRIMARY KEY, external_id text UNIQUE, payload jsonb NOT NULL)")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": "127.0.0.1",
        "PORT": postgres.port,
        "USER": "meridian",
        "PASSWORD": postgres.password,
        "NAME": postgres.database,
        "CONN_MAX_AGE": 600,
    }


if __name__ == "__main__":
    main()
