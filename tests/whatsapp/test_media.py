"""Files that contacts send: fetched in pieces, checked, and refused with a sentence; voice notes become text."""

import hashlib
import json
import struct
import tracemalloc
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from apps.billing.models import LedgerEntry
from apps.compass.models import AgentVersion
from apps.core.inbox import inbox_drain
from apps.core.models import OutboundEffect
from apps.desktop.models import Attachment, Message
from apps.tenants.models import Tenant
from apps.whatsapp.lengths import ogg_seconds
from apps.whatsapp.services.media import media_fetch
from apps.whatsapp.services.voices import voice_transcribe
from tests.whatsapp.meta import Graph, deliver, fresh, work

pytestmark = pytest.mark.django_db
MB = 1024 * 1024
IMAGE, VOICE, DOCUMENT = "1003383421387256", "1908647269898587", "1376223850470843"


def arrived(name: str) -> Attachment:
    deliver(fresh(name))
    work()
    return Attachment.objects.get()


def test_a_file_is_stored_under_the_tenant(team_number: Any, graph: Graph) -> None:
    graph.media[DOCUMENT] = (b"%PDF-1.7", "application/pdf")
    attachment = arrived("document")
    assert (attachment.state, attachment.size, attachment.mime) == ("stored", 8, "application/pdf")
    assert attachment.file.read() == b"%PDF-1.7"
    assert "/acme/attachments/" in attachment.file.path
    assert attachment.name == "order_2025.pdf"
    assert OutboundEffect.objects.get(kind="whatsapp.media").external_id == "stored"


@pytest.mark.parametrize(
    ("name", "media_id", "size", "mime", "note"),
    [
        ("image", IMAGE, 5 * MB + 1, "image/jpeg", "over 5 MB"),
        ("voice", VOICE, 16 * MB + 1, "audio/ogg", "over 16 MB"),
        ("image", IMAGE, 10, "application/x-msdownload", "came as image"),
        ("voice", VOICE, 10, "video/mp4", "came as audio"),
        ("document", DOCUMENT, 10, "text/html", "text/html are not kept"),
        ("image", IMAGE, 10, "image/svg+xml", "image/svg+xml are not kept"),
    ],
)
def test_what_may_not_be_kept_is_refused(
    team_number: Any, graph: Graph, name: str, media_id: str, size: int, mime: str, note: str
) -> None:
    graph.media[media_id] = (b"x" * size, mime)
    attachment = arrived(name)
    assert (attachment.state, note in attachment.note, bool(attachment.file)) == ("refused", True, False)
    assert not any(path.startswith("/bytes/") for _, path in graph.calls)


def test_a_file_that_is_larger_than_announced_is_refused(team_number: Any, graph: Graph) -> None:
    graph.media[IMAGE] = (b"x" * (6 * MB), "image/jpeg")
    graph.announced = {"file_size": 10}
    attachment = arrived("image")
    assert (attachment.state, "over 5 MB" in attachment.note) == ("refused", True)


def test_a_damaged_file_is_fetched_again(team_number: Any, graph: Graph) -> None:
    graph.media[IMAGE] = (b"an image", "image/jpeg")
    graph.announced = {"sha256": "0" * 64}
    with time_machine.travel(timezone.now(), tick=False) as clock:
        assert arrived("image").state == "pending"
        graph.announced = {}
        clock.shift(5)
        work()
    assert Attachment.objects.get().state == "stored"


def test_a_file_that_meta_does_not_have_is_noted(team_number: Any, graph: Graph) -> None:
    attachment = arrived("image")
    assert (attachment.state, attachment.note) == ("failed", "Meta did not accept the content of this message.")


def test_meta_away_is_asked_again_and_given_up(team_number: Any, graph: Graph, meta_settings: Any) -> None:
    meta_settings.WHATSAPP_GRAPH_URL = "http://127.0.0.1:1"
    with time_machine.travel(timezone.now(), tick=False) as clock:
        assert arrived("image").state == "pending"
        for _ in range(12):
            clock.shift(timedelta(seconds=301))
            work()
    attachment = Attachment.objects.get()
    assert (attachment.state, "could not be fetched" in attachment.note) == ("failed", True)


