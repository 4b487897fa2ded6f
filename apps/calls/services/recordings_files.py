"""A recording's files and the rows that name them: sound that no row names is heard by nobody, and deleted by no date."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta

from django.core.files.storage import default_storage
from django.db import DatabaseError, transaction
from django.utils import timezone

from apps.calls.models import CallRecording, RecordingPart

FOLDER = "recordings"
UNNAMED = timedelta(days=30)  # so long a database that was put back from an older backup can be exchanged for a newer one
AT_ONCE = 1000


@contextmanager
def transaction_with_files() -> Iterator[list[str]]:
    """A transaction; the files of the default storage whose names are put into the list go where it comes to nothing."""
    written: list[str] = []
    try:
        with transaction.atomic():
            yield written
    except BaseException:
        with suppress(DatabaseError, OSError):  # then the purge has them
            _unnamed_delete(written)
        raise


def recording_files_purge(now: datetime | None = None) -> int:
    """Deletes what the current tenant's storage has kept UNNAMED without a row, after a process that died; returns how many."""
    before = (now or timezone.now()) - UNNAMED
    return sum(_unnamed_delete(names, before) for names in _files())


def _files() -> Iterator[list[str]]:
    """Names of files, some at a time: FOLDER/year/month/file, as recording_place puts them."""
    for year in _within(FOLDER):
        for month in _within(year):
            files = sorted(default_storage.listdir(month)[1])
            for start in range(0, len(files), AT_ONCE):
                yield [f"{month}/{name}" for name in files[start : start + AT_ONCE]]


def _within(folder: str) -> list[str]:
    return [f"{folder}/{name}" for name in default_storage.listdir(folder)[0]] if default_storage.exists(folder) else []


def _unnamed_delete(names: list[str], before: datetime | None = None) -> int:
    """Deletes those that no row names, where `before` is given only older ones; a transaction may have ended well unheard."""
    named = {*_named_by(CallRecording, names), *_named_by(RecordingPart, names)} if names else set()
    gone = [name for name in names if name not in named and (before is None or default_storage.get_modified_time(name) < before)]
    for name in gone:
        default_storage.delete(name)
    return len(gone)


def _named_by(model: type[CallRecording] | type[RecordingPart], names: list[str]) -> list[str]:
    return list(model._default_manager.filter(file__in=names).values_list("file", flat=True))
