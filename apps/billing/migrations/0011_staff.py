"""The log of what the platform's staff do, and the index that their months are read from."""

import django.db.models.deletion
from django.db import migrations, models

import apps.core.ids

KINDS = [
    ("suspended", "Suspended the company"),
    ("restored", "Restored the company"),
    ("credit", "Gave a credit"),
    ("plan", "Changed the plan"),
    ("override", "Set a price of its own"),
    ("override_ended", "Ended a price of its own"),
    ("conflict", "Decided a conflict"),
    ("book_made", "Made a price book"),
    ("book_changed", "Changed a price book"),
    ("book_deleted", "Deleted a price book"),
    ("priced", "Gave something a price"),
    ("plan_made", "Made a plan"),
    ("plan_retired", "Retired a plan"),
]


class Migration(migrations.Migration):
    dependencies = [("billing", "0010_finance"), ("tenants", "0001_initial")]
    operations = [
        migrations.CreateModel(
            name="StaffAct",
            fields=[
                ("id", models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("kind", models.CharField(choices=KINDS, max_length=16)),
                (
                    "subject",
                    models.CharField(blank=True, help_text="What it was about, such as a price book.", max_length=200),
                ),
                ("reason", models.CharField(blank=True, max_length=500)),
                ("by", models.CharField(help_text="The e-mail address of whoever did it.", max_length=254)),
                ("at", models.DateTimeField(auto_now_add=True)),
                (
                    "tenant",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="staff_acts",
                        to="tenants.tenant",
                    ),
                ),
            ],
            options={
                "ordering": ["-at"],
                "indexes": [models.Index(fields=["tenant", "-at"], name="staff_act_by_tenant")],
            },
        ),
        migrations.AddIndex(
            model_name="ledgerentry",
            index=models.Index(
                fields=["started_at"],
                include=["tenant", "currency", "source_type", "channel", "revision", "total_known", "provider_cost"],
                name="ledger_by_moment",
            ),
        ),
    ]
