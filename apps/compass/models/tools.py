"""The tenant's tool library: what agents select by name. Every table lives in the tenant's own schema."""

from typing import TYPE_CHECKING

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.ids import uuid7

if TYPE_CHECKING:
    from apps.compass.payloads_tools import HttpTool, McpServer


class Tool(models.Model):
    """An HTTP tool, or an MCP server with its tools. Agents that select it follow its changes at once."""

    class Kind(models.TextChoices):
        HTTP = "http", _("HTTP")
        MCP = "mcp", _("MCP server")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=64, unique=True, help_text="What models and agents' configurations know it by.")
    kind = models.CharField(max_length=8, choices=Kind)
    description = models.CharField(max_length=1_000, blank=True)
    spec = models.JSONField(help_text="HTTP: {parameters, http}; MCP: the shape is apps.compass.payloads_tools.McpServer.")
    enabled = models.BooleanField(default=True, help_text="A tool that is switched off is offered to no agent.")
    updated_by = models.UUIDField(null=True, blank=True, help_text="The person's id; people live in the shared schema.")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def http(self) -> "HttpTool":
        """As the configuration of an agent would hold it."""
        from apps.compass.payloads_tools import HttpTool

        return HttpTool.model_validate({"kind": "http", "name": self.name, "description": self.description, **self.spec})

    @property
    def server(self) -> "McpServer":
        from apps.compass.payloads_tools import McpServer

        return McpServer.model_validate(self.spec)

    @property
    def secrets(self) -> set[str]:
        """The names of the secrets that its headers need."""
        from apps.compass.payloads_tools import secrets_in

        return secrets_in((self.spec["http"] if self.kind == self.Kind.HTTP else self.spec)["headers"])
