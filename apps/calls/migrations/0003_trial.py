from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("calls", "0002_first_word")]
    operations = [
        migrations.AddField(
            model_name="call",
            name="trial",
            field=models.BooleanField(default=False, help_text="Somebody of the company tries the agent's draft."),
        ),
    ]
