"""A worker that is told to stop gives its turns a few seconds, then hands them to people."""

import threading

from celery.signals import worker_shutting_down

from apps.herald.client import cancel_all

GRACE_SECONDS = 4.0  # shorter than any supervisor waits before it kills
_stopping = threading.Event()


def is_stopping() -> bool:
    """Whether this process will be gone in a moment."""
    return _stopping.is_set()


@worker_shutting_down.connect
def _stop(**_: object) -> None:
    _stopping.set()
    cancel_all(GRACE_SECONDS)
