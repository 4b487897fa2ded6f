"""The part of a Celery worker that holds the connection to Redis."""

import structlog
from celery.worker import consumer

log = structlog.get_logger(__name__)


class Consumer(consumer.Consumer):
    """Celery's own, but a lost Redis does not end it.

    kombu 5.7 gives tasks back that are not acknowledged yet while it closes the broken connection, cannot reach Redis for it, and
    on its second try has no connection to ask. That AttributeError ended the worker. Such tasks are found by the sweepers.
    """

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        try:
            super().on_connection_error_after_connected(exc)
        except AttributeError as error:
            log.warning("broken_connection_not_closed", error=str(error))
