"""Documents from upload to being found, with the local embedding model and pgvector."""

from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django_tenants.utils import tenant_context
from pytest_django import Settings

from apps.billing.models import LedgerEntry
from apps.compass.knowledge.embedding import EmbeddingUnavailable
from apps.compass.knowledge.parsing import Unreadable
from apps.compass.knowledge.search import knowledge_search
from apps.compass.models import Document, Passage
from apps.compass.services import agent_create, agent_draft_save
from apps.compass.services.knowledge import (
    document_address_add,
    document_delete,
    document_reindex,
    document_replace,
    document_stop,
    document_update,
)
from apps.compass.services.knowledge_index import document_work, documents_due
from apps.core.errors import PermanentError
from apps.core.outbox import outbox_drain
from apps.tenants.models import Tenant
from tests.compass.knowledge_side import (
    HOURS,
    docx_make,
    embeddings_serving,
    finish,
    indexed,
    pdf_locked,
    pdf_make,
    picture,
    upload,
)
from tests.compass.servers import ALLOWED, reply, serving

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def embeddings() -> Iterator[str]:
    with embeddings_serving() as address:
        yield address


@pytest.fixture(autouse=True)
def _local(settings: Settings, embeddings: str, tmp_path: Path) -> None:
    settings.EMBEDDING_MODEL = "all-minilm-l6-v2"
    settings.EMBEDDING_DEFAULTS = {"api_key": "local", "base_url": embeddings}
    settings.MEDIA_ROOT = str(tmp_path)
    settings.MULTITENANT_RELATIVE_MEDIA_ROOT = "%s"  # its change is what has the storage look again


def files(folder: str) -> list[Path]:
    return [path for path in Path(folder).rglob("*") if path.is_file()]


def test_a_document_is_found_by_meaning_and_by_words(in_acme: Tenant) -> None:
    document = indexed()
    assert (document.state, document.kind, document.passages) == ("ready", "markdown", 3)
    first = knowledge_search("where do I leave my car").found[0]
    assert "garage" in first.text
    assert first.heading == "Acme › Parking"
    both = knowledge_search("Are you open on Sundays?").found[0]
    assert both.worded
    assert both.score > first.score
    assert ("Sundays", True) in both.parts


def test_small_talk_finds_nothing(in_acme: Tenant) -> None:
    indexed()
    assert knowledge_search("hello").found == []


def test_usage_is_kept_for_the_bill(in_acme: Tenant) -> None:
    document = indexed()
    assert document.usage[0]["model"] == "all-minilm-l6-v2"
    assert document.tokens > 30
    outbox_drain()
    charged = LedgerEntry.objects.filter(source_type="knowledge")
    assert sum(row["input_tokens"] for entry in charged for row in entry.usage) == document.tokens
    assert [entry.total is None for entry in charged] == [False] * len(charged)


@pytest.mark.parametrize(
    ("name", "data", "question", "words", "place"),
    [
        ("prices.pdf", pdf_make("Welcome", "The entrance fee is 12 euro"), "entrance fee", "12 euro", 1),
        ("services.docx", docx_make(), "price of new soles", "Service: New soles; Price: 49 euro", None),
        (
            "page.html",
            b"<title>T</title><nav>Menu</nav><main><h1>Team</h1><p>Our doctor is Ada.</p></main>",
            "doctor",
            "Ada",
            None,
        ),
        ("table.csv", b"Product;Price\nHammer;9 euro\nSaw;15 euro\n", "hammer", "Product: Hammer; Price: 9 euro", None),
        ("note.txt", "Der Schlüssel liegt unter der Matte.".encode("cp1252"), "Schlüssel", "Matte", None),
    ],
    ids=["pdf", "docx", "html", "csv", "txt"],
)
def test_every_kind_is_read(in_acme: Tenant, name: str, data: bytes, question: str, words: str, place: int | None) -> None:
    assert indexed(name, data).state == "ready"
    found = knowledge_search(question).found[0]
    assert words in found.text
    assert "Menu" not in found.text
    assert found.page == place


@pytest.mark.parametrize(
    ("name", "data", "sentence"),
    [
        ("a.pdf", b"", "is empty"),
        ("a.png", picture(), "This is a picture"),
        ("a.doc", b"\xd0\xcf\x11\xe0" + b"x" * 50, "Save it as .docx"),
        ("a.bin", bytes(range(32)) * 20, "no document that can be read"),
        ("a.zip", b"PK\x03\x04 broken", "damaged"),
        ("a.txt", b"x" * (25 * 1024 * 1024 + 1), "over 25 MB"),
    ],
    ids=["empty", "picture", "old-word", "binary", "broken-zip", "too-large"],
)
def test_what_cannot_be_read_is_refused_at_once(in_acme: Tenant, name: str, data: bytes, sentence: str) -> None:
    with pytest.raises(Unreadable, match=sentence):
        upload(name, data)
    assert not Document.objects.exists()


