"""Makes the plans that Meridian comes with, and lets a credit say which invoice left it over."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.migrations.state import StateApps

from apps.billing.planlist import PLANS


def seed(apps: StateApps, schema_editor: object) -> None:
    plan_model, inclusion_model = apps.get_model("billing", "Plan"), apps.get_model("billing", "PlanInclusion")
    if plan_model.objects.exists():
        return
    for row in PLANS:
        plan = plan_model.objects.create(**{name: value for name, value in row.items() if name != "inclusions"})
        rows = [inclusion_model(plan=plan, meter=meter, quantity=quantity) for meter, quantity in row["inclusions"].items()]
        inclusion_model.objects.bulk_create(rows)


class Migration(migrations.Migration):
    dependencies = [("billing", "0007_limits")]
    operations = [
        migrations.AddField(
            model_name="credit",
            name="carried_from",
            field=models.OneToOneField(
                blank=True,
                help_text="The invoice that came out below 0, and left this over.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="carried",
                to="billing.invoice",
            ),
        ),
        migrations.RunPython(seed, migrations.RunPython.noop),
    ]
