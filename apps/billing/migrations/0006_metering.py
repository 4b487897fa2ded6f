"""Corrections say why and by whom, past prices are decisions, and installations that exist get the prices of what is counted now."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.migrations.state import StateApps
from django.utils import timezone

import apps.core.ids
from apps.billing.models import Kind, Unit
from apps.billing.pricelist import NOTE, ROWS

COLUMNS = ("kind", "provider", "model", "unit", "provider_cost", "price", "note")


def _money() -> "models.DecimalField[object, object]":
    return models.DecimalField(decimal_places=6, max_digits=18)


def complete(apps: StateApps, schema_editor: object) -> None:
    """A version with what the list has by now, in effect from now on; where finance made books of its own, those stay as they are."""
    book_model, price_model = apps.get_model("billing", "PriceBook"), apps.get_model("billing", "Price")
    newest = book_model.objects.order_by("-version").first()
    if newest is None or newest.note != NOTE or newest.currency != "USD":
        return
    kept = [{name: getattr(price, name) for name in COLUMNS} for price in newest.prices.all()]
    known = {(row["kind"], row["provider"], row["model"]) for row in kept}
    missing = [dict(zip(COLUMNS, row, strict=True)) for row in ROWS if row[:3] not in known]
    if not missing:
        return
    book = book_model.objects.create(
        version=newest.version + 1, effective_from=timezone.now(), currency="USD", markup=newest.markup, note=NOTE
    )
    price_model.objects.bulk_create([price_model(book=book, **row) for row in [*kept, *missing]])


class Migration(migrations.Migration):
    dependencies = [("billing", "0005_billing_tables")]
    operations = [
        migrations.AddField(
            model_name="ledgerentry",
            name="reason",
            field=models.CharField(
                blank=True,
                default="",
                help_text="Why it was corrected, or by whose decision it was priced.",
                max_length=300,
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="ledgerentry",
            name="by",
            field=models.CharField(
                blank=True, default="", help_text="The e-mail address of whoever corrected it.", max_length=254
            ),
            preserve_default=False,
        ),
        migrations.AlterField(
            model_name="ledgerentry",
            name="content_hash",
            field=models.CharField(help_text="Of the usage; empty where a correction is of amounts alone.", max_length=64),
        ),
        migrations.RemoveConstraint(model_name="ledgerentry", name="ledger_duration_not_negative"),
        migrations.AddConstraint(
            model_name="ledgerentry",
            constraint=models.CheckConstraint(
                condition=models.Q(("duration__gte", 0), ("revision__gt", 0), _connector="OR"),
                name="ledger_duration_not_negative",
            ),
        ),
        migrations.CreateModel(
            name="PastPrice",
            fields=[
                ("id", models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("kind", models.CharField(choices=Kind.choices, max_length=12)),
                ("provider", models.CharField(max_length=64)),
                ("model", models.CharField(max_length=120)),
                ("unit", models.CharField(choices=Unit.choices, max_length=24)),
                ("currency", models.CharField(default="USD", max_length=3)),
                ("provider_cost", _money()),
                ("price", _money()),
                ("since", models.DateTimeField(blank=True, help_text="Empty: for all that was ever used.", null=True)),
                ("until", models.DateTimeField(help_text="Not included; later use is priced by books.")),
                ("reason", models.CharField(max_length=300)),
                ("decided_by", models.CharField(help_text="The e-mail address of whoever decided it.", max_length=254)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "tenant",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="past_prices",
                        to="tenants.tenant",
                    ),
                ),
            ],
            options={
                "ordering": ["created_at"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("price__gte", 0), ("provider_cost__gte", 0)), name="past_price_not_negative"
                    )
                ],
            },
        ),
        migrations.RunPython(complete, migrations.RunPython.noop),
    ]
