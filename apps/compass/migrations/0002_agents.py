from django.db import migrations, models
from django.utils import timezone


class Migration(migrations.Migration):
    dependencies = [("compass", "0001_agents")]
    operations = [
        migrations.AddField(
            model_name="agentversion",
            name="revision",
            field=models.PositiveIntegerField(default=1, help_text="Grows with every save of the draft."),
        ),
        migrations.AddField(
            model_name="agentversion",
            name="updated_by",
            field=models.UUIDField(blank=True, help_text="Who saved it last.", null=True),
        ),
        migrations.AddField(
            model_name="agentversion",
            name="updated_at",
            field=models.DateTimeField(auto_now=True, default=timezone.now),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="agentversion",
            name="published_by",
            field=models.UUIDField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="agentversion",
            name="note",
            field=models.CharField(
                blank=True, help_text="What was changed, in the words of whoever published it.", max_length=200
            ),
        ),
    ]
