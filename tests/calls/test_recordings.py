"""A call's recording: the parts' protocol, what comes of them, who hears it, what it costs, and how it ends."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import OperationalError
from django.test import Client, TestCase
from django.utils import timezone
from django_tenants.utils import schema_context, tenant_context

from apps.billing.models import LedgerEntry
from apps.billing.services import call_bill
from apps.calls.models import Call, CallRecording, Dispatch, RecordingPart, recording_place
from apps.calls.services import bills, recordings
from apps.calls.services.recordings_files import transaction_with_files
from apps.calls.tasks_recordings import recordings_close_task, recordings_purge_task
from apps.compass.models import WebhookEndpoint, WebhookEvent
from apps.compass.webhooks import secret_make
from apps.core.ids import uuid7
from apps.tenants.keys import api_key_create
from apps.tenants.models import Role, Tenant, User
from apps.tenants.services import person_add
from tests.calls.recording_side import heard, loud, parts, put, tone
from tests.compass.factories import agent_published, bearer

pytestmark = pytest.mark.django_db
ClientFor = Callable[[User | None, str], Client]
BEGAN = timezone.now() - timedelta(minutes=5)
LEFT, RIGHT = 0, 1


@pytest.fixture
def media(settings: Any, tmp_path: Any) -> Any:
    settings.MEDIA_ROOT = str(tmp_path)
    settings.MULTITENANT_RELATIVE_MEDIA_ROOT = "%s"  # its change is what has the storage look again
    return tmp_path


@pytest.fixture
def call(acme: Tenant, media: Any) -> Call:
    """Twenty seconds of a call with an agent that records; it has ended."""
    with schema_context("acme"):
        agent = agent_published(media_bot={"record": True, "record_days": 7})
        return call_of(agent)


@contextmanager
def committing() -> Iterator[None]:
    """What is done after the commit is done at its end, in the tenant."""
    with schema_context("acme"), TestCase.captureOnCommitCallbacks(execute=True):
        yield


def close() -> int:
    with committing():
        return recordings_close_task()


def call_of(agent: Any, **fields: Any) -> Call:
    values = {
        "started_at": BEGAN,
        "joined_at": BEGAN,
        "ended_at": BEGAN + timedelta(seconds=20),
        "state": "completed",
        "ended_reason": "caller_hangup",
    }
    return Call.objects.create(
        channel="webrtc", room_name=f"call_acme_{uuid7()}", agent_id=agent.pk, agent_slug=agent.slug, **{**values, **fields}
    )


def recording_of(call: Call) -> CallRecording:
    with schema_context("acme"):
        return CallRecording.objects.get(call=call)


def after(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def recorded(call: Call, *sounds: Any, start: float = 0.0) -> CallRecording:
    """Sent by one Media Bot, and put together."""
    made = parts(*(sounds or (tone(10, left=8000), tone(10, right=8000))))
    for number, data in enumerate(made):
        answer = put(call, data, part=number, started_at=after(start), last=number == len(made) - 1)
        assert answer.status_code == 200, answer.content
    close()
    return recording_of(call)


def sound_of(recording: CallRecording) -> Any:
    with schema_context("acme"), recording.file.open("rb") as file:
        return heard(file.read())


# --- the parts' protocol ---------------------------------------------------------------------


def test_each_side_is_on_its_channel_and_at_its_time(call: Call) -> None:
    recording = recorded(call)
    left, right = sound_of(recording)
    assert recording.seconds == pytest.approx(20, abs=0.1) and recording.recorded_seconds == pytest.approx(20, abs=0.1)
    assert loud(left, 1, 9) > 4000 > 400 > loud(left, 11, 19)
    assert loud(right, 11, 19) > 4000 > 400 > loud(right, 1, 9)
    assert (recording.state, recording.segments, recording.keep_days) == ("ready", 1, 7)
    assert recording.expires_at is not None and recording.closed_at is not None
    assert (recording.expires_at - recording.closed_at).days == 7


def test_parts_out_of_order_and_twice(call: Call) -> None:
    with schema_context("acme"):
        Call.objects.filter(pk=call.pk).update(ended_at=timezone.now())
    first, second, third = parts(tone(5, left=8000), tone(5), tone(10, right=8000))
    assert put(call, third, part=2, started_at=BEGAN, last=True).json() == {"stored": True}
    assert put(call, first, part=0, started_at=BEGAN).json() == {"stored": True}
    assert put(call, first, part=0, started_at=BEGAN).json() == {"stored": False}
    close()
    assert recording_of(call).state == "recording"  # the second is still under way
    assert put(call, second, part=1, started_at=BEGAN).json() == {"stored": True}
    close()
    left, right = sound_of(recording_of(call))
    assert loud(left, 1, 4) > 4000 and loud(right, 11, 19) > 4000 and loud(left, 6, 19) < 400


def test_a_lost_part_leaves_silence_of_its_length(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    first, _lost, third = parts(tone(5, left=8000), tone(5, left=8000), tone(10, left=8000))
    put(call, first, part=0, started_at=BEGAN)
    put(call, third, part=2, started_at=BEGAN, last=True)
    close()  # its call has ended minutes ago
    recording = recording_of(call)
    left, _right = sound_of(recording)
    assert recording.seconds == pytest.approx(20, abs=0.1) and recording.recorded_seconds == pytest.approx(15, abs=1.1)
    quiet = [at / 10 for at in range(200) if loud(left, at / 10, at / 10 + 0.1) < 100]
    assert 3 < quiet[0] < 6 and len(quiet) == pytest.approx(50, abs=12)
    assert quiet[-1] - quiet[0] == pytest.approx(len(quiet) / 10, abs=0.5)  # in one piece


def test_a_successor_begins_a_new_segment_at_its_own_time(call: Call) -> None:
    """The first Media Bot died after six seconds; the second was there from the tenth on."""
    died, *_rest = parts(tone(6, left=8000), tone(1))
    put(call, died, part=0, started_at=after(1))
    successor = parts(tone(8, right=8000))
    put(call, successor[0], run=2, part=0, started_at=after(10), last=True)
    close()
    recording = recording_of(call)
    left, right = sound_of(recording)
    assert recording.segments == 2 and recording.seconds == pytest.approx(18, abs=0.1)
    assert loud(left, 0, 0.9) < 100 and loud(left, 2, 5) > 4000 and loud(left, 8, 18) < 400
    assert loud(right, 0, 9.9) < 400 and loud(right, 10.2, 17.5) > 4000
    assert recording.recorded_seconds < 15


def test_what_one_wrote_after_its_successor_came_is_left_out(call: Call) -> None:
    put(call, parts(tone(15, left=8000))[0], part=0, started_at=BEGAN, last=True)
    put(call, parts(tone(10, right=8000))[0], run=2, part=0, started_at=after(10), last=True)
    close()
    left, right = sound_of(recording_of(call))
    assert recording_of(call).seconds == pytest.approx(20, abs=1.1)
    assert loud(left, 1, 9) > 4000 and loud(right, 12, 19) > 4000 and loud(left, 12, 19) < 400


def test_a_running_call_is_not_closed(call: Call) -> None:
    with schema_context("acme"):
        Call.objects.filter(pk=call.pk).update(ended_at=None, state="in_progress")
    put(call, parts(tone(5, left=8000))[0], part=0, started_at=BEGAN, last=True)
    close()
    assert recording_of(call).state == "recording"


def test_after_the_end_nothing_is_taken_and_nothing_changes(call: Call) -> None:
    before = recorded(call)
    late = put(call, parts(tone(5))[0], part=2, started_at=BEGAN)
    assert (late.status_code, late.json()["code"]) == (409, "recording_closed")
    again = put(call, parts(tone(5))[0], part=0, started_at=BEGAN)
    assert again.status_code == 409
    assert close() == 0
    after_it = recording_of(call)
    assert (after_it.file.name, after_it.seconds) == (before.file.name, before.seconds)


def test_parts_are_gone_once_they_are_put_together(call: Call, media: Any) -> None:
    put(call, parts(tone(5, left=8000))[0], part=0, started_at=BEGAN, last=True)
    close()
    with schema_context("acme"):
        assert not RecordingPart.objects.exists()
    [kept] = list(media.rglob("*.ogg"))
    assert str(kept).endswith(recording_of(call).file.name)
    assert kept.relative_to(media).parts[0] == "acme" and str(call.pk) not in str(kept)


def test_another_calls_token_is_refused(call: Call, acme: Tenant, globex: Tenant) -> None:
    [data] = parts(tone(2, left=8000))
    for tenant in ("acme", "globex"):
        answer = put(call, data, started_at=BEGAN, headers=bearer(tenant, call.agent_id, call_id=str(uuid7())))
        assert (answer.status_code, answer.json()["code"]) == (403, "wrong_token")
    with schema_context("globex"):
        assert not CallRecording.objects.exists()
    stranger = put(call, data, started_at=BEGAN, headers=bearer("globex", call.agent_id, call_id=str(call.pk)))
    assert stranger.status_code == 404
    with schema_context("acme"):
        assert not CallRecording.objects.exists()


def test_bad_parts_say_what_is_wrong(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    [data] = parts(tone(2, left=8000))
    assert put(call, b"RIFF" + bytes(100), started_at=BEGAN).json()["code"] == "not_ogg"
    assert put(call, data[:-5], started_at=BEGAN).json()["code"] == "not_ogg"
    assert put(call, data, started_at=BEGAN, run=0).status_code == 400
    monkeypatch.setattr(recordings, "PART_BYTES", 100)
    assert put(call, data, started_at=BEGAN).json()["code"] == "too_large"
    monkeypatch.undo()
    monkeypatch.setattr(recordings, "WHOLE_BYTES", len(data) + 10)
    assert put(call, data, started_at=BEGAN).status_code == 200
    assert put(call, data, part=1, started_at=BEGAN).json()["code"] == "recording_full"


def test_what_is_not_to_be_recorded_is_refused(acme: Tenant, media: Any) -> None:
    [data] = parts(tone(2, left=8000))
    with schema_context("acme"):
        silent, trial = agent_published(slug="silent"), agent_published(slug="loud", media_bot={"record": True})
        calls = [call_of(silent), call_of(trial, trial=True)]
    for call in calls:
        answer = put(call, data, started_at=BEGAN)
        assert (answer.status_code, answer.json()["code"]) == (409, "not_recorded")
    with schema_context("acme"):
        assert not CallRecording.objects.exists()
    assert not list(media.rglob("*.ogg"))


def test_parts_without_sound_are_no_recording(call: Call) -> None:
    whole = parts(tone(2, left=8000))[0]
    with_sound = whole.index(b"OggS", whole.index(b"OpusTags"))
    put(call, whole[:with_sound], started_at=BEGAN, last=True)
    close()
    assert recording_of(call).state == "empty"


# --- what was to be recorded, and was not -----------------------------------------------------


def untold(acme: Tenant, client: Client, *bots: dict[str, Any], **fields: Any) -> str:
    """What is said of a call of an agent that records; `bots` are the Media Bots that were asked to accompany it."""
    with schema_context("acme"):
        call = call_of(agent_published(slug=f"a{uuid7()}"), **{"records": True, "answered_at": BEGAN, **fields})
        for attempt, bot in enumerate(bots, 1):
            Dispatch.objects.create(call=call, agent_name="media-bot", attempt=attempt, **bot)
    said = client.get(f"/api/v1/calls/{call.pk}").json()["not_recorded"]
    page = client.get(f"/calls/{call.pk}/").content.decode()
    assert ("was to be recorded" in page) == bool(said)
    return str(said)


def test_where_media_bot_never_came_the_page_and_the_api_say_so(acme: Tenant, client_for: ClientFor, alice: User) -> None:
    page, lost = client_for(alice, "acme"), {"state": "failed"}
    assert "never came" in untold(acme, page, lost, lost)
    came = {"state": "joined", "identity": "agent-AJ_1"}
    assert "sent no sound" in untold(acme, page, lost, came)
    spoke = {**came, "announcement": {"text": "Sorry"}}
    assert "never came" in untold(acme, page, lost, spoke), "that one says a sentence, and records nothing"


def test_nothing_is_said_where_nothing_is_amiss(acme: Tenant, client_for: ClientFor, alice: User) -> None:
    page, came = client_for(alice, "acme"), {"state": "joined", "identity": "agent-AJ_1"}
    assert untold(acme, page, records=False) == "", "its agent does not record"
    assert untold(acme, page, answered_at=None, state="missed") == "", "nobody talked"
    assert untold(acme, page, ended_at=None, state="in_progress") == "", "it may still come"
    assert untold(acme, page, came, ended_at=timezone.now()) == "", "its first part may be on the way"


def test_a_recording_and_who_may_not_read_words_hear_nothing_of_it(call: Call, acme: Tenant, client_for: ClientFor) -> None:
    with schema_context("acme"):
        Call.objects.update(records=True, answered_at=BEGAN)
    recorded(call)
    fay = person_add(tenant=acme, email="fay@acme.test", role=Role.FINANCE).user
    told = [
        client_for(who, "acme").get(f"/api/v1/calls/{call.pk}").json() for who in (User.objects.get(email="bob@acme.test"), fay)
    ]
    assert [one["not_recorded"] for one in told] == ["", None]


# --- who hears it ----------------------------------------------------------------------------


def address(call: Call) -> str:
    return f"/api/v1/calls/{call.pk}/recording"


def test_who_may_read_the_words_may_hear_it(call: Call, acme: Tenant, client_for: ClientFor, charlie: User) -> None:
    recorded(call)
    fay = person_add(tenant=acme, email="fay@acme.test", role=Role.FINANCE).user
    people = {email: User.objects.get(email=f"{email}@acme.test") for email in ("alice", "bob")}
    assert {name: client_for(user, "acme").get(address(call)).status_code for name, user in people.items()} == {
        "alice": 200,
        "bob": 200,
    }
    assert client_for(fay, "acme").get(address(call)).status_code == 403
    assert client_for(None, "acme").get(address(call)).status_code in (401, 403)
    assert client_for(charlie, "acme").get(address(call)).status_code in (403, 404)
    assert client_for(charlie, "globex").get(address(call)).status_code == 404
    seen = client_for(fay, "acme").get(f"/api/v1/calls/{call.pk}").json()["recording"]
    assert seen is None


def test_a_browser_can_seek_and_a_person_can_keep_it(call: Call, client_for: ClientFor, bob: User) -> None:
    recording = recorded(call)
    page = client_for(bob, "acme")
    piece = page.get(address(call), headers={"Range": "bytes=0-3"})
    assert (piece.status_code, b"".join(piece.streaming_content)) == (206, b"OggS")
    assert piece["Content-Range"] == f"bytes 0-3/{recording.size}" and piece["Content-Type"] == "audio/ogg"
    assert "private" in piece["Cache-Control"] and piece["Content-Disposition"].startswith("inline")
    assert page.get(address(call), headers={"Range": f"bytes={recording.size}-"}).status_code == 416
    kept = page.get(f"{address(call)}?download=1")
    assert kept["Content-Disposition"].startswith("attachment; filename=") and ".ogg" in kept["Content-Disposition"]


def test_who_played_took_and_deleted_it_is_in_the_audit_log(call: Call, client_for: ClientFor, alice: User, bob: User) -> None:
    recorded(call)
    page = client_for(bob, "acme")
    for wanted in ("bytes=0-99", "bytes=100-199", "bytes=0-"):
        page.get(address(call), headers={"Range": wanted})
    page.get(f"{address(call)}?download=1")
    assert client_for(alice, "acme").delete(address(call)).status_code == 204
    with schema_context("acme"):
        told = [(entry.actor_email, *entry.changes) for entry in LogEntry.objects.get_for_model(CallRecording).order_by("pk")]
    assert told == [(bob.email, "played"), (bob.email, "downloaded"), (alice.email, "deleted")]


def test_a_program_needs_the_scope(call: Call, acme: Tenant) -> None:
    recorded(call)

    def program(*scopes: str) -> Client:
        _, key = api_key_create(tenant=acme, name="shop", scopes=list(scopes))
        return Client(headers={"host": "acme.localhost", "authorization": f"Api-Key {key}"})

    assert program("billing:read").get(address(call)).status_code == 403
    reader = program("calls:read")
    told = reader.get(f"/api/v1/calls/{call.pk}").json()["recording"]
    assert told["state"] == "ready" and told["url"].endswith(address(call)) and told["seconds"] == pytest.approx(20, abs=0.1)
    assert reader.get(address(call)).status_code == 200
    assert reader.delete(address(call)).status_code == 403
    assert program("calls:read", "calls:write").delete(address(call)).status_code == 204
    told = reader.get(f"/api/v1/calls/{call.pk}").json()["recording"]
    assert (told["state"], told["url"], told["deleted_by"]) == ("deleted", None, "API key shop")


# --- the end of it ---------------------------------------------------------------------------


def test_deleting_leaves_who_and_when(call: Call, media: Any, client_for: ClientFor, alice: User, bob: User) -> None:
    recorded(call)
    assert client_for(bob, "acme").delete(address(call)).status_code == 403
    with committing():
        assert client_for(alice, "acme").delete(address(call)).status_code == 204
    recording = recording_of(call)
    assert (recording.state, recording.deleted_by, recording.file.name) == ("deleted", "alice@acme.test", "")
    assert recording.deleted_at is not None and not list(media.rglob("*.ogg"))
    gone = client_for(alice, "acme").get(address(call))
    assert gone.status_code == 404 and "deleted on" in gone.json()["detail"]
    assert client_for(alice, "acme").delete(address(call)).status_code == 404


def test_its_days_are_over(call: Call, media: Any) -> None:
    recording = recorded(call)
    assert recordings_purge_task() == 0
    with schema_context("acme"):
        CallRecording.objects.filter(pk=recording.pk).update(expires_at=timezone.now() - timedelta(days=1))
    with committing():
        assert recordings_purge_task() == 1
    gone = recording_of(call)
    assert (gone.state, gone.deleted_by) == ("deleted", "") and gone.deleted_at is not None
    assert not list(media.rglob("*.ogg"))


# --- files without a row ---------------------------------------------------------------------


def files_in(media: Any) -> list[str]:
    return sorted(path.name for path in media.rglob("*.ogg"))


def fails(*args: Any, **kwargs: Any) -> None:
    raise OperationalError("The connection is lost.")


@pytest.mark.parametrize("saved", [False, True])
def test_a_part_whose_row_comes_to_nothing_leaves_no_file(
    call: Call, media: Any, saved: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    [data] = parts(tone(2, left=8000))
    save = RecordingPart.save

    def saves(self: RecordingPart, **how: Any) -> None:
        if saved:
            save(self, **how)
        fails()

    with schema_context("acme"), pytest.raises(OperationalError), monkeypatch.context() as broken:
        broken.setattr(RecordingPart, "save", saves)
        recordings.recording_part_store(call=call, run=1, number=0, started_at=BEGAN, last=True, data=data)
    assert files_in(media) == []
    assert put(call, data, started_at=BEGAN).json() == {"stored": True}
    assert len(files_in(media)) == 1


def test_what_was_put_together_in_vain_leaves_no_file(call: Call, media: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    put(call, parts(tone(2, left=8000))[0], started_at=BEGAN, last=True)
    [part] = files_in(media)
    with monkeypatch.context() as broken:
        broken.setattr(recordings, "call_change", fails)
        for _ in range(3):
            close()
    assert files_in(media) == [part], "it is tried again every few seconds, and a whole recording is large"
    close()
    assert recording_of(call).is_ready and len(files_in(media)) == 1


def test_a_file_that_is_named_after_all_stays(call: Call, media: Any) -> None:
    """The answer to a commit may be lost, and the commit not."""
    recorded(call)
    kept = files_in(media)
    with schema_context("acme"), pytest.raises(OperationalError), transaction_with_files() as files:
        files.append(str(recording_of(call).file.name))
        fails()
    assert files_in(media) == kept != []


def test_what_a_process_that_died_left_is_purged_once_it_is_old(call: Call, acme: Tenant, globex: Tenant, media: Any) -> None:
    recorded(call)
    [kept] = files_in(media)
    with schema_context("acme"):
        names = [default_storage.save(recording_place(call, ""), ContentFile(b"OggS")) for _ in range(2)]
        old = [default_storage.path(names[0]), default_storage.path(recording_of(call).file.name)]
    for path in old:
        os.utime(path, (0, (timezone.now() - timedelta(days=31)).timestamp()))
    assert recordings_purge_task() == 1
    assert files_in(media) == sorted([kept, names[1].rpartition("/")[2]])
    assert recordings_purge_task() == 0


def test_an_export_has_it(call: Call, acme: Tenant) -> None:
    import io
    import zipfile

    from apps.tenants.exports import export_write

    recording = recorded(call)
    target = io.BytesIO()
    with tenant_context(acme):
        export_write(acme, target)
        stored = default_storage.open(recording.file.name).read()
    with zipfile.ZipFile(target) as archive:
        assert archive.read(f"files/{recording.file.name}") == stored
        assert str(call.pk) in archive.read("calls_callrecording.json").decode()


def test_programs_are_told(call: Call) -> None:
    with schema_context("acme"):
        WebhookEndpoint.objects.create(url="https://example.com/hook", events=["call.recorded"], secret=secret_make())
    recorded(call)
    with schema_context("acme"):
        [event] = WebhookEvent.objects.filter(type="call.recorded")
    assert event.data["call_id"] == str(call.pk)
    assert event.data["recording"]["path"] == address(call)


# --- what it costs ---------------------------------------------------------------------------


def lines_of(call: Call) -> list[tuple[str, str]]:
    """What the ledger says of recordings of the call, all its rows together."""
    rows = LedgerEntry.objects.filter(call_id=call.pk).order_by("revision")
    return [(line["model"], line["quantities"]["seconds"]) for row in rows for line in row.lines if line["kind"] == "recording"]


def test_seconds_that_become_known_as_the_call_is_billed_are_billed(
    call: Call, sweep: Callable[[], None], livekit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sweeper has read what was used, and has not yet gone on to the next call."""
    with schema_context("acme"):
        Call.objects.filter(pk=call.pk).update(answered_at=BEGAN, room_deleted_at=BEGAN)
    put(call, parts(tone(10, left=8000))[0], started_at=BEGAN)

    def billed(**how: Any) -> Any:
        made = call_bill(**how)
        recordings.recording_close(recording_id=recording_of(call).pk)
        return made

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(bills, "call_bill", billed)
        sweep()
    assert LedgerEntry.objects.filter(call_id=call.pk).exists() and not lines_of(call)
    sweep()
    assert len(lines_of(call)) == 1


@pytest.mark.parametrize("billed_first", [True, False])
def test_its_seconds_are_billed_once(call: Call, sweep: Callable[[], None], livekit: Any, billed_first: bool) -> None:
    with schema_context("acme"):
        Call.objects.filter(pk=call.pk).update(answered_at=BEGAN, room_deleted_at=BEGAN)
    if billed_first:
        sweep()
        assert LedgerEntry.objects.filter(call_id=call.pk).exists() and not lines_of(call)
    recording = recorded(call)
    for _ in range(3):
        sweep()
    [(model, seconds)] = lines_of(call)
    assert model == "audio" and float(seconds) == pytest.approx(recording.recorded_seconds)
    with schema_context("acme"):
        recordings.recording_delete(call=call, by="alice")
    sweep()
    assert len(lines_of(call)) == 1
