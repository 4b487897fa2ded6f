"""Everything that web, realtime, the workers and beat import, for whoever forks them from one process (embedded.nursery).

Each process makes its own application: those look once for the static files, which a first start collects after this.
"""

from importlib import import_module

import celery.apps.beat
import celery.apps.worker
import celery.bin.celery
import celery.concurrency.thread
import celery.worker.consumer  # noqa: F401
import channels.auth
import channels.routing  # noqa: F401
import kombu.transport.redis  # noqa: F401
import uvicorn.main  # noqa: F401
from django.conf import settings
from django.db import connections
from django.utils.module_loading import import_string

from config.celery import app

app.loader.import_default_modules()  # sets Django up, too
for middleware in settings.MIDDLEWARE:
    import_string(middleware)
for package in ("calls", "compass", "desktop"):
    import_module(f"apps.{package}.consumers")
connections.close_all()  # a connection to Postgres cannot be shared by processes
