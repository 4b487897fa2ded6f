"""What inbox and outbox share: claim one row, run it, and write down how it ended."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from typing import Any, TypeVar

import structlog
from django.utils import timezone

from apps.core.errors import Ignored, PermanentError, TransientError
from apps.core.models import OPEN_STATES, Mail, MailState
from apps.core.prepared import prepared
from apps.core.rows import row_columns, row_made

log = structlog.get_logger(__name__)
Row = TypeVar("Row", bound=Mail)

MAX_ATTEMPTS = 10
LEASE = timedelta(seconds=60)
BACKOFF = (1, 2, 4, 8, 15, 30, 60, 120, 300)


def claim(model: type[Row], pk: object | None = None) -> Row | None:
    """Takes one due row (or the one with `pk`) under a lease, or returns None when there is none to take.

    Without `pk` the row's `waiting` says how many others were due beside it: 0, or some.
    """
    now = timezone.now()
    given: dict[str, Any] = {"now": now, "pk": pk, "processing": MailState.PROCESSING.value, "lease": now + LEASE}
    with prepared(_claim_sql(model, one=pk is not None), given) as cursor:
        values = cursor.fetchone()
    if values is None:
        return None
    row = row_made(model, values[:-1])
    row.waiting = values[-1]  # type: ignore[attr-defined]
    return row


@cache
def _claim_sql(model: type[Mail], *, one: bool) -> str:
    """One statement, because every event of every provider goes through it; the states are spelled as in the partial index."""
    table = model._meta.db_table
    states = ", ".join(f"'{state.value}'" for state in OPEN_STATES)
    due = f"FROM {table} WHERE state IN ({states}) AND available_at <= %(now)s"
    more = "0" if one else f"(SELECT count(*) FROM (SELECT 1 {due} LIMIT 2) AS others) - 1"  # noqa: S608
    return (
        f"WITH due AS MATERIALIZED (SELECT id {due}"  # noqa: S608
        f"{' AND id = %(pk)s' if one else ''} ORDER BY available_at LIMIT 1 FOR UPDATE SKIP LOCKED)"
        f" UPDATE {table} AS mail SET state = %(processing)s, attempts = attempts + 1, available_at = %(lease)s"
        f" FROM due WHERE mail.id = due.id RETURNING {row_columns(model, 'mail')}, {more} AS waiting"
    )


def work(row: Mail, run: Callable[[], None]) -> str:
    """Runs a claimed row and records the outcome; returns the state it ended in."""
    try:
        run()
    except Ignored as error:
        return _finish(row, MailState.IGNORED, str(error))
    except PermanentError as error:
        return _finish(row, MailState.DEAD, str(error))
    except TransientError as error:
        return _again(row, str(error), error.after)
    except Exception as error:  # the task base: whatever broke, the row must not be lost
        log.exception("mail_failed", kind=row.kind, id=str(row.id))
        return _again(row, f"{type(error).__name__}: {error}", None)
    return _finish(row, MailState.DONE, "")


def _finish(row: Mail, state: MailState, note: str) -> str:
    _write(row, state=state, note=note, finished_at=timezone.now())
    return state


def _again(row: Mail, note: str, after: float | None) -> str:
    if row.attempts >= MAX_ATTEMPTS:
        return _finish(row, MailState.DEAD, f"Given up after {row.attempts} attempts. {note}")
    wait = max(after or 0, BACKOFF[min(row.attempts, len(BACKOFF)) - 1])
    _write(row, state=MailState.PENDING, note=note, available_at=_in(wait))
    return MailState.PENDING


def _in(seconds: float) -> datetime:
    return timezone.now() + timedelta(seconds=seconds)


def _write(row: Mail, **values: object) -> None:
    """Only the claim that is still current may write: a row whose lease ran out belongs to its next claimant."""
    values |= {"external_id": getattr(row, "external_id", ""), "schema_name": row.schema_name}
    sets = ", ".join(f"{name} = %s" for name in values)
    given: list[Any] = [*map(_plain, values.values()), row.pk, row.attempts, MailState.PROCESSING.value]
    sql = f"UPDATE {row._meta.db_table} SET {sets} WHERE id = %s AND attempts = %s AND state = %s"  # noqa: S608
    with prepared(sql, given):
        pass


def _plain(value: object) -> object:
    return value.value if isinstance(value, MailState) else value
