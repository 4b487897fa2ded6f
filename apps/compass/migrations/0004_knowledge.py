import apps.compass.models.knowledge
import apps.core.ids
import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.db.models.deletion
import django.utils.timezone
import pgvector.django.indexes
import pgvector.django.vector
from django.db import migrations, models


# One for all tenants, in the schema that every tenant's search path ends with. Schemas are migrated beside each other, and
# two CREATE EXTENSION at once would collide.
EXTENSION = [
    "SELECT pg_advisory_xact_lock(7245620517)",
    "CREATE EXTENSION IF NOT EXISTS vector WITH SCHEMA public",
]


class Migration(migrations.Migration):
    dependencies = [
        ("compass", "0003_tools"),
    ]

    operations = [
        migrations.RunSQL(EXTENSION, migrations.RunSQL.noop),
        migrations.CreateModel(
            name="Document",
            fields=[
                ("id", models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("source", models.CharField(choices=[("file", "File"), ("address", "Web address")], max_length=8)),
                (
                    "kind",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("pdf", "PDF"),
                            ("docx", "Word"),
                            ("html", "HTML"),
                            ("markdown", "Markdown"),
                            ("text", "Text"),
                            ("csv", "CSV"),
                        ],
                        help_text="Found out from the content.",
                        max_length=8,
                    ),
                ),
                ("name", models.CharField(help_text="What people and sources call it.", max_length=200)),
                ("address", models.CharField(blank=True, max_length=2000)),
                ("daily", models.BooleanField(default=False, help_text="A web address that is read again every day.")),
                ("file", models.FileField(blank=True, max_length=300, upload_to=apps.compass.models.knowledge.document_path)),
                ("filename", models.CharField(blank=True, max_length=255)),
                ("size", models.PositiveBigIntegerField(default=0, help_text="Bytes.")),
                ("content_hash", models.CharField(blank=True, help_text="SHA-256 of what was read last.", max_length=64)),
                ("pages", models.PositiveIntegerField(default=0)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "Waiting"),
                            ("reading", "Reading"),
                            ("embedding", "Indexing"),
                            ("ready", "Ready"),
                            ("failed", "Failed"),
                            ("stopped", "Stopped"),
                        ],
                        default="queued",
                        max_length=10,
                    ),
                ),
                ("note", models.CharField(blank=True, help_text="Why it failed or waits, and what to do.", max_length=400)),
                (
                    "run",
                    models.PositiveIntegerField(
                        default=0, help_text="Whoever works on it wrote this number; older ones may not write."
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                (
                    "due_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, help_text="From when on it may be taken up, by whoever comes first."
                    ),
                ),
                ("done", models.PositiveIntegerField(default=0, help_text="Steps of the present phase that are finished.")),
                ("total", models.PositiveIntegerField(default=0)),
                ("version", models.PositiveIntegerField(default=0, help_text="Grows with every change that people can see.")),
                (
                    "generation",
                    models.PositiveIntegerField(default=0, help_text="The passages that are searched; 0 for none yet."),
                ),
                ("building", models.PositiveIntegerField(default=0, help_text="The passages that are being made; 0 for none.")),
                (
                    "model",
                    models.CharField(blank=True, help_text="The embedding model of the searched passages.", max_length=120),
                ),
                ("dimensions", models.PositiveSmallIntegerField(default=384)),
                ("passages", models.PositiveIntegerField(default=0)),
                (
                    "usage",
                    models.JSONField(
                        default=list, help_text="Rows of contracts.md (Billing) of kind embedding, over its whole life."
                    ),
                ),
                ("indexed_at", models.DateTimeField(blank=True, null=True)),
                ("refresh_at", models.DateTimeField(blank=True, help_text="When a daily address is read next.", null=True)),
                (
                    "created_by",
                    models.UUIDField(blank=True, help_text="The person's id; people live in the shared schema.", null=True),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
            ],
            options={
                "ordering": ["name", "pk"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("state__in", ("queued", "reading", "embedding"))),
                        fields=["due_at"],
                        name="document_open",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Passage",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("generation", models.PositiveIntegerField()),
                ("position", models.PositiveIntegerField()),
                (
                    "heading",
                    models.CharField(blank=True, help_text="The headings that it stands under, outermost first.", max_length=400),
                ),
                ("page", models.PositiveIntegerField(blank=True, null=True)),
                ("text", models.TextField()),
                ("tokens", models.PositiveIntegerField(help_text="An estimate.")),
                (
                    "digest",
                    models.CharField(
                        help_text="Of what is embedded, so that what stays the same is not embedded again.", max_length=32
                    ),
                ),
                ("embedding", pgvector.django.vector.VectorField(dimensions=384, null=True)),
                (
                    "words",
                    models.GeneratedField(
                        db_persist=True,
                        expression=django.contrib.postgres.search.CombinedSearchVector(
                            django.contrib.postgres.search.SearchVector("heading", config="english", weight="A"),
                            "||",
                            django.contrib.postgres.search.SearchVector("text", config="english", weight="B"),
                            django.contrib.postgres.search.SearchConfig("english"),
                        ),
                        output_field=django.contrib.postgres.search.SearchVectorField(),
                    ),
                ),
                (
                    "document",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="passage_set", to="compass.document"
                    ),
                ),
            ],
            options={
                "ordering": ["document", "position"],
                "indexes": [
                    django.contrib.postgres.indexes.GinIndex(fields=["words"], name="passage_words"),
                    pgvector.django.indexes.HnswIndex(
                        fields=["embedding"], name="passage_embedding", opclasses=["vector_cosine_ops"]
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("document", "generation", "position"), name="passage_position_once")
                ],
            },
        ),
    ]
