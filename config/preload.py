"""Everything that web, realtime, the workers and beat import, for whoever forks them from one process (embedded.nursery)."""

import sys

import celery.apps.beat
import celery.apps.worker
import celery.bin.celery
import celery.concurrency.thread
import celery.worker.consumer  # noqa: F401
import kombu.transport.redis  # noqa: F401
import uvicorn.main  # noqa: F401
from django.db import connections

import config.asgi
import config.wsgi  # noqa: F401
from config.celery import app

app.loader.import_default_modules()
connections.close_all()  # a connection to Postgres cannot be shared by processes
# Each process makes its own application: WhiteNoise looks once for the static files, and they are collected after this.
for name in ("config.asgi", "config.wsgi"):
    del sys.modules[name]
