"""A call's recording: its parts as Media Bot sends them, put together once the call is over, and deleted when its days are."""

import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from uuid import UUID

import structlog
from auditlog.models import LogEntry
from django.core.cache import cache
from django.core.files import File
from django.core.files.base import ContentFile
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone
from redis.exceptions import RedisError

from apps.calls.models import Call, CallRecording, RecordingPart
from apps.calls.ogg import NotOgg, Run, pages_read, runs_join
from apps.calls.services.calls import call_change
from apps.calls.services.recordings_files import transaction_with_files
from apps.compass.selectors import AgentUnavailable, agent_published
from apps.compass.services.webhooks import webhook_event
from apps.core.errors import Problem
from apps.core.moments import utc_text

log = structlog.get_logger(__name__)
State = CallRecording.State

PART_BYTES = 2 * 1024 * 1024
WHOLE_BYTES = 192 * 1024 * 1024  # twelve hours at Media Bot's bit rate
MOST_RUNS = 100
LATE = timedelta(seconds=60)  # after its call a recording waits for parts: Media Bot gives up sooner
AT_ONCE = 50
PLAYED_ONCE = 15 * 60  # seconds


def recording_part_store(*, call: Call, run: int, number: int, started_at: datetime, last: bool, data: bytes) -> bool:
    """Keeps a part; False when it was here already. Any order.

    Raises Problem: 409 where the call is not to be recorded or its recording is closed, 413 past a limit, 422 for other bytes.
    """
    if len(data) > PART_BYTES:
        raise Problem(413, "too_large", f"A part may have at most {PART_BYTES} bytes; send shorter ones.")
    try:
        list(pages_read(data))
    except NotOgg as error:
        raise Problem(422, "not_ogg", f"{error} Send whole pages.") from error
    recording = _recording(call)
    part = RecordingPart(recording=recording, run=run, number=number, started_at=started_at, last=last, size=len(data))
    try:
        with transaction_with_files() as files:
            stored = _part_store(part, data, files)
    except IntegrityError:
        stored = False
    return stored


def _recording(call: Call) -> CallRecording:
    found = CallRecording.objects.filter(call=call).first()
    if found is not None:
        return found
    days = _days_to_keep(call)
    made, created = CallRecording.objects.get_or_create(call=call, defaults={"keep_days": days})
    if created:
        call_change(call.pk)
    return made


def _days_to_keep(call: Call) -> int:
    """Of the agent as it is published now: what was switched off meanwhile is not recorded."""
    if call.trial:
        raise Problem(409, "not_recorded", "A call that tries a draft is not recorded.")
    try:
        bot = agent_published(call.agent_id).config.get("media_bot") or {} if call.agent_id else {}
    except AgentUnavailable as error:
        raise Problem(409, "not_recorded", f"The call is not recorded: {error.message}") from error
    if not bot.get("record"):
        raise Problem(409, "not_recorded", "The agent's published version does not record calls.")
    return int(bot.get("record_days") or 30)


def _part_store(part: RecordingPart, data: bytes, files: list[str]) -> bool:
    recording = CallRecording.objects.select_for_update().get(pk=part.recording_id)
    if recording.parts.filter(run=part.run, number=part.number).exists():
        return False
    if recording.state != State.RECORDING:
        raise Problem(409, "recording_closed", "This recording is closed; nothing more is taken.")
    runs = recording.parts.values("run").distinct().exclude(run=part.run).count()
    if recording.size + part.size > WHOLE_BYTES or runs >= MOST_RUNS:
        raise Problem(413, "recording_full", "This recording is as large as one may be; the rest of the call is not recorded.")
    part.file.save("part", ContentFile(data), save=False)
    files.append(str(part.file.name))
    part.save(force_insert=True)
    CallRecording.objects.filter(pk=recording.pk).update(size=F("size") + part.size)
    return True


# --- the end ---------------------------------------------------------------------------------


def recordings_close(now: datetime | None = None) -> int:
    """Puts together what belongs to ended calls of the current tenant and is complete, or waited LATE; returns how many."""
    now = now or timezone.now()
    ended = CallRecording.objects.filter(state=State.RECORDING, call__ended_at__isnull=False).select_related("call")
    return sum(recording_close_due(recording, now) for recording in ended.order_by("pk")[:AT_ONCE])


def recording_close_due(recording: CallRecording, now: datetime) -> bool:
    """Closes it where its call has ended and it is complete or late; whether it did."""
    ended_at = recording.call.ended_at
    if ended_at is None or not (ended_at + LATE < now or recording_complete(recording)):
        return False
    return recording_close(recording_id=recording.pk)


def recording_complete(recording: CallRecording) -> bool:
    """Whether every part of every run is here, and the newest run has said its last."""
    runs: dict[int, list[RecordingPart]] = {}
    for part in recording.parts.order_by("run", "number"):
        runs.setdefault(part.run, []).append(part)
    whole = all([part.number for part in parts] == list(range(len(parts))) for parts in runs.values())
    return bool(runs) and whole and runs[max(runs)][-1].last


