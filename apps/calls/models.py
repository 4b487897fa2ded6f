"""Calls, what happened in them, who was asked to join, and the numbers and trunks that callers come through."""

from secrets import token_hex

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.core.fields import EncryptedTextField
from apps.core.ids import uuid7

DEFAULT_MAX_CALL_SECONDS = 1800
DEFAULT_FIRST_WORD_SECONDS = 6.0


class Channel(models.TextChoices):
    WEBRTC = "webrtc", _("Browser")
    SIP = "sip", _("Phone")


class State(models.TextChoices):
    RINGING = "ringing", _("Ringing")
    IN_PROGRESS = "in_progress", _("In progress")
    TRANSFERRING = "transferring", _("Transferring")
    COMPLETED = "completed", _("Completed")
    FAILED = "failed", _("Failed")
    MISSED = "missed", _("Missed")


class EndedReason(models.TextChoices):
    CALLER_HANGUP = "caller_hangup", _("Caller hung up")
    AGENT_HANGUP = "agent_hangup", _("Agent ended the call")
    TRANSFERRED = "transferred", _("Transferred")
    NO_AGENT = "no_agent", _("No agent answered")
    MAX_DURATION = "max_duration", _("Longest duration reached")
    SPEND_LIMIT = "spend_limit", _("Spend limit reached")
    SUSPENDED = "suspended", _("Company suspended")
    ERROR = "error", _("Error")


LIVE_STATES = (State.RINGING, State.IN_PROGRESS, State.TRANSFERRING)
LIVE = models.Q(state__in=LIVE_STATES)
LIVE_SQL = f"state IN ({', '.join(repr(state.value) for state in LIVE_STATES)})"  # the same, for statements over many tenants


class Call(models.Model):
    """One conversation: a room, its caller, and the agent that answers."""

    class Direction(models.TextChoices):
        INBOUND = "inbound", _("Inbound")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    direction = models.CharField(max_length=8, choices=Direction, default=Direction.INBOUND)
    channel = models.CharField(max_length=8, choices=Channel)
    room_name = models.CharField(max_length=191, unique=True)
    agent_id = models.UUIDField(null=True, blank=True)
    agent_slug = models.CharField(max_length=63, blank=True)
    agent_name = models.CharField(max_length=120, blank=True)
    team = models.CharField(max_length=63, blank=True)
    language = models.CharField(max_length=16, blank=True)
    trial = models.BooleanField(default=False, help_text="Somebody of the company tries the agent's draft.")
    max_seconds = models.PositiveIntegerField(default=DEFAULT_MAX_CALL_SECONDS)
    first_word_seconds = models.FloatField(
        default=DEFAULT_FIRST_WORD_SECONDS, help_text="How long Atlas, once in the room, may take to its first word."
    )
    records = models.BooleanField(default=False, help_text="Its agent records calls; whether this one was is another question.")

    state = models.CharField(max_length=12, choices=State, default=State.RINGING)
    ended_reason = models.CharField(max_length=16, choices=EndedReason, blank=True)
    detail = models.TextField(blank=True, help_text="A sentence that says why it ended as it did.")

    from_number = models.CharField(max_length=64, blank=True)
    to_number = models.CharField(max_length=64, blank=True)
    caller_identity = models.CharField(max_length=191, blank=True)
    caller_name = models.CharField(max_length=120, blank=True)
    sip_call_id = models.CharField(max_length=191, blank=True)
    sip_trunk_id = models.CharField(max_length=64, blank=True)

    started_at = models.DateTimeField(default=timezone.now)
    joined_at = models.DateTimeField(null=True, blank=True, help_text="When the caller was in the room.")
    left_at = models.DateTimeField(null=True, blank=True, help_text="When the caller was found to be gone; empty while there.")
    answered_at = models.DateTimeField(null=True, blank=True, help_text="When the agent first listened or spoke.")
    ended_at = models.DateTimeField(null=True, blank=True)
    agent_seen_at = models.DateTimeField(null=True, blank=True, help_text="The last sign of life of Atlas.")
    billed_at = models.DateTimeField(null=True, blank=True)
    room_deleted_at = models.DateTimeField(null=True, blank=True)
    version = models.PositiveIntegerField(default=1, help_text="Grows with every change; pages refetch when it does.")

    class Meta:
        indexes = [
            models.Index(fields=["-started_at", "-id"], name="calls_newest"),
            models.Index(fields=["agent_slug", "-started_at"], name="calls_by_agent"),
            models.Index(fields=["from_number", "-started_at"], name="calls_by_caller"),
            models.Index(fields=["started_at"], condition=LIVE, name="calls_live"),
            models.Index(fields=["ended_at"], condition=models.Q(billed_at=None, ended_at__isnull=False), name="calls_unbilled"),
            models.Index(
                fields=["ended_at"], condition=models.Q(room_deleted_at=None, ended_at__isnull=False), name="calls_room_left"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.channel} call {self.id}"

    @property
    def is_live(self) -> bool:
        """True until it has ended."""
        return self.state in LIVE_STATES

    @property
    def is_billed(self) -> bool:
        return self.billed_at is not None

    @property
    def duration(self) -> float:
        """Seconds since the caller was there, until now while it runs."""
        return max(0.0, ((self.ended_at or timezone.now()) - (self.joined_at or self.started_at)).total_seconds())

    @property
    def caller(self) -> str:
        """Who called, as a list shows it."""
        return self.caller_name or self.from_number or self.caller_identity


class EventType(models.TextChoices):
    STATE = "state"
    TRANSCRIPT = "transcript"
    SENTIMENT = "sentiment"
    LATENCY = "latency"
    TOOL = "tool"
    USAGE = "usage"
    HEARTBEAT = "heartbeat"
    ERROR = "error"


class CallEvent(models.Model):
    """Something that Atlas or Media Bot told about a call. Heartbeats move a time on, and are not kept."""

    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="events")
    source = models.CharField(max_length=40, help_text="atlas, media-bot, or a later run such as atlas.2.")
    seq = models.PositiveIntegerField()
    type = models.CharField(max_length=16, choices=EventType)
    at = models.DateTimeField()
    data = models.JSONField(default=dict)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["call", "source", "seq"], name="call_event_once")]
        indexes = [models.Index(fields=["call", "type", "at"], name="call_events_by_type")]

    def __str__(self) -> str:
        return f"{self.source} {self.seq} {self.type}"

    @property
    def system(self) -> str:
        """`atlas` or `media-bot`, without the number of the run."""
        return self.source.partition(".")[0]

    @property
    def attempt(self) -> int:
        """Which dispatch this run came of: `atlas` is 1, `atlas.2` is 2."""
        number = self.source.rpartition(".")[2]
        return int(number) if number.isdigit() else 1


