from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("desktop", "0001_initial")]
    operations = [
        migrations.AddIndex(
            model_name="conversation",
            index=models.Index(fields=["created_at"], name="conversation_by_day"),
        ),
    ]
