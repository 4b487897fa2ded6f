from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("calls", "0003_trial")]
    operations = [
        migrations.AddIndex(
            model_name="call", index=models.Index(fields=["from_number", "-started_at"], name="calls_by_caller")
        )
    ]
