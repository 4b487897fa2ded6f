import apps.core.ids
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("compass", "0002_agents")]
    operations = [
        migrations.CreateModel(
            name="Tool",
            fields=[
                ("id", models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                (
                    "name",
                    models.CharField(help_text="What models and agents' configurations know it by.", max_length=64, unique=True),
                ),
                ("kind", models.CharField(choices=[("http", "HTTP"), ("mcp", "MCP server")], max_length=8)),
                ("description", models.CharField(blank=True, max_length=1000)),
                (
                    "spec",
                    models.JSONField(
                        help_text="HTTP: {parameters, http}; MCP: the shape is apps.compass.payloads_tools.McpServer."
                    ),
                ),
                (
                    "enabled",
                    models.BooleanField(default=True, help_text="A tool that is switched off is offered to no agent."),
                ),
                (
                    "updated_by",
                    models.UUIDField(blank=True, help_text="The person's id; people live in the shared schema.", null=True),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
            ],
            options={"ordering": ["name"]},
        ),
    ]