class Dispatch(models.Model):
    """An agent that was asked to join a call's room; one row per attempt, so that it is asked once."""

    class State(models.TextChoices):
        REQUESTED = "requested"
        JOINED = "joined"
        FAILED = "failed"

    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="dispatches")
    agent_name = models.CharField(max_length=24)
    attempt = models.PositiveSmallIntegerField(default=1)
    state = models.CharField(max_length=12, choices=State, default=State.REQUESTED)
    dispatch_id = models.CharField(max_length=64, blank=True)
    identity = models.CharField(max_length=191, blank=True, help_text="The participant that came of it.")
    announcement = models.JSONField(null=True, blank=True, help_text="What Media Bot shall say before it ends the call.")
    requested_at = models.DateTimeField(default=timezone.now)
    claimed_at = models.DateTimeField(null=True, blank=True, help_text="When somebody last set out to send it to LiveKit.")
    joined_at = models.DateTimeField(null=True, blank=True)
    spoke_at = models.DateTimeField(null=True, blank=True, help_text="When this Atlas said its first word.")
    seen_at = models.DateTimeField(null=True, blank=True, help_text="The last sign of life of this Media Bot, once it sends any.")
    failed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["call", "agent_name", "attempt"], name="dispatch_once")]

    def __str__(self) -> str:
        return f"{self.agent_name} #{self.attempt}: {self.state}"


def recording_place(row: models.Model, name: str) -> str:
    """Where a file of a recording lies in the tenant's storage: nobody can guess it, nor what call it is of."""
    return f"recordings/{timezone.now():%Y/%m}/{token_hex(16)}.ogg"


