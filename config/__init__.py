"""Wiring only: settings, addresses, and the four processes' entry points."""

import gc

gc.set_threshold(50_000, 20, 20)  # Python's 700 looks through everything that is imported again and again: a sixth of a start

from config.celery import app as celery_app  # noqa: E402

__all__ = ["celery_app"]
