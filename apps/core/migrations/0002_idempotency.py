import apps.core.fields
import apps.core.ids
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("core", "0001_initial")]
    operations = [
        migrations.CreateModel(
            name="IdempotentAnswer",
            fields=[
                ("id", models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("owner", models.CharField(help_text="The tenant, and whose key it is.", max_length=191)),
                ("key", models.CharField(max_length=255)),
                ("digest", models.CharField(help_text="Of method, address and body.", max_length=64)),
                (
                    "status",
                    models.PositiveSmallIntegerField(blank=True, help_text="Empty while it is being done.", null=True),
                ),
                ("content_type", models.CharField(blank=True, max_length=100)),
                (
                    "body",
                    apps.core.fields.EncryptedTextField(
                        blank=True, default="", help_text="Answers may hold secrets that are shown once."
                    ),
                ),
                ("created_at", models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("owner", "key"), name="idempotent_once")],
            },
        ),
    ]
