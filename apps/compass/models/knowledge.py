"""What agents know: documents as they were given, and the passages that are read from them."""

from typing import Any

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from pgvector.django import HnswIndex, VectorField

from apps.core.ids import uuid7

DIMENSIONS = 384  # of every vector; an embedding model has to give as many, or be able to shorten its own


def document_path(document: "Document", filename: str) -> str:
    """Where a document's file lies within its tenant's folder: names on disk are ours, never theirs."""
    return f"knowledge/{document.pk}/{uuid7()}"


class Document(models.Model):
    """A file or a web page that agents may know. Its passages of `generation` are what is searched."""

    class Source(models.TextChoices):
        FILE = "file", _("File")
        ADDRESS = "address", _("Web address")

    class Kind(models.TextChoices):
        PDF = "pdf", "PDF"
        DOCX = "docx", "Word"
        HTML = "html", "HTML"
        MARKDOWN = "markdown", "Markdown"
        TEXT = "text", _("Text")
        CSV = "csv", "CSV"

    class State(models.TextChoices):
        QUEUED = "queued", _("Waiting")
        READING = "reading", _("Reading")
        EMBEDDING = "embedding", _("Indexing")
        READY = "ready", _("Ready")
        FAILED = "failed", _("Failed")
        STOPPED = "stopped", _("Stopped")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    source = models.CharField(max_length=8, choices=Source)
    kind = models.CharField(max_length=8, choices=Kind, blank=True, help_text="Found out from the content.")
    name = models.CharField(max_length=200, help_text="What people and sources call it.")
    address = models.CharField(max_length=2_000, blank=True)
    daily = models.BooleanField(default=False, help_text="A web address that is read again every day.")
    file = models.FileField(upload_to=document_path, max_length=300, blank=True)
    filename = models.CharField(max_length=255, blank=True)
    size = models.PositiveBigIntegerField(default=0, help_text="Bytes.")
    content_hash = models.CharField(max_length=64, blank=True, help_text="SHA-256 of what was read last.")
    pages = models.PositiveIntegerField(default=0)

    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    note = models.CharField(max_length=400, blank=True, help_text="Why it failed or waits, and what to do.")
    run = models.PositiveIntegerField(default=0, help_text="Whoever works on it wrote this number; older ones may not write.")
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(default=timezone.now, help_text="From when on it may be taken up, by whoever comes first.")
    done = models.PositiveIntegerField(default=0, help_text="Steps of the present phase that are finished.")
    total = models.PositiveIntegerField(default=0)
    version = models.PositiveIntegerField(default=0, help_text="Grows with every change that people can see.")

    generation = models.PositiveIntegerField(default=0, help_text="The passages that are searched; 0 for none yet.")
    building = models.PositiveIntegerField(default=0, help_text="The passages that are being made; 0 for none.")
    model = models.CharField(max_length=120, blank=True, help_text="The embedding model of the searched passages.")
    dimensions = models.PositiveSmallIntegerField(default=DIMENSIONS)
    passages = models.PositiveIntegerField(default=0)
    usage = models.JSONField(default=list, help_text="Rows of contracts.md (Billing) of kind embedding, over its whole life.")
    indexed_at = models.DateTimeField(null=True, blank=True)
    refresh_at = models.DateTimeField(null=True, blank=True, help_text="When a daily address is read next.")
    created_by = models.UUIDField(null=True, blank=True, help_text="The person's id; people live in the shared schema.")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name", "pk"]
        indexes = [
            models.Index(
                fields=["due_at"], condition=models.Q(state__in=("queued", "reading", "embedding")), name="document_open"
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_working(self) -> bool:
        """Whether something still happens to it by itself."""
        return self.state in OPEN_STATES

    @property
    def percent(self) -> int:
        """How far the present phase is; 0 while that is not known."""
        return min(100, 100 * self.done // self.total) if self.total else 0

    @property
    def tokens(self) -> int:
        """What embedding it has taken so far."""
        return sum(int(row.get("input_tokens", 0)) for row in self.usage)


OPEN_STATES = (Document.State.QUEUED, Document.State.READING, Document.State.EMBEDDING)


class Passage(models.Model):
    """A piece of a document that is found as a whole. It is searched once its document's generation is its own."""

    id = models.BigAutoField(primary_key=True)
    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="passage_set")
    generation = models.PositiveIntegerField()
    position = models.PositiveIntegerField()
    heading = models.CharField(max_length=400, blank=True, help_text="The headings that it stands under, outermost first.")
    page = models.PositiveIntegerField(null=True, blank=True)
    text = models.TextField()
    tokens = models.PositiveIntegerField(help_text="An estimate.")
    digest = models.CharField(max_length=32, help_text="Of what is embedded, so that what stays the same is not embedded again.")
    embedding: "models.Field[Any, Any]" = VectorField(dimensions=DIMENSIONS, null=True)
    words = models.GeneratedField(
        expression=SearchVector("heading", weight="A", config="english") + SearchVector("text", weight="B", config="english"),
        output_field=SearchVectorField(),
        db_persist=True,
    )

    class Meta:
        ordering = ["document", "position"]
        constraints = [
            models.UniqueConstraint(fields=["document", "generation", "position"], name="passage_position_once"),
        ]
        indexes = [
            GinIndex(fields=["words"], name="passage_words"),
            HnswIndex(fields=["embedding"], opclasses=["vector_cosine_ops"], name="passage_embedding"),
        ]

    def __str__(self) -> str:
        return f"{self.document} {self.position}"
