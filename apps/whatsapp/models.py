"""Numbers, their mapping, templates and Herald's turns. Every table lives in the tenant's own schema."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.fields import EncryptedTextField
from apps.core.ids import uuid7


class AgentPhoneMapping(models.Model):
    """A WhatsApp number of the tenant, and who answers it: an AI agent, or a team."""

    class OutOfHours(models.TextChoices):
        SAME = "same", _("Answer as always")
        AGENT = "agent", _("The AI agent answers")
        TEAM = "team", _("The team is notified")
        MESSAGE = "message", _("Only say that we are closed")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    phone_number_id = models.CharField(max_length=64, unique=True, help_text="Meta's id of the number.")
    waba_id = models.CharField(max_length=64, blank=True, help_text="The WhatsApp Business Account it belongs to.")
    display_number = models.CharField(max_length=32, blank=True)
    label = models.CharField(max_length=120, blank=True)
    agent_id = models.UUIDField(null=True, blank=True, help_text="The AI agent (aiAgentId) that answers.")
    team = models.SlugField(max_length=63, blank=True, help_text="The team that answers, or that the agent hands over to.")
    business_hours = models.JSONField(default=dict, blank=True, help_text='{"mon": [["09:00", "17:00"]], …}; empty: always open.')
    timezone = models.CharField(max_length=64, blank=True, help_text="Empty: the tenant's.")
    out_of_hours = models.CharField(max_length=12, choices=OutOfHours, default=OutOfHours.SAME)
    out_of_hours_agent_id = models.UUIDField(null=True, blank=True, help_text="The AI agent out of hours; empty: agent_id.")
    out_of_hours_text = models.CharField(max_length=1024, blank=True)
    access_token = EncryptedTextField(blank=True, default="", help_text="Empty: the installation's WHATSAPP_ACCESS_TOKEN.")
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return self.label or self.display_number or self.phone_number_id


class Template(models.Model):
    """A message template as Meta approved it; refreshed by a task."""

    waba_id = models.CharField(max_length=64)
    external_id = models.CharField(max_length=64, blank=True)
    name = models.CharField(max_length=512)
    language = models.CharField(max_length=16)
    category = models.CharField(max_length=24, blank=True)
    status = models.CharField(max_length=24)
    components = models.JSONField(default=list)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name", "language"]
        constraints = [models.UniqueConstraint(fields=["waba_id", "name", "language"], name="template_once")]

    def __str__(self) -> str:
        return f"{self.name} ({self.language})"


class Turn(models.Model):
    """One turn of Herald: the contact's messages of a burst go out together, and its replies come back in order."""

    class State(models.TextChoices):
        COLLECTING = "collecting"
        RUNNING = "running"
        DONE = "done"
        STALE = "stale"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    conversation_id = models.UUIDField(db_index=True)
    agent_id = models.UUIDField()
    generation = models.PositiveIntegerField()
    state = models.CharField(max_length=12, choices=State, default=State.COLLECTING)
    message_ids = models.JSONField(default=list, help_text="Ids of the contact's messages, in order.")
    due_at = models.DateTimeField(help_text="When collecting ends; while running, when it is given up.")
    attempts = models.PositiveSmallIntegerField(default=0)
    typing_at = models.DateTimeField(null=True, blank=True, help_text="When typing was last shown to the contact.")
    usage = models.JSONField(default=list)
    note = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["conversation_id"], condition=models.Q(state="collecting"), name="turn_one_collecting"
            ),
            models.UniqueConstraint(fields=["conversation_id"], condition=models.Q(state="running"), name="turn_one_running"),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=models.Q(state__in=["collecting", "running"]), name="turn_due"),
        ]

    def __str__(self) -> str:
        return f"turn {self.id} {self.state}"


class TurnEvent(models.Model):
    """One event of POST /reply, kept also when it was dropped as stale."""

    turn = models.ForeignKey(Turn, on_delete=models.CASCADE, related_name="events")
    seq = models.PositiveIntegerField()
    event = models.CharField(max_length=12)
    payload = models.JSONField()
    dropped = models.BooleanField(default=False)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["seq"]
        constraints = [models.UniqueConstraint(fields=["turn", "seq"], name="turn_event_once")]

    def __str__(self) -> str:
        return f"{self.event} {self.seq}"


class Sending(models.Model):
    """The one message of a conversation that is on its way to Meta: it keeps their order, and none is sent twice.

    A row that is left over tells what its worker was doing when it died: with `posted_at` Meta may have taken the message.
    """

    conversation_id = models.UUIDField(primary_key=True)
    message_id = models.UUIDField()
    started_at = models.DateTimeField()
    posted_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"sending {self.message_id}"


class ReactionSeen(models.Model):
    """The contact's latest reaction to a message: an older one that comes later changes nothing."""

    target = models.CharField(max_length=191, primary_key=True, help_text="The external id of the message reacted to.")
    at = models.DateTimeField()
    external_id = models.CharField(max_length=191, help_text="Of two in the same second the greater id counts.")

    def __str__(self) -> str:
        return f"reaction to {self.target}"