@pytest.mark.parametrize(
    ("name", "data", "sentence"),
    [
        ("locked.pdf", pdf_locked(), "protected by a password"),
        ("scan.pdf", pdf_make("", ""), r"text recognition \(OCR\)"),
        ("broken.pdf", b"%PDF-1.4 nothing follows", "damaged"),
        ("columns.csv", b"only,names\n", "no rows"),
    ],
    ids=["password", "scan", "broken", "no-rows"],
)
def test_what_turns_out_unreadable_says_what_to_do(in_acme: Tenant, name: str, data: bytes, sentence: str) -> None:
    document = indexed(name, data)
    assert document.state == "failed"
    assert pytest.approx(document.generation) == 0
    with pytest.raises(Unreadable, match=sentence):
        raise Unreadable(document.note)


def test_nothing_of_acme_is_found_by_globex(in_acme: Tenant, globex: Tenant) -> None:
    indexed()
    with tenant_context(globex):
        assert knowledge_search("opening hours on Sundays").found == []
        assert not Passage.objects.exists()


def test_a_search_keeps_to_the_chosen_documents(in_acme: Tenant) -> None:
    hours = indexed()
    other = indexed("other.txt", b"The shop is open on Sundays in December.")
    found = knowledge_search("open on Sundays", documents=[str(other.pk)]).found
    assert {one.document_id for one in found} == {other.pk}
    found = knowledge_search("open on Sundays").found
    assert {one.document_id for one in found} == {hours.pk, other.pk}


def test_without_the_embedding_service_words_are_searched(in_acme: Tenant, settings: Settings) -> None:
    indexed()
    settings.EMBEDDING_DEFAULTS = {"api_key": "local", "base_url": "http://127.0.0.1:1/v1"}
    findings = knowledge_search("parking garage")
    assert findings.words_only
    assert "garage" in findings.found[0].text


def test_deleting_leaves_no_trace(in_acme: Tenant, settings: Settings, django_capture_on_commit_callbacks: object) -> None:
    document = indexed()
    kept = indexed("other.txt", b"Something else entirely.")
    knowledge = {"documents": [str(document.pk), str(kept.pk)]}
    agent = agent_create(slug="knowing", name="Knowing", config={"knowledge": knowledge})
    assert len(files(settings.MEDIA_ROOT)) == 2
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        document_delete(document=document)
    assert [path.parent.name for path in files(settings.MEDIA_ROOT)] == [str(kept.pk)]
    assert set(Passage.objects.values_list("document_id", flat=True)) == {kept.pk}
    assert agent.versions.get().config["knowledge"]["documents"] == [str(kept.pk)]
    assert not (Path(settings.MEDIA_ROOT) / "acme/knowledge" / str(document.pk)).exists()


def test_a_published_agent_ignores_what_was_deleted(in_acme: Tenant) -> None:
    document = indexed()
    gone = str(document.pk)
    document_delete(document=document)
    assert knowledge_search("opening hours", documents=[gone]).found == []
    agent = agent_create(slug="knowing", name="Knowing")
    agent_draft_save(agent=agent, config={"knowledge": {"documents": [gone]}})
    assert agent.versions.get().config["knowledge"]["documents"] == [gone]


def test_another_file_keeps_the_id_and_replaces_what_is_found(in_acme: Tenant) -> None:
    document = indexed()
    document_replace(document=document, file=SimpleUploadedFile("new.md", b"# Hours\n\nWe are open on Sundays from 10 to 12."))
    assert "closed" in knowledge_search("open on Sundays").found[0].text
    finish(document)
    found = knowledge_search("open on Sundays").found
    assert [one.document_id for one in found] == [document.pk]
    assert "from 10 to 12" in found[0].text


def test_what_stays_the_same_is_not_embedded_again(in_acme: Tenant) -> None:
    document = indexed()
    before = document.tokens
    document_reindex(document=document)
    assert finish(document).state == "ready"
    assert document.tokens == before
    changed = HOURS.replace(b"30 days", b"60 days")
    document_replace(document=document, file=SimpleUploadedFile("hours.md", changed))
    assert before < finish(document).tokens < 2 * before


