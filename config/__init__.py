"""Wiring only: settings, addresses, and the four processes' entry points."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
