"""Agents and what makes them up. Every table lives in the tenant's own schema."""

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.fields import EncryptedJSONField, EncryptedTextField
from apps.core.ids import uuid7


class Agent(models.Model):
    """An AI agent as people know it. What it says and does is in its versions."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    slug = models.SlugField(max_length=63, unique=True, help_text="The last part of its call page's address.")
    name = models.CharField(max_length=120)
    enabled = models.BooleanField(default=True, help_text="A disabled agent takes no new calls.")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class AgentVersion(models.Model):
    """One state of an agent's configuration. Published and archived ones no longer change."""

    class State(models.TextChoices):
        DRAFT = "draft", _("Draft")
        PUBLISHED = "published", _("Published")
        ARCHIVED = "archived", _("Archived")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=12, choices=State, default=State.DRAFT)
    language = models.CharField(max_length=35, default="en", help_text="BCP 47, such as en or pt-BR.")
    config = models.JSONField(help_text="The shape is apps.compass.payloads.Config.")
    created_by = models.UUIDField(null=True, blank=True, help_text="The person's id; people live in the shared schema.")
    created_at = models.DateTimeField(auto_now_add=True)
    revision = models.PositiveIntegerField(default=1, help_text="Grows with every save of the draft.")
    updated_by = models.UUIDField(null=True, blank=True, help_text="Who saved it last.")
    updated_at = models.DateTimeField(auto_now=True)
    published_by = models.UUIDField(null=True, blank=True)
    published_at = models.DateTimeField(null=True, blank=True)
    note = models.CharField(max_length=200, blank=True, help_text="What was changed, in the words of whoever published it.")

    class Meta:
        ordering = ["agent", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["agent", "number"], name="agent_version_number_once"),
            models.UniqueConstraint(fields=["agent"], condition=models.Q(state="published"), name="agent_one_published"),
            models.UniqueConstraint(fields=["agent"], condition=models.Q(state="draft"), name="agent_one_draft"),
        ]

    def __str__(self) -> str:
        return f"{self.agent} {self.number} ({self.state})"

    @property
    def base(self) -> str:
        """What a person who edits started from: another save of the agent has another one."""
        return f"{self.number}.{self.revision}.{self.pk.hex[-8:]}"  # a draft thrown away leaves its number to the next one

    @property
    def is_draft(self) -> bool:
        return self.state == self.State.DRAFT


class ProviderCredential(models.Model):
    """The tenant's own account at a provider: `{"api_key", "base_url"}`. Written by people, read only by agents."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    provider = models.CharField(max_length=32, unique=True)
    secret: "models.Field[Any, Any]" = EncryptedJSONField()
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return self.provider


class ToolSecret(models.Model):
    """A value that tools' headers name as {secret:NAME}. Written by people, read only when a tool runs."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=64, unique=True)
    value = EncryptedTextField()
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return self.name
