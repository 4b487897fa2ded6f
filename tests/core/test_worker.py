"""What keeps a Celery worker alive."""

import pytest
from celery.utils.imports import symbol_by_name
from celery.worker import consumer

from config.celery import app


def test_a_connection_that_cannot_be_closed_does_not_end_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = symbol_by_name(app.conf.worker_consumer)
    heard = []

    def closing(self: object, exc: Exception) -> None:
        heard.append(exc)
        raise AttributeError("'NoneType' object has no attribute 'hostname'")

    monkeypatch.setattr(consumer.Consumer, "on_connection_error_after_connected", closing)
    lost = ConnectionError("Redis is away.")
    object.__new__(ours).on_connection_error_after_connected(lost)
    assert heard == [lost]