class CallRecording(models.Model):
    """What was recorded of a call. It stays when its sound is deleted, to say when that was and by whom."""

    class State(models.TextChoices):
        RECORDING = "recording", _("Being recorded")
        READY = "ready", _("Ready")
        DELETED = "deleted", _("Deleted")
        EMPTY = "empty", _("Nothing was recorded")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    call = models.OneToOneField(Call, on_delete=models.CASCADE, related_name="recording")
    state = models.CharField(max_length=12, choices=State, default=State.RECORDING)
    file = models.FileField(upload_to=recording_place, max_length=200, blank=True)
    started_at = models.DateTimeField(null=True, blank=True, help_text="What its first second is of.")
    seconds = models.FloatField(default=0, help_text="How long it plays.")
    recorded_seconds = models.FloatField(default=0, help_text="Of those, what was recorded; the rest is silence put in.")
    size = models.PositiveBigIntegerField(default=0, help_text="Bytes.")
    segments = models.PositiveSmallIntegerField(default=0, help_text="Media Bots that recorded, one after the other.")
    keep_days = models.PositiveSmallIntegerField(default=30)
    closed_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)
    deleted_by = models.CharField(max_length=191, blank=True, help_text="Empty: its days were over.")

    class Meta:
        verbose_name = _("recording")
        indexes = [
            models.Index(fields=["id"], condition=models.Q(state="recording"), name="call_recordings_open"),
            models.Index(fields=["expires_at"], condition=models.Q(state="ready"), name="call_recordings_expire"),
        ]

    def __str__(self) -> str:
        return f"Recording of {self.call_id}"

    @property
    def is_ready(self) -> bool:
        return self.state == self.State.READY


class RecordingPart(models.Model):
    """Some pages of an Ogg stream that one Media Bot writes; gone once the recording is put together."""

    recording = models.ForeignKey(CallRecording, on_delete=models.CASCADE, related_name="parts")
    run = models.PositiveSmallIntegerField(help_text="Which dispatch of Media Bot it comes from.")
    number = models.PositiveIntegerField()
    started_at = models.DateTimeField(help_text="When the run's first sample was.")
    last = models.BooleanField(default=False)
    file = models.FileField(upload_to=recording_place, max_length=200)
    size = models.PositiveIntegerField(help_text="Bytes.")
    received_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["recording", "run", "number"], name="recording_part_once")]

    def __str__(self) -> str:
        return f"{self.recording_id} {self.run}.{self.number}"


class PhoneNumber(models.Model):
    """A number or PBX extension that callers dial, and the agent or team that answers it."""

    class Ringback(models.TextChoices):
        NATIVE = "native", _("Let the caller's exchange ring until the agent speaks")
        ANSWER = "answer", _("Answer at once and play the ringing tone")

    class OutOfHours(models.TextChoices):
        SAME = "same", _("Answer as always")
        AGENT = "agent", _("Another AI agent answers")
        MESSAGE = "message", _("Say that we are closed, and end the call")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    number = models.CharField(max_length=64, unique=True, help_text="E.164 where it is a number, else the extension as dialled.")
    label = models.CharField(max_length=120, blank=True)
    agent_id = models.UUIDField(null=True, blank=True)
    team = models.CharField(max_length=63, blank=True)
    ringback = models.CharField(max_length=8, choices=Ringback, default=Ringback.ANSWER)
    tone = models.CharField(max_length=8, blank=True, help_text="Whose ringing tone: eu, us, uk, …; empty for the agent's own.")
    business_hours = models.JSONField(default=dict, blank=True, help_text='{"mon": [["09:00", "17:00"]], …}; empty: always open.')
    out_of_hours = models.CharField(max_length=8, choices=OutOfHours, default=OutOfHours.SAME)
    out_of_hours_agent_id = models.UUIDField(null=True, blank=True)
    out_of_hours_text = models.CharField(max_length=500, blank=True, help_text="What callers hear before the call ends.")
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now)
    timezone = models.CharField(max_length=64, blank=True, help_text="Empty: the tenant's.")

    class Meta:
        ordering = ["number"]

    def __str__(self) -> str:
        return self.number


class SipTrunk(models.Model):
    """An inbound trunk and its dispatch rule, as made in LiveKit."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=120, unique=True)
    trunk_id = models.CharField(max_length=64, unique=True)
    rule_id = models.CharField(max_length=64)
    numbers = models.JSONField(default=list, help_text="Called numbers that it takes; empty for any.")
    allowed_addresses = models.JSONField(default=list, help_text="Addresses and networks that may send calls.")
    auth_user = models.CharField(max_length=120, blank=True)
    auth_password = EncryptedTextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
