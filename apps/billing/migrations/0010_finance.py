"""What finance's pages add up: the ledger by day. The database notes every new entry; a task folds them in."""

import django.db.models.deletion
from django.db import migrations, models

NOTE = """
CREATE FUNCTION billing_spend_note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO billing_spendpending (entry_id) SELECT id FROM made;
    RETURN NULL;
END $$;
CREATE TRIGGER billing_spend_noted AFTER INSERT ON billing_ledgerentry
    REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION billing_spend_note();
"""
FORGET = """
DROP TRIGGER billing_spend_noted ON billing_ledgerentry;
DROP FUNCTION billing_spend_note();
"""
# What is there already waits like the rest: until the task has folded it, pages read it from the ledger.
WAITING = "INSERT INTO billing_spendpending (entry_id) SELECT id FROM billing_ledgerentry"

SOURCES = [
    ("call", "Call"),
    ("turn", "Answer of Herald"),
    ("message", "WhatsApp message"),
    ("knowledge", "Knowledge"),
    ("trial", "Trial"),
    ("check", "Check"),
    ("tool", "Tool"),
]
PARTS = ("transport", "stt", "llm", "tts", "messages", "platform", "total_known")
KEYS = ["tenant", "zone", "day", "source_type", "channel", "agent_id", "currency"]
LISTED = ["source_type", "channel", "agent_id", "currency", "total_known"]


def _amount() -> "models.DecimalField[object, object]":
    return models.DecimalField(decimal_places=6, default=0, max_digits=18)


class Migration(migrations.Migration):
    dependencies = [("billing", "0009_stripe")]
    operations = [
        migrations.CreateModel(
            name="SpendPending",
            fields=[("entry_id", models.UUIDField(primary_key=True, serialize=False))],
        ),
        migrations.CreateModel(
            name="SpendDay",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("zone", models.CharField(max_length=64)),
                ("day", models.DateField()),
                ("source_type", models.CharField(choices=SOURCES, max_length=12)),
                ("channel", models.CharField(blank=True, max_length=12)),
                ("agent_id", models.UUIDField(null=True)),
                ("currency", models.CharField(max_length=3)),
                ("entries", models.PositiveIntegerField(default=0, help_text="Rows of the ledger, corrections too.")),
                (
                    "sources",
                    models.PositiveIntegerField(default=0, help_text="Rows without corrections: calls, answers, messages."),
                ),
                ("duration", models.DecimalField(decimal_places=6, default=0, help_text="Seconds.", max_digits=18)),
                *[(part, _amount()) for part in PARTS],
                (
                    "tenant",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="tenants.tenant"),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=KEYS, name="spend_day_once", nulls_distinct=False)],
            },
        ),
        migrations.RunSQL(NOTE, FORGET),
        migrations.RunSQL(WAITING, migrations.RunSQL.noop),
        migrations.RemoveIndex(model_name="ledgerentry", name="ledger_by_tenant"),
        migrations.AddIndex(
            model_name="ledgerentry",
            index=models.Index(fields=["tenant", "-started_at", "-id"], include=LISTED, name="ledger_listed"),
        ),
        migrations.AddIndex(
            model_name="ledgerentry",
            index=models.Index(
                condition=models.Q(total__isnull=True), fields=["tenant", "-started_at"], name="ledger_open_price"
            ),
        ),
    ]
