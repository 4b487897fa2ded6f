"""A Celery process of the Procfile, on the database and queue of the test that starts it."""

import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection

from config.celery import app
from embedded.paths import CHECKOUT
from embedded.process import Process
from embedded.services import python_module


@contextmanager
def queued() -> Iterator[None]:
    """Tasks wait for a process that takes them, where tests else run them at once."""
    app.conf.task_always_eager = False
    yield
    app.conf.task_always_eager = True


@contextmanager
def celery_running(part: str, log_path: Path, *, patience: float, **settings: str) -> Iterator[Process]:
    """The process that the Procfile calls `part`, from being ready (within `patience` seconds) to the end of the block."""
    procfile = dict(line.split(": ", 1) for line in (CHECKOUT / "Procfile").read_text().splitlines())
    program, *options = shlex.split(procfile[part])
    env = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings.dev",
        "DATABASE_URL": "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**connection.settings_dict),
        "PYTHONWARNINGS": "ignore",
        **settings,
    }
    command = [*python_module(program), *options, "--without-gossip", "--without-mingle"]
    with Process(part, command, log_path=log_path, env=env) as process:
        process.wait_ready(lambda: process.logged("ready."), patience)
        yield process
