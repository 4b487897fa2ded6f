"""A limit knows when it was changed, and a window in which time zone it was summed."""

import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("billing", "0006_metering")]
    operations = [
        migrations.AddField(
            model_name="spendlimit",
            name="updated_at",
            field=models.DateTimeField(auto_now=True, default=django.utils.timezone.now),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="spendwindow",
            name="zone",
            field=models.CharField(default="UTC", help_text="The tenant's time zone that `spent` was summed in.", max_length=64),
        ),
    ]
