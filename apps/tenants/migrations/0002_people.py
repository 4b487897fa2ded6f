import apps.core.ids
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("tenants", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="tenant",
            name="delete_at",
            field=models.DateTimeField(blank=True, help_text="When its schema is dropped, if it is to be deleted.", null=True),
        ),
        migrations.AddField(
            model_name="tenant",
            name="idle_minutes",
            field=models.PositiveSmallIntegerField(default=0, help_text="Logged out after so long without work; 0: never."),
        ),
        migrations.AddField(
            model_name="tenant",
            name="mfa_required",
            field=models.BooleanField(default=False, help_text="Nobody works here without a second factor."),
        ),
        migrations.AddField(
            model_name="tenant",
            name="password_length",
            field=models.PositiveSmallIntegerField(default=10, help_text="The least length of a new password."),
        ),
        migrations.AddField(
            model_name="tenant",
            name="session_hours",
            field=models.PositiveSmallIntegerField(default=336, help_text="A log-in lasts this long at most."),
        ),
        migrations.AlterField(
            model_name="tenant",
            name="status",
            field=models.CharField(
                choices=[("active", "Active"), ("suspended", "Suspended"), ("deleted", "Deleted")],
                default="active",
                max_length=12,
            ),
        ),
        migrations.CreateModel(
            name="TenantExport",
            fields=[
                ("id", models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                (
                    "state",
                    models.CharField(
                        choices=[("waiting", "Waiting"), ("running", "Running"), ("done", "Ready"), ("failed", "Failed")],
                        default="waiting",
                        max_length=8,
                    ),
                ),
                ("tables_done", models.PositiveIntegerField(default=0)),
                ("tables_total", models.PositiveIntegerField(default=0)),
                ("size", models.PositiveBigIntegerField(default=0, help_text="Bytes of the zip file.")),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "asked_by",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="exports", to="tenants.tenant"),
                ),
            ],
            options={
                "ordering": ["-created_at"],
            },
        ),
        migrations.CreateModel(
            name="Invitation",
            fields=[
                ("id", models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("email", models.EmailField(max_length=254, verbose_name="e-mail")),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("owner", "Owner"),
                            ("admin", "Admin"),
                            ("supervisor", "Supervisor"),
                            ("agent", "Agent"),
                            ("finance", "Finance"),
                        ],
                        max_length=12,
                    ),
                ),
                ("sent_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "invited_by",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="invitations", to="tenants.tenant"
                    ),
                ),
            ],
            options={
                "ordering": ["email"],
                "constraints": [models.UniqueConstraint(fields=("tenant", "email"), name="invitation_once")],
            },
        ),
    ]
