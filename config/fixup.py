"""What Celery does around tasks for Django."""

from typing import Any

from celery.fixups.django import DjangoFixup, DjangoWorkerFixup  # type: ignore[attr-defined]
from django.db import close_old_connections


class WorkerFixup(DjangoWorkerFixup):
    """Keeps each thread's connection to Postgres, as the web does (CONN_MAX_AGE); Celery's own opens one for every task."""

    def close_database(self, **kwargs: Any) -> None:
        """Closes what has broken or is too old."""
        close_old_connections()


class Fixup(DjangoFixup):
    _worker_fixup: WorkerFixup | None

    @property
    def worker_fixup(self) -> WorkerFixup:
        if self._worker_fixup is None:
            self._worker_fixup = WorkerFixup(self.app)
        return self._worker_fixup


def fixup(app: Any) -> DjangoFixup:
    """Named in config.celery instead of Celery's own."""
    made = Fixup(app)
    made.install()
    return made
