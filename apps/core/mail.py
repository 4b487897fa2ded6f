"""What inbox and outbox share: claim one row, run it, and write down how it ended."""

from collections.abc import Callable
from contextlib import nullcontext
from datetime import datetime, timedelta
from functools import cache
from typing import Any, TypeVar

import structlog
from django.db import transaction
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


class LeaseLost(Exception):
    """It took longer than the lease, and somebody else has the row now."""


def claim(model: type[Row], pk: object | None = None) -> Row | None:
    """Takes one due row (or the one with `pk`) under a lease, or returns None when there is none to take."""
    return next(iter(claim_some(model, 1, pk)[0]), None)


def claim_some(model: type[Row], most: int, pk: object | None = None) -> tuple[list[Row], bool]:
    """Takes up to `most` due rows in one statement, each under a lease, in the order they came; and whether others were due.

    Of several, each is new: one that has been tried may have ended its process, and would again take the others along.
    """
    now = timezone.now()
    given: dict[str, Any] = {"now": now, "pk": pk, "processing": MailState.PROCESSING.value, "lease": now + LEASE, "most": most}
    with prepared(_claim_sql(model, one=pk is not None, new=most > 1), given) as cursor:
        found = cursor.fetchall()
    rows = [row_made(model, values[:-1]) for values in found]
    return sorted(rows, key=lambda row: (row.created_at, row.pk)), bool(found and found[0][-1] > len(found))


@cache
def _claim_sql(model: type[Mail], *, one: bool, new: bool) -> str:
    """One statement, because every event of every provider goes through it; the states are spelled as in the partial index."""
    table = model._meta.db_table
    states = ", ".join(f"'{state.value}'" for state in OPEN_STATES)
    due = f"FROM {table} WHERE state IN ({states}) AND available_at <= %(now)s"
    more = "0" if one else f"(SELECT count(*) FROM (SELECT 1 {due} LIMIT %(most)s + 1) AS others)"  # noqa: S608
    return (
        f"WITH due AS MATERIALIZED (SELECT id {due}"  # noqa: S608
        f"{' AND id = %(pk)s' if one else ''}{' AND attempts = 0' if new else ''}"
        " ORDER BY available_at LIMIT %(most)s FOR UPDATE SKIP LOCKED)"
        f" UPDATE {table} AS mail SET state = %(processing)s, attempts = attempts + 1, available_at = %(lease)s"
        f" FROM due WHERE mail.id = due.id RETURNING {row_columns(model, 'mail')}, {more} AS waiting"
    )


def work(row: Mail, run: Callable[[], None], *, whole: bool = False) -> str:
    """Runs a claimed row and records the outcome; returns the state it ended in.

    `whole`: what it does is in the database alone, so it and the row's end are one transaction: both are there, or neither.
    """
    try:
        with transaction.atomic() if whole else nullcontext():
            run()
            state = _finish(row, MailState.DONE, "", whole=whole)
    except Ignored as error:
        return _finish(row, MailState.IGNORED, str(error))
    except PermanentError as error:
        return _finish(row, MailState.DEAD, str(error))
    except TransientError as error:
        return _again(row, str(error), error.after)
    except LeaseLost:
        log.warning("mail_lease_lost", kind=row.kind, id=str(row.id))
        return MailState.PROCESSING
    except Exception as error:  # the task base: whatever broke, the row must not be lost
        log.exception("mail_failed", kind=row.kind, id=str(row.id))
        return _again(row, f"{type(error).__name__}: {error}", None)
    return state


def _finish(row: Mail, state: MailState, note: str, *, whole: bool = False) -> str:
    """Raises LeaseLost where this has to stand or fall with what was done, and the row is somebody else's by now."""
    if not _write(row, state=state, note=note, finished_at=timezone.now()) and whole:
        raise LeaseLost
    return state


def _again(row: Mail, note: str, after: float | None) -> str:
    if row.attempts >= MAX_ATTEMPTS:
        return _finish(row, MailState.DEAD, f"Given up after {row.attempts} attempts. {note}")
    wait = max(after or 0, BACKOFF[min(row.attempts, len(BACKOFF)) - 1])
    _write(row, state=MailState.PENDING, note=note, available_at=_in(wait))
    return MailState.PENDING


def _in(seconds: float) -> datetime:
    return timezone.now() + timedelta(seconds=seconds)


def _write(row: Mail, **values: object) -> bool:
    """Only the claim that is still current may write: a row whose lease ran out belongs to its next claimant."""
    values |= {"external_id": getattr(row, "external_id", ""), "schema_name": row.schema_name}
    sets = ", ".join(f"{name} = %s" for name in values)
    given: list[Any] = [*map(_plain, values.values()), row.pk, row.attempts, MailState.PROCESSING.value]
    sql = f"UPDATE {row._meta.db_table} SET {sets} WHERE id = %s AND attempts = %s AND state = %s"  # noqa: S608
    with prepared(sql, given) as cursor:
        return cursor.rowcount == 1


def _plain(value: object) -> object:
    return value.value if isinstance(value, MailState) else value