def test_another_embedding_model_makes_a_document_due(in_acme: Tenant, settings: Settings) -> None:
    from django.utils import timezone

    document = indexed()
    assert documents_due(timezone.now()) == []
    settings.EMBEDDING_MODEL = "another-model"
    assert documents_due(timezone.now()) == [document.pk]
    document.refresh_from_db()
    assert document.state == "queued"
    assert knowledge_search("garage").found[0].worded


def test_a_worker_that_died_is_replaced_and_writes_no_more(in_acme: Tenant) -> None:
    document = upload("hours.md", HOURS)
    with patch("apps.compass.services.knowledge_index.embed", side_effect=SystemExit), pytest.raises(SystemExit):
        document_work(document.pk)
    document.refresh_from_db()
    assert document.state == "embedding"
    assert not document_work(document.pk)  # its lease still runs
    Document.objects.update(due_at="2026-01-01T00:00Z")
    assert finish(document).state == "ready"
    assert Passage.objects.filter(document=document).count() == document.passages == 3


def test_an_embedding_service_that_is_away_is_tried_again(in_acme: Tenant) -> None:
    document = upload("hours.md", HOURS)
    with patch("apps.compass.services.knowledge_index.embed", side_effect=EmbeddingUnavailable("The service is busy.")):
        assert document_work(document.pk)
        document.refresh_from_db()
        assert (document.state, document.generation) == ("queued", 0)
        assert "tried again by itself" in document.note
        for _ in range(4):
            Document.objects.update(due_at="2026-01-01T00:00Z")
            document_work(document.pk)
    document.refresh_from_db()
    assert document.state == "failed"
    assert "Try again later" in document.note


def test_a_stopped_document_can_be_started_again(in_acme: Tenant) -> None:
    document = upload("hours.md", HOURS)
    document_stop(document=document)
    assert not document_work(document.pk)
    document.refresh_from_db()
    assert document.state == "stopped"
    document_reindex(document=document)
    assert finish(document).state == "ready"
    document_reindex(document=document)
    assert document_stop(document=document).state == "ready"


@pytest.mark.slow
def test_work_that_takes_long_lets_others_come_first(in_acme: Tenant) -> None:
    document = upload("long.txt", "\n\n".join(f"Paragraph {n}: " + "words and words " * 90 for n in range(40)).encode())
    assert document_work(document.pk, seconds=0)
    document.refresh_from_db()
    assert document.state == "embedding"
    assert 0 < document.done < document.total
    assert finish(document).state == "ready"


def test_a_web_page_is_read_and_read_again(in_acme: Tenant, settings: Settings) -> None:
    settings.TOOL_ALLOWED_NETWORKS = [f"{ALLOWED}/32"]
    page = b"<html><head><title>Acme prices</title></head><body><main><p>A ticket is 8 euro.</p></main></body></html>"
    with serving(reply(body=page, content_type="text/html")) as seen:
        document = document_address_add(address=f"http://{ALLOWED}:{seen.port}/prices", daily=True)
        assert finish(document).state == "ready"
        assert document.name == "Acme prices"
        assert document.refresh_at is not None
        document_reindex(document=document)
        before = Passage.objects.get().pk
        assert finish(document).state == "ready"
        assert Passage.objects.get().pk == before  # nothing had changed
    document_reindex(document=document)
    assert finish(document).state == "failed"
    assert "could not be reached" in document.note
    assert "8 euro" in knowledge_search("ticket price").found[0].text


@pytest.mark.parametrize("address", ["", "nothing", "ftp://example.com/x", "https://user:pw@example.com", "https://exa mple.com"])
def test_only_web_addresses_are_taken(in_acme: Tenant, address: str) -> None:
    with pytest.raises(PermanentError, match="not a web address"):
        document_address_add(address=address)


def test_a_private_address_is_not_fetched(in_acme: Tenant) -> None:
    document = finish(document_address_add(address="http://127.0.0.1:1/secret"))
    assert document.state == "failed"
    assert "may not be reached" in document.note


def test_a_name_can_be_changed(in_acme: Tenant) -> None:
    document = document_update(document=indexed(), name="  Hours  of Acme ")
    assert document.name == "Hours of Acme"
    with pytest.raises(PermanentError, match="name"):
        document_update(document=document, name=" ")


def test_the_vectors_have_one_extension_and_an_index_in_every_tenant(in_acme: Tenant) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = 'vector'")
        assert cursor.fetchall() == [("public",)]
        cursor.execute("SELECT schemaname FROM pg_indexes WHERE indexname = 'passage_embedding' ORDER BY 1")
        assert {"acme", "globex"} <= {row[0] for row in cursor.fetchall()}
