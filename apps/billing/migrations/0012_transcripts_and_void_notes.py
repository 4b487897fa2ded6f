"""Voice notes become a source of usage, and a credit note can be voided at Stripe."""

from django.db import migrations, models

SOURCES = [
    ("call", "Call"),
    ("turn", "Answer of Herald"),
    ("message", "WhatsApp message"),
    ("transcript", "Voice note"),
    ("knowledge", "Knowledge"),
    ("trial", "Trial"),
    ("check", "Check"),
    ("tool", "Tool"),
]


class Migration(migrations.Migration):
    dependencies = [("billing", "0011_staff")]
    operations = [
        migrations.AlterField("invoiceline", "source_type", models.CharField(blank=True, choices=SOURCES, max_length=12)),
        migrations.AlterField("ledgerentry", "source_type", models.CharField(choices=SOURCES, default="call", max_length=12)),
        migrations.AlterField("spendday", "source_type", models.CharField(choices=SOURCES, max_length=12)),
        migrations.AlterField("spendhold", "source_type", models.CharField(choices=SOURCES, max_length=12)),
        migrations.AddField(
            "creditnote",
            "voided_at",
            models.DateTimeField(blank=True, null=True, help_text="When it was taken back at Stripe; it counts no longer."),
        ),
    ]
