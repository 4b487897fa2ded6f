from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("calls", "0003_trial")]
    operations = [
        migrations.AddIndex(model_name="call", index=models.Index(fields=["from_number", "-started_at"], name="calls_by_caller")),
        migrations.AddField(
            model_name="phonenumber",
            name="business_hours",
            field=models.JSONField(blank=True, default=dict, help_text='{"mon": [["09:00", "17:00"]], …}; empty: always open.'),
        ),
        migrations.AddField(
            model_name="phonenumber",
            name="timezone",
            field=models.CharField(blank=True, default="", help_text="Empty: the tenant's.", max_length=64),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="phonenumber",
            name="out_of_hours",
            field=models.CharField(
                choices=[
                    ("same", "Answer as always"),
                    ("agent", "Another AI agent answers"),
                    ("message", "Say that we are closed, and end the call"),
                ],
                default="same",
                max_length=8,
            ),
        ),
        migrations.AddField(
            model_name="phonenumber", name="out_of_hours_agent_id", field=models.UUIDField(blank=True, null=True)
        ),
        migrations.AddField(
            model_name="phonenumber",
            name="out_of_hours_text",
            field=models.CharField(blank=True, default="", help_text="What callers hear before the call ends.", max_length=500),
            preserve_default=False,
        ),
    ]