def recording_close(*, recording_id: UUID) -> bool:
    """Puts a recording of an ended call together, once; its seconds then go onto the call's bill."""
    with transaction_with_files() as files:
        return _close(recording_id, files)


def _close(recording_id: UUID, files: list[str]) -> bool:
    recording = CallRecording.objects.select_for_update().select_related("call").get(pk=recording_id)
    if recording.state != State.RECORDING:
        return False
    parts = list(recording.parts.order_by("run", "number"))
    now = timezone.now()
    try:
        _put_together(recording, parts, files)
    except NotOgg as error:
        log.warning("recording_without_sound", call=str(recording.call_id), error=str(error))
        recording.state, recording.size = State.EMPTY, 0
    else:
        recording.state, recording.expires_at = State.READY, now + timedelta(days=recording.keep_days)
    recording.closed_at = now
    recording.save()
    for part in parts:
        transaction.on_commit(partial(part.file.storage.delete, str(part.file.name)))
    recording.parts.all().delete()
    _tell(recording)
    return True


def _tell(recording: CallRecording) -> None:
    if not recording.is_ready:
        return call_change(recording.call_id)
    call_change(recording.call_id, billed_at=None)  # the sweeper compares the call with its bill once more
    return webhook_event(type="call.recorded", data=recording_data(recording))


def _put_together(recording: CallRecording, parts: list[RecordingPart], files: list[str]) -> None:
    """It begins with the call, so that its seconds are those of the transcript, unless the clocks speak against it."""
    call = recording.call
    latest = call.ended_at or timezone.now()
    firsts = {part.run: min(part.started_at, latest) for part in reversed(parts)}
    origin = min([call.joined_at or call.started_at, *firsts.values()])
    runs = [
        Run((start - origin).total_seconds(), _contents([part for part in parts if part.run == run]))
        for run, start in sorted(firsts.items(), key=lambda pair: pair[1])
    ]
    with tempfile.TemporaryFile() as file:
        joined = runs_join(runs, file)
        recording.size = file.tell()
        recording.file.save("recording", File(file), save=False)
        files.append(str(recording.file.name))
    recording.started_at, recording.segments = origin, len(runs)
    recording.seconds, recording.recorded_seconds = round(joined.seconds, 3), round(joined.recorded, 3)


def _contents(parts: list[RecordingPart]) -> Iterator[bytes]:
    for part in parts:
        with part.file.open("rb") as file:
            yield file.read()


def recording_data(recording: CallRecording) -> dict[str, object]:
    """The `data` of call.recorded."""
    return {
        "call_id": str(recording.call_id),
        "agent_id": str(recording.call.agent_id) if recording.call.agent_id else None,
        "recording": {
            "path": f"/api/v1/calls/{recording.call_id}/recording",
            "seconds": recording.seconds,
            "size": recording.size,
            "expires_at": utc_text(recording.expires_at) if recording.expires_at else None,
        },
    }


# --- deletion --------------------------------------------------------------------------------


def recording_delete(*, call: Call, by: str) -> CallRecording | None:
    """Deletes the sound, once; the row stays and says when and by whom. None where there is nothing that could be deleted."""
    found = CallRecording.objects.filter(call=call, state=State.READY).first()
    if found is None or not _sound_delete(found, by):
        return None
    _write_down(found, LogEntry.Action.DELETE, "deleted")
    return found


def recording_heard(*, recording: CallRecording, by: str, download: bool) -> None:
    """Into the audit log, once for somebody who plays it, however many pieces of it a browser asks for."""
    try:
        first = download or cache.add(f"calls.heard:{recording.pk}:{sha256(by.encode()).hexdigest()}", True, PLAYED_ONCE)
    except RedisError:
        first = True
    if first:
        _write_down(recording, LogEntry.Action.ACCESS, "downloaded" if download else "played")


def _write_down(recording: CallRecording, action: int, what: str) -> None:
    LogEntry.objects.log_create(recording, force_log=True, action=action, changes={what: ["", str(recording.call_id)]})


def recordings_purge(now: datetime | None = None) -> int:
    """Deletes the sound whose days are over, of the current tenant; returns how many."""
    due = CallRecording.objects.filter(state=State.READY, expires_at__lt=now or timezone.now()).order_by("expires_at")
    total = 0
    while found := list(due[:AT_ONCE]):
        total += sum(_sound_delete(recording, "") for recording in found)
    return total


@transaction.atomic
def _sound_delete(recording: CallRecording, by: str) -> bool:
    now, name, storage = timezone.now(), recording.file.name, recording.file.storage
    changed = CallRecording.objects.filter(pk=recording.pk, state=State.READY).update(
        state=State.DELETED, deleted_at=now, deleted_by=by[:191], file=""
    )
    if not changed:
        return False
    recording.refresh_from_db()
    if name:
        transaction.on_commit(partial(storage.delete, name))
    call_change(recording.call_id)
    return True
