"""Makes the price book that Meridian comes with."""

from django.db import migrations
from django.db.migrations.state import StateApps

from apps.billing.pricelist import EFFECTIVE_FROM, NOTE, ROWS


def seed(apps: StateApps, schema_editor: object) -> None:
    book_model, price_model = apps.get_model("billing", "PriceBook"), apps.get_model("billing", "Price")
    if book_model.objects.exists():
        return
    book = book_model.objects.create(version=1, effective_from=EFFECTIVE_FROM, currency="USD", note=NOTE)
    columns = ("kind", "provider", "model", "unit", "provider_cost", "price", "note")
    price_model.objects.bulk_create([price_model(book=book, **dict(zip(columns, row, strict=True))) for row in ROWS])


class Migration(migrations.Migration):
    dependencies = [("billing", "0002_immutable_ledger")]
    operations = [migrations.RunPython(seed, migrations.RunPython.noop)]
