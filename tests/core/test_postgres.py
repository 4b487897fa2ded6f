"""The database engine: one search path per switch that is needed, and no ping inside or right after a transaction."""

import time
from typing import Any, cast

import pytest
from django.db import close_old_connections, connection, transaction
from django.test.utils import CaptureQueriesContext
from django_tenants.utils import schema_context

from apps.core.postgres import base
from apps.core.prepared import prepared

pytestmark = pytest.mark.django_db(transaction=True)
engine = cast(Any, connection)


def _path() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW search_path")
        return str(cursor.fetchone()[0])


def test_a_switch_that_no_statement_needs_costs_none() -> None:
    with schema_context("acme"):
        assert "acme" in _path()
        with CaptureQueriesContext(connection) as seen:
            with schema_context("public"):
                pass
            assert "acme" in _path()
    assert [query["sql"] for query in seen.captured_queries] == ["SHOW search_path"]
    assert "acme" not in _path()


def test_a_switch_inside_a_transaction_that_is_undone_is_said_again() -> None:
    assert "acme" not in _path()
    with schema_context("acme"):
        with pytest.raises(RuntimeError), transaction.atomic():
            assert "acme" in _path()
            raise RuntimeError
        assert "acme" in _path()
        with transaction.atomic():
            with pytest.raises(RuntimeError), transaction.atomic(), schema_context("globex"):
                assert "globex" in _path()
                raise RuntimeError
            assert _path().startswith("acme")


def test_a_check_that_falls_due_during_a_transaction_waits() -> None:
    _path()
    close_old_connections()  # as a task begins
    engine._well_until = time.monotonic() + 60
    with transaction.atomic():
        _path()
        engine._well_until = 0.0
    assert connection.get_autocommit()
    assert _path()


def test_a_connection_that_has_not_answered_for_a_while_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    _path()
    close_old_connections()
    checks: list[int] = []
    monkeypatch.setattr(base.TenantsWrapper, "is_usable", lambda self: not checks.append(1))
    engine._well_until = 0.0
    _path()
    _path()
    assert checks == [1]


def test_a_new_connection_plans_a_prepared_statement_once() -> None:
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute("SHOW plan_cache_mode")
        assert cursor.fetchone() == ("force_generic_plan",)
    for number in range(7):
        with prepared("SELECT count(*) FROM core_inboundevent WHERE attempts > %s", [number]) as asked:
            asked.fetchall()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(generic_plans), sum(custom_plans) FROM pg_prepared_statements WHERE statement LIKE '%inboundevent%'"
        )
        assert cursor.fetchone() == (7, 0)
