"""Starts Postgres and Valkey for the suite on free ports, before Django's settings are read.

Loaded by `-p tests.plugin`. With xdist the controller starts Postgres once, in which each worker makes a database, and each
worker a Valkey of its own: what is published there is heard in all its databases, and some tests cut every connection.
"""

import atexit
import os
import shutil
from pathlib import Path

from cryptography.fernet import Fernet

from embedded.paths import scratch_dir
from embedded.ports import ports_free
from embedded.postgres import Postgres
from embedded.valkey import Valkey

WORKER = os.environ.get("PYTEST_XDIST_WORKER", "main")
LIVEKIT_KEY = "test-key"
LIVEKIT_SECRET = "test-secret-of-at-least-32-characters"
STRIPE = ("STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET", "STRIPE_API_BASE", "STRIPE_AUTOMATIC_TAX")


def _start() -> None:
    folder = scratch_dir("meridian-tests-")
    postgres = Postgres(folder, ports_free(1)[0], fast=True)
    atexit.register(shutil.rmtree, folder, True)
    os.environ["DATABASE_URL"] = postgres.start()
    os.environ["MERIDIAN_TEST_FOLDER"] = str(folder)
    atexit.register(postgres.stop)


def _start_valkey() -> str:
    valkey = Valkey(Path(os.environ["MERIDIAN_TEST_FOLDER"]) / WORKER, ports_free(1)[0])
    atexit.register(valkey.stop)
    return valkey.start()


def _environment() -> None:
    os.environ.update(
        DJANGO_SETTINGS_MODULE="config.settings.test",
        MERIDIAN_ENV_FILES="off",
        REDIS_URL=_start_valkey(),
        SECRET_KEY="only-for-tests-" + "x" * 40,
        FIELD_KEYS=os.environ.get("FIELD_KEYS") or Fernet.generate_key().decode(),
        PUBLIC_URL="http://localhost:8000",
        LIVEKIT_URL="ws://127.0.0.1:1",
        LIVEKIT_API_KEY=LIVEKIT_KEY,
        LIVEKIT_API_SECRET=LIVEKIT_SECRET,
        OPENAI_API_KEY="test-openai-key",
        OPENAI_BASE_URL="http://127.0.0.1:1/v1",
    )
    for name in ("LIVEKIT_PUBLIC_URL", "DEEPGRAM_API_KEY", "ELEVENLABS_API_KEY", "API_URL", "REALTIME_URL", *STRIPE):
        os.environ.pop(name, None)


if WORKER == "main":
    _start()
_environment()
