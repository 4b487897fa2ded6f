"""What sending through Stripe remembers, reminders of overdue invoices, and the daily comparison."""

import apps.core.ids
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("billing", "0008_plans")]
    operations = [
        migrations.CreateModel(
            name="DunningReminder",
            fields=[
                ("id", models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                (
                    "level",
                    models.CharField(
                        choices=[("first", "First reminder"), ("second", "Second reminder"), ("final", "Final notice")],
                        max_length=8,
                    ),
                ),
                ("due", models.DecimalField(decimal_places=6, help_text="What was open when it was written.", max_digits=18)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("begun_at", models.DateTimeField(blank=True, null=True)),
                ("sent_at", models.DateTimeField(blank=True, null=True)),
                ("note", models.CharField(blank=True, help_text="Why it was not sent.", max_length=300)),
            ],
            options={
                "ordering": ["created_at"],
            },
        ),
        migrations.CreateModel(
            name="Reconciliation",
            fields=[
                ("id", models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                (
                    "month",
                    models.DateField(blank=True, help_text="The first day of the month; empty for all that is open.", null=True),
                ),
                ("with_stripe", models.BooleanField(help_text="False where no Stripe account is configured.")),
                ("invoices", models.PositiveIntegerField(default=0, help_text="How many were compared.")),
                ("differences", models.JSONField(default=list, help_text="Sentences with what to do, by invoice.")),
                ("problem", models.CharField(blank=True, help_text="Why it could not be finished.", max_length=500)),
                ("begun_at", models.DateTimeField(auto_now_add=True)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ["-begun_at"],
            },
        ),
        migrations.AddField(
            model_name="billingprofile",
            name="stripe_asked_at",
            field=models.DateTimeField(
                blank=True, help_text="When Stripe was first asked for a customer: one that got lost is younger.", null=True
            ),
        ),
        migrations.AddField(
            model_name="creditnote",
            name="stripe_tries",
            field=models.PositiveSmallIntegerField(default=0, help_text="As an invoice's."),
        ),
        migrations.AddField(
            model_name="invoice",
            name="dispute",
            field=models.CharField(blank=True, help_text="The state of a dispute, as Stripe names it.", max_length=24),
        ),
        migrations.AddField(
            model_name="invoice",
            name="send_again_at",
            field=models.DateTimeField(blank=True, help_text="When it is tried again by itself.", null=True),
        ),
        migrations.AddField(
            model_name="invoice",
            name="send_attempts",
            field=models.PositiveIntegerField(default=0, help_text="How often sending began; a claim is good for its own."),
        ),
        migrations.AddField(
            model_name="invoice",
            name="sending_until",
            field=models.DateTimeField(blank=True, help_text="Until then one process alone sends it.", null=True),
        ),
        migrations.AddField(
            model_name="invoice",
            name="sent_at",
            field=models.DateTimeField(blank=True, help_text="When its customer was given it: mailed, or charged.", null=True),
        ),
        migrations.AddField(
            model_name="invoice",
            name="stripe_tries",
            field=models.PositiveSmallIntegerField(
                default=0,
                help_text="How often Stripe answered with an error of its own, which it repeats for the same idempotency key.",
            ),
        ),
        migrations.AddIndex(
            model_name="invoice",
            index=models.Index(
                condition=models.Q(("send_again_at__isnull", False)), fields=["send_again_at"], name="invoice_to_send_again"
            ),
        ),
        migrations.AddConstraint(
            model_name="creditnote",
            constraint=models.UniqueConstraint(
                condition=models.Q(("stripe_id", ""), _negated=True), fields=("stripe_id",), name="credit_note_stripe_once"
            ),
        ),
        migrations.AddField(
            model_name="dunningreminder",
            name="invoice",
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="reminders", to="billing.invoice"),
        ),
        migrations.AddConstraint(
            model_name="dunningreminder",
            constraint=models.UniqueConstraint(fields=("invoice", "level"), name="dunning_reminder_once"),
        ),
    ]
