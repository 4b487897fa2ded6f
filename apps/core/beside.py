"""Work in a thread beside a request that tells of it."""

import threading
from collections.abc import Callable

import structlog
from django.db import connections
from django.utils.translation import get_language, override
from django_tenants.utils import schema_context

from apps.core.schema import schema_current

log = structlog.get_logger(__name__)


def beside_run(name: str, work: Callable[[], object]) -> None:
    """Starts `work` in the current schema and language, on a connection of its own. What breaks is logged."""
    schema, language = schema_current(), get_language()

    def run() -> None:
        try:
            with schema_context(schema), override(language):
                work()
        except Exception:  # nobody else hears of it
            log.exception("beside_broke", work=name)
        finally:
            connections.close_all()

    threading.Thread(target=run, name=name, daemon=True).start()