def test_the_access_token_goes_to_meta_only(team_number: Any, graph: Graph, herald_server: HTTPServer) -> None:
    seen: list[str] = []
    herald_server.clear()

    def elsewhere(request: Request) -> Response:
        seen.append(request.path)
        return Response("")

    herald_server.expect_request("/elsewhere").respond_with_handler(elsewhere)
    graph.media[IMAGE] = (b"an image", "image/jpeg")
    graph.announced = {"url": herald_server.url_for("/elsewhere")}
    attachment = arrived("image")
    assert (attachment.state, seen) == ("failed", [])


def test_a_hundred_megabytes_pass_in_small_pieces(team_number: Any, graph: Graph) -> None:
    piece = b"\x07" * (256 * 1024)
    digest = hashlib.sha256()
    for _ in range(400):
        digest.update(piece)

    def pieces() -> Iterator[bytes]:
        for _ in range(400):
            yield piece

    deliver(fresh("document"))
    graph.media[DOCUMENT] = (b"", "application/pdf")
    graph.announced = {"file_size": 100 * MB, "sha256": digest.hexdigest()}
    graph.stream = pieces
    inbox_drain()
    attachment = Attachment.objects.get()
    tracemalloc.start()
    assert media_fetch(str(attachment.pk)) == "stored"
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    attachment.refresh_from_db()
    assert attachment.size == attachment.file.size == 100 * MB
    assert peak < 16 * MB


@pytest.fixture
def speech(herald_server: HTTPServer) -> Any:
    """A speech-to-text provider of either kind."""
    herald_server.clear()
    seen: list[Request] = []
    words = {"statuses": [200]}

    def answer(request: Request) -> Response:
        request.get_data()
        seen.append(request)
        status = words["statuses"].pop(0) if len(words["statuses"]) > 1 else words["statuses"][0]
        text = "Where is my parcel?"
        deepgram = {"results": {"channels": [{"alternatives": [{"transcript": text}]}]}, "metadata": {"duration": 30.0}}
        counted = words.get("counted", {"usage": {"type": "duration", "seconds": 30.0}})
        return Response(json.dumps({"text": text} | deepgram | counted), status, content_type="application/json")

    herald_server.expect_request("/v1/audio/transcriptions", method="POST").respond_with_handler(answer)
    herald_server.expect_request("/v1/listen", method="POST").respond_with_handler(answer)
    return seen, words, herald_server.url_for("").rstrip("/")


@pytest.mark.parametrize("provider", ["openai", "deepgram"])
def test_a_voice_note_is_transcribed_onto_the_message(
    number: Any, graph: Graph, speech: Any, provider: str, settings: Any
) -> None:
    seen, _, url = speech
    settings.PROVIDER_DEFAULTS = {provider: {"api_key": "its-key", "base_url": f"{url}/v1"}}
    if provider == "deepgram":
        version = AgentVersion.objects.get(state="published")
        for part in ("stt", "llm", "tts"):
            version.config[part]["provider"] = "deepgram"
        version.save()
    graph.media[VOICE] = (b"OggS", "audio/ogg; codecs=opus")
    attachment = arrived("voice")
    assert (attachment.state, attachment.mime, attachment.transcript) == ("stored", "audio/ogg", "Where is my parcel?")
    (request,) = seen
    assert request.headers["Authorization"].endswith(" its-key")


def test_a_provider_that_is_busy_is_asked_again(number: Any, graph: Graph, speech: Any, settings: Any) -> None:
    seen, words, url = speech
    words["statuses"] = [503, 429, 200]
    settings.PROVIDER_DEFAULTS = {"openai": {"api_key": "k", "base_url": f"{url}/v1"}}
    graph.media[VOICE] = (b"OggS", "audio/ogg")
    with time_machine.travel(timezone.now(), tick=False) as clock:
        arrived("voice")
        for _ in range(3):
            clock.shift(10)
            work()
    assert Attachment.objects.get().transcript == "Where is my parcel?"
    assert len(seen) == 3


