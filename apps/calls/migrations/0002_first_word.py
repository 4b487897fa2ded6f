from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("calls", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="call",
            name="first_word_seconds",
            field=models.FloatField(default=6.0, help_text="How long Atlas, once in the room, may take to its first word."),
        ),
        migrations.AddField(
            model_name="dispatch",
            name="spoke_at",
            field=models.DateTimeField(blank=True, help_text="When this Atlas said its first word.", null=True),
        ),
        # An Atlas that talks while this is installed must not be taken for a mute one.
        migrations.RunSQL("UPDATE calls_dispatch SET spoke_at = joined_at WHERE agent_name = 'atlas'", migrations.RunSQL.noop),
    ]
