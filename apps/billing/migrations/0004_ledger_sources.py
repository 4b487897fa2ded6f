"""A ledger entry says what it is for: so far every one was a call's."""

from django.db import migrations, models

FILL = """
ALTER TABLE billing_ledgerentry DISABLE TRIGGER billing_ledger_immutable;
UPDATE billing_ledgerentry SET source_id = call_id::text;
ALTER TABLE billing_ledgerentry ENABLE TRIGGER billing_ledger_immutable;
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0003_first_price_book")]
    operations = [
        migrations.AddField(
            model_name="ledgerentry",
            name="source_id",
            field=models.CharField(default="", max_length=191),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="ledgerentry",
            name="source_type",
            field=models.CharField(
                choices=[
                    ("call", "Call"),
                    ("turn", "Answer of Herald"),
                    ("message", "WhatsApp message"),
                    ("knowledge", "Knowledge"),
                    ("trial", "Trial"),
                    ("check", "Check"),
                    ("tool", "Tool"),
                ],
                default="call",
                max_length=12,
            ),
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