def test_without_an_agent_the_voice_note_stays_a_file(team_number: Any, graph: Graph) -> None:
    graph.media[VOICE] = (b"OggS", "audio/ogg")
    attachment = arrived("voice")
    assert (attachment.state, attachment.transcript) == ("stored", "")
    effect = OutboundEffect.objects.get(kind="whatsapp.transcript")
    assert (effect.state, effect.note) == ("dead", "No agent of this tenant can transcribe: publish one in Compass.")


def test_a_team_number_uses_any_agent_of_the_tenant(number: Any, graph: Graph, speech: Any, settings: Any) -> None:
    number.agent_id = None
    number.save()
    settings.PROVIDER_DEFAULTS = {"openai": {"api_key": "k", "base_url": f"{speech[2]}/v1"}}
    graph.media[VOICE] = (b"OggS", "audio/ogg")
    assert arrived("voice").transcript == "Where is my parcel?"
    assert Message.objects.get().conversation.status == "open"


def ogg(seconds: float, skipped: int = 312) -> bytes:
    """A voice note's pages without its sound; on the last one no packet ends."""

    def page(position: int, content: bytes = b"") -> bytes:
        return b"OggS" + struct.pack("<BBqIIIB", 0, 0, position, 1, 0, 0, 0) + content

    head = b"OpusHead" + struct.pack("<BBHIhB", 1, 1, skipped, 16_000, 0, 0)
    return page(0, head) + page(960) + page(int(seconds * 48_000) + skipped, b"x" * 400) + page(-1, b"y")


@pytest.mark.parametrize(
    ("data", "seconds"),
    [
        (ogg(12.5), 12.5),
        (ogg(3600, skipped=0), 3600),
        (ogg(12.5)[:40], None),
        (b"OggS", None),
        (b"", None),
        (b"ID3" + ogg(1), None),
    ],
)
def test_a_voice_notes_length_is_in_its_file(data: bytes, seconds: float | None) -> None:
    assert ogg_seconds(data) == seconds


@pytest.mark.parametrize(
    ("counted", "data", "seconds", "total"),
    [
        ({"usage": {"type": "duration", "seconds": 30.0}}, ogg(12.5), "30", "0.003"),
        ({"usage": {"type": "tokens", "input_tokens": 9, "output_tokens": 3, "total_tokens": 12}}, ogg(12.5), "12.5", "0.00125"),
        ({}, ogg(12.5), "12.5", "0.00125"),
        ({}, b"ID3", "0", None),
    ],
)
def test_a_voice_note_is_charged_by_its_seconds(
    number: Any, graph: Graph, speech: Any, settings: Any, counted: Any, data: bytes, seconds: str, total: str | None
) -> None:
    """As the provider counts them, else as the file says; where neither tells it has no price, and finance is shown so."""
    settings.PROVIDER_DEFAULTS = {"openai": {"api_key": "k", "base_url": f"{speech[2]}/v1"}}
    speech[1]["counted"] = counted
    graph.media[VOICE] = (data, "audio/ogg")
    attachment = arrived("voice")
    voice_transcribe(str(attachment.pk))  # done again after a crash, it is charged once
    [entry] = LedgerEntry.objects.filter(source_type="transcript")
    assert (entry.source_id, entry.agent_id, entry.channel) == (str(attachment.pk), number.agent_id, "whatsapp")
    assert (entry.conversation_id, entry.tenant) == (
        Message.objects.get().conversation_id,
        Tenant.objects.get(schema_name="acme"),
    )
    known = None if total is None else Decimal(total)
    assert (entry.duration, entry.stt, entry.total) == (Decimal(seconds), known, known)


def test_a_voice_note_that_was_not_transcribed_costs_nothing(number: Any, graph: Graph, speech: Any, settings: Any) -> None:
    settings.PROVIDER_DEFAULTS = {"openai": {"api_key": "k", "base_url": f"{speech[2]}/v1"}}
    speech[1]["statuses"] = [400]
    graph.media[VOICE] = (ogg(2), "audio/ogg")
    assert arrived("voice").transcript == ""
    assert not LedgerEntry.objects.exists()
