"""Shows a container's health check that a Celery process works: it touches the file that MERIDIAN_ALIVE_FILE names.

`celery inspect ping` starts a whole Django each time; a file's age costs nothing.
"""

from pathlib import Path
from typing import Any

from celery import Celery, bootsteps
from celery.signals import after_task_publish, beat_init

from config import env

EVERY_SECONDS = 5.0


def alive_watch(app: Celery) -> None:
    """Have the worker touch the file as long as it hears its queue, and beat whenever it has sent a task."""
    if env.optional("MERIDIAN_ALIVE_FILE"):
        app.steps["consumer"].add(Alive)
        beat_init.connect(_beat_watch)


class Alive(bootsteps.StartStopStep):
    """Part of the worker's connection: Celery stops it when Redis is lost and starts it when Redis is back."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self.timer: Any = None

    def start(self, parent: Any) -> None:
        """Begin to touch, at once and every five seconds."""
        _touch()
        self.timer = parent.timer.call_repeatedly(EVERY_SECONDS, _touch)

    def stop(self, parent: Any) -> None:
        """Touch no more."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    shutdown = stop


def _beat_watch(**_: object) -> None:
    after_task_publish.connect(_sent)


def _sent(**_: object) -> None:
    _touch()


def _touch() -> None:
    Path(env.required("MERIDIAN_ALIVE_FILE")).touch()
