import apps.core.ids
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("compass", "0004_knowledge"),
    ]

    operations = [
        migrations.CreateModel(
            name="CheckPolicy",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("require_green", models.BooleanField(default=False, help_text="Publishing waits for every check to pass.")),
                ("judge_model", models.CharField(blank=True, max_length=120)),
                ("customer_model", models.CharField(blank=True, max_length=120)),
                (
                    "agent",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="check_policy", to="compass.agent"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="CheckRun",
            fields=[
                ("id", models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("number", models.PositiveIntegerField(help_text="The version's number.")),
                ("language", models.CharField(max_length=35)),
                ("config", models.JSONField(help_text="The configuration that was checked; a draft may have changed since.")),
                ("config_hash", models.CharField(max_length=64)),
                ("judge_model", models.CharField(blank=True, max_length=120)),
                ("customer_model", models.CharField(blank=True, max_length=120)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "Waiting"),
                            ("running", "Running"),
                            ("done", "Done"),
                            ("cancelled", "Cancelled"),
                            ("interrupted", "Interrupted"),
                        ],
                        default="queued",
                        max_length=12,
                    ),
                ),
                ("detail", models.TextField(blank=True, help_text="Why it did not end by itself.")),
                ("started_by", models.UUIDField(blank=True, null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("seen_at", models.DateTimeField(auto_now_add=True, help_text="The last sign of life of whoever runs it.")),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "agent",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="check_runs", to="compass.agent"),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="check_runs", to="compass.agentversion"
                    ),
                ),
            ],
            options={
                "ordering": ["-created_at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="CheckScenario",
            fields=[
                ("id", models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=120)),
                ("customer", models.TextField(blank=True, help_text="Who the customer is and what they want.", max_length=4000)),
                (
                    "lines",
                    models.JSONField(blank=True, default=list, help_text="What a scripted customer says, one after the other."),
                ),
                (
                    "turns",
                    models.PositiveSmallIntegerField(default=6, help_text="Answers after which a simulated customer gives up."),
                ),
                ("assertions", models.JSONField(blank=True, default=list)),
                ("criteria", models.JSONField(blank=True, default=list, help_text="What a judge scores, one sentence each.")),
                ("pass_mark", models.FloatField(default=0.7, help_text="The least score of each criterion, from 0 to 1.")),
                (
                    "tool_answers",
                    models.JSONField(blank=True, default=dict, help_text="Answers of tools that are not to be run."),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "agent",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="scenarios", to="compass.agent"),
                ),
            ],
            options={
                "ordering": ["created_at", "id"],
            },
        ),
        migrations.CreateModel(
            name="CheckResult",
            fields=[
                ("id", models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("position", models.PositiveSmallIntegerField()),
                ("asked", models.JSONField(help_text="The scenario as it was then.")),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("running", "Running"),
                            ("passed", "Passed"),
                            ("failed", "Failed"),
                            ("unjudged", "Could not judge"),
                            ("skipped", "Not run"),
                        ],
                        default="waiting",
                        max_length=12,
                    ),
                ),
                ("detail", models.TextField(blank=True, help_text="A sentence, where it could not be run.")),
                ("turns", models.JSONField(default=list)),
                ("assertions", models.JSONField(default=list)),
                ("scores", models.JSONField(default=list)),
                ("usage", models.JSONField(default=list)),
                ("cost", models.DecimalField(blank=True, decimal_places=6, max_digits=18, null=True)),
                ("currency", models.CharField(blank=True, max_length=3)),
                ("seconds", models.FloatField(blank=True, null=True)),
                (
                    "run",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="results", to="compass.checkrun"),
                ),
                (
                    "scenario",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="results",
                        to="compass.checkscenario",
                    ),
                ),
            ],
            options={
                "ordering": ["position"],
            },
        ),
        migrations.CreateModel(
            name="TrialUsage",
            fields=[
                ("id", models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("kind", models.CharField(choices=[("chat", "Try it"), ("check", "Checks")], max_length=8)),
                ("number", models.PositiveIntegerField(help_text="The version's number.")),
                ("subject_id", models.UUIDField(blank=True, help_text="The result of a check.", null=True)),
                ("user_id", models.UUIDField(blank=True, null=True)),
                ("usage", models.JSONField(help_text="Rows as in POST /billing/calls.")),
                ("cost", models.DecimalField(blank=True, decimal_places=6, max_digits=18, null=True)),
                ("currency", models.CharField(blank=True, max_length=3)),
                ("at", models.DateTimeField(auto_now_add=True)),
                (
                    "agent",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="compass.agent"
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="checkrun",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ("queued", "running"))), fields=("agent",), name="check_run_one_at_a_time"
            ),
        ),
        migrations.AddConstraint(
            model_name="checkresult",
            constraint=models.UniqueConstraint(fields=("run", "position"), name="check_result_once"),
        ),
        migrations.AddIndex(
            model_name="trialusage",
            index=models.Index(fields=["at"], name="trial_usage_by_time"),
        ),
        migrations.AddConstraint(
            model_name="trialusage",
            constraint=models.UniqueConstraint(
                condition=models.Q(("subject_id__isnull", False)), fields=("subject_id",), name="trial_usage_once"
            ),
        ),
    ]
