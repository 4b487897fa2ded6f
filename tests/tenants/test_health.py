"""Operators' addresses answer on any host, before a tenant is looked up."""

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

pytestmark = pytest.mark.django_db


def test_alive_and_ready_on_an_ip_host(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    client = Client(headers={"host": "10.1.2.3"})
    with django_assert_num_queries(0):
        assert client.get("/healthz").content == b"ok"
    assert client.get("/readyz").json() == {"database": "ok", "redis": "ok"}


def test_not_ready_names_the_part(settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"database": "ok", "redis": "unreachable"}


def test_metrics_only_for_allowed_networks() -> None:
    assert Client().get("/metrics").status_code == 200
    assert Client(REMOTE_ADDR="203.0.113.9").get("/metrics").status_code == 403
