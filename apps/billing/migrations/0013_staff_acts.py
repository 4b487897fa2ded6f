"""What staff do to plans and invoices has kinds of its own in their log; an answer is called what people call it."""

from django.db import migrations, models

KINDS = [
    ("suspended", "Suspended the company"),
    ("restored", "Restored the company"),
    ("credit", "Gave a credit"),
    ("plan", "Changed the plan"),
    ("trial", "Extended the trial"),
    ("drafted", "Made an invoice anew"),
    ("sent", "Sent an invoice again"),
    ("voided", "Voided an invoice"),
    ("note", "Made a credit note"),
    ("written_off", "Gave up an invoice"),
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


SOURCES = [
    ("call", "Call"),
    ("turn", "Answer in chat"),
    ("message", "WhatsApp message"),
    ("transcript", "Voice note"),
    ("knowledge", "Knowledge"),
    ("trial", "Trial"),
    ("check", "Check"),
    ("tool", "Tool"),
]


class Migration(migrations.Migration):
    dependencies = [("billing", "0012_transcripts_and_void_notes")]
    operations = [
        migrations.AlterField("staffact", "kind", models.CharField(choices=KINDS, max_length=16)),
        migrations.AlterField("invoiceline", "source_type", models.CharField(blank=True, choices=SOURCES, max_length=12)),
        migrations.AlterField("ledgerentry", "source_type", models.CharField(choices=SOURCES, default="call", max_length=12)),
        migrations.AlterField("spendday", "source_type", models.CharField(choices=SOURCES, max_length=12)),
        migrations.AlterField("spendhold", "source_type", models.CharField(choices=SOURCES, max_length=12)),
    ]
