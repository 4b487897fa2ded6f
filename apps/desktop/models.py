"""Contacts, conversations, messages and the people who answer them. Every table lives in the tenant's own schema.

People live in the shared schema: columns named *user_id hold a User's id.
"""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.core.ids import uuid7


class Team(models.Model):
    """People who answer together. `slug` is the `team` of agents, numbers and contracts.md."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    slug = models.SlugField(max_length=63, unique=True)
    name = models.CharField(max_length=120)
    answer_seconds = models.PositiveIntegerField(default=120, help_text="Nobody claims in this time: the next team is notified.")
    claim_seconds = models.PositiveIntegerField(
        default=300, help_text="Who claims and does not answer in this time loses the claim."
    )
    next_team = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, help_text="Empty: everybody.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class TeamMember(models.Model):
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="members")
    user_id = models.UUIDField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "user_id"], name="team_member_once")]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.team}"


class Colleague(models.Model):
    """How a person works at the desktop: presence, capacity, and how they want to be told."""

    class Presence(models.TextChoices):
        AVAILABLE = "available", _("Available")
        BUSY = "busy", _("Busy")
        AWAY = "away", _("Away")

    user_id = models.UUIDField(primary_key=True)
    presence = models.CharField(max_length=12, choices=Presence, default=Presence.AVAILABLE)
    capacity = models.PositiveSmallIntegerField(default=8, help_text="Open conversations that one person holds at once.")
    notify_desktop = models.BooleanField(default=True)
    notify_push = models.BooleanField(default=True)
    notify_email = models.BooleanField(default=False)
    opens_next = models.BooleanField(default=False, help_text="After resolving, the next conversation of the list opens.")
    sorts = models.JSONField(default=dict, blank=True, help_text="View to order, where they chose one.")
    seen_at = models.DateTimeField(null=True, blank=True, help_text="When a desktop of theirs was last connected.")

    def __str__(self) -> str:
        return f"{self.user_id}: {self.presence}"


class PushSubscription(models.Model):
    """A browser that wants Web Push (RFC 8030, 8291)."""

    user_id = models.UUIDField(db_index=True)
    endpoint = models.TextField(unique=True)
    p256dh = models.CharField(max_length=200)
    auth = models.CharField(max_length=100)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"push of {self.user_id}"


class Contact(models.Model):
    """A person outside, whatever they write or call with."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=200, blank=True)
    phone = models.CharField(max_length=32, blank=True, db_index=True, help_text="E.164; a WhatsApp contact may have none.")
    email = models.EmailField(blank=True)
    language = models.CharField(max_length=35, blank=True)
    fields = models.JSONField(default=dict, blank=True, help_text="What the company keeps about them, name to text.")
    tags = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return self.name or self.phone or str(_("Unknown contact"))


class ContactIdentity(models.Model):
    """How a channel knows a contact: `wa_user_id` (BSUID), `wa_id`. One contact has several, and they can change."""

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="identities")
    kind = models.CharField(max_length=24)
    value = models.CharField(max_length=191)
    since = models.DateTimeField(null=True, blank=True, help_text="Since when it has named this contact, by the channel's clock.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "value"], name="contact_identity_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.value}"


class IdentityChange(models.Model):
    """A channel said that an identity became another: what came under the old one until then is of whoever has the new one."""

    kind = models.CharField(max_length=24)
    old = models.CharField(max_length=191)
    new = models.CharField(max_length=191)
    at = models.DateTimeField(help_text="By the channel's clock.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "old", "at"], name="identity_change_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.old} is {self.new}"


class Conversation(models.Model):
    """One matter with a contact on one channel, from the first message until it is resolved."""

    class Status(models.TextChoices):
        PENDING = "pending", _("With the AI agent")
        OPEN = "open", _("Open")
        SNOOZED = "snoozed", _("Snoozed")
        RESOLVED = "resolved", _("Resolved")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    contact = models.ForeignKey(Contact, on_delete=models.PROTECT, related_name="conversations")
    channel = models.CharField(max_length=24, default="whatsapp")
    line = models.CharField(max_length=191, help_text="Which of the company's own addresses: WhatsApp's phone_number_id.")
    status = models.CharField(max_length=12, choices=Status, default=Status.PENDING)
    agent_id = models.UUIDField(null=True, blank=True, help_text="The AI agent that holds or held it.")
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.SET_NULL, related_name="conversations")
    assignee_id = models.UUIDField(null=True, blank=True, db_index=True, help_text="The person who claimed it or was given it.")
    generation = models.PositiveIntegerField(default=1, help_text="Goes up when the holder changes: an older turn is stale.")
    version = models.PositiveIntegerField(default=1, help_text="Goes up with every change; hints carry it.")

    summary = models.TextField(blank=True)
    handoff_reason = models.CharField(max_length=300, blank=True)
    sentiment = models.FloatField(null=True, blank=True, help_text="-1 to 1, of the contact's last messages.")
    outcome = models.CharField(max_length=120, blank=True, help_text="Chosen when resolved.")

    window_until = models.DateTimeField(null=True, blank=True, help_text="End of the customer service window (24 h).")
    last_message_at = models.DateTimeField(null=True, blank=True)
    last_message_text = models.CharField(max_length=200, blank=True)
    unread = models.PositiveIntegerField(default=0, help_text="Contact's messages since a person last read it.")
    waiting_since = models.DateTimeField(null=True, blank=True, help_text="The oldest message that nobody has answered.")

    notified_at = models.DateTimeField(null=True, blank=True)
    notified_everybody = models.BooleanField(default=False)
    answer_due_at = models.DateTimeField(null=True, blank=True, help_text="Unclaimed by then: the next team is notified.")
    claimed_at = models.DateTimeField(null=True, blank=True)
    claim_until = models.DateTimeField(null=True, blank=True, help_text="Unanswered by then: the claim is lost.")
    snoozed_until = models.DateTimeField(null=True, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["contact", "channel", "line"], condition=~models.Q(status="resolved"), name="conversation_one_unresolved"
            )
        ]
        indexes = [
            models.Index(fields=["status", "-last_message_at"], name="conversation_list"),
            models.Index(fields=["created_at"], name="conversation_by_day"),
            models.Index(
                fields=["answer_due_at"], condition=models.Q(answer_due_at__isnull=False), name="conversation_answer_due"
            ),
            models.Index(fields=["claim_until"], condition=models.Q(claim_until__isnull=False), name="conversation_claim_due"),
            models.Index(
                fields=["snoozed_until"], condition=models.Q(snoozed_until__isnull=False), name="conversation_snooze_due"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.channel} with {self.contact}"


class JoinedConversation(models.Model):
    """A conversation that is part of another one since their contacts were merged; its address leads there."""

    id = models.UUIDField(primary_key=True, editable=False)
    into = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="joined")
    at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.id} in {self.into_id}"


class Message(models.Model):
    """One message, private note or system line of a conversation."""

    class Author(models.TextChoices):
        CONTACT = "contact", _("Contact")
        AI = "ai", _("AI agent")
        PERSON = "person", _("Colleague")
        SYSTEM = "system", _("Meridian")

    REACTION = "reaction"  # the kind of what is sent to react; it is shown at the message it answers, never by itself
    REVOKED = "revoked"  # the kind of what its author has deleted
    APP = "app"  # who reacted, where the company did so in an app of the channel

    class Status(models.TextChoices):
        RECEIVED = "received"
        PENDING = "pending"
        SENT = "sent"
        DELIVERED = "delivered"
        READ = "read"
        FAILED = "failed"
        UNCERTAIN = "uncertain"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="messages")
    author = models.CharField(max_length=12, choices=Author)
    user_id = models.UUIDField(null=True, blank=True, help_text="The colleague, where a person wrote it.")
    private = models.BooleanField(default=False, help_text="A note that only colleagues see.")
    kind = models.CharField(max_length=24, default="text", help_text="The channel's own type: text, image, template, …")
    text = models.TextField(blank=True)
    payload = models.JSONField(default=dict, blank=True, help_text="What the type has beside its text.")
    request_id = models.UUIDField(null=True, blank=True, help_text="Made by the page that sent it: sent again, it is this one.")
    reply_to = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="replies")
    external_id = models.CharField(max_length=191, null=True, blank=True, unique=True, help_text="The channel's id (wamid).")
    status = models.CharField(max_length=12, choices=Status)
    error_code = models.CharField(max_length=24, blank=True)
    error_text = models.CharField(max_length=500, blank=True)
    reactions = models.JSONField(default=dict, blank=True, help_text="Who (contact, or a user id) to emoji.")
    at = models.DateTimeField(help_text="When it was written, by the channel's clock where it has one.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["conversation", "user_id", "request_id"],
                condition=models.Q(request_id__isnull=False),
                name="message_request_once",
            )
        ]
        indexes = [
            models.Index(fields=["conversation", "at", "id"], name="message_conversation"),
            GinIndex(SearchVector("text", config="simple"), name="message_search"),
        ]

    def __str__(self) -> str:
        return f"{self.author} {self.kind} {self.id}"


class MessageStatus(models.Model):
    """Each status that the channel reported, with its time; the message itself only advances."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="statuses")
    status = models.CharField(max_length=12)
    at = models.DateTimeField()
    pricing = models.JSONField(null=True, blank=True, help_text="The channel's own pricing fields, for billing.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["message", "status"], name="message_status_once")]

    def __str__(self) -> str:
        return f"{self.status} at {self.at}"


class Mention(models.Model):
    """A colleague who is named with @ in a private note; `seen_at` is empty until they have read it."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="mentions")
    user_id = models.UUIDField()
    seen_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user_id", "message"], name="mention_once")]
        indexes = [models.Index(fields=["user_id"], condition=models.Q(seen_at__isnull=True), name="mention_unseen")]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.message_id}"


class Attachment(models.Model):
    """A file of a message: fetched from the channel, or uploaded by a colleague."""

    class State(models.TextChoices):
        PENDING = "pending"
        STORED = "stored"
        REFUSED = "refused"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    message = models.ForeignKey(Message, null=True, blank=True, on_delete=models.CASCADE, related_name="attachments")
    external_id = models.CharField(max_length=191, blank=True, help_text="The channel's media id.")
    file = models.FileField(upload_to="attachments/%Y/%m/", max_length=300, blank=True)
    name = models.CharField(max_length=255, blank=True)
    mime = models.CharField(max_length=127, blank=True)
    size = models.PositiveBigIntegerField(default=0, help_text="Bytes.")
    state = models.CharField(max_length=12, choices=State, default=State.PENDING)
    note = models.CharField(max_length=300, blank=True, help_text="Why it was refused or failed.")
    transcript = models.TextField(blank=True, help_text="What a voice note says.")
    uploaded_by = models.UUIDField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name or str(self.id)


class CannedResponse(models.Model):
    """A text that colleagues call up with `/shortcut`. `{name}` becomes the contact's name."""

    shortcut = models.SlugField(max_length=40, unique=True)
    title = models.CharField(max_length=120)
    text = models.TextField(max_length=4096)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["shortcut"]

    def __str__(self) -> str:
        return f"/{self.shortcut}"


def _xid(call: str) -> models.Func:
    """A transaction id as a number; 64 bits, so it never wraps round."""
    return models.Func(function=call, template="%(function)s::text::bigint", output_field=models.BigIntegerField())


class DeskEvent(models.Model):
    """What happened to a conversation, in order: its timeline, and what a client that was away has missed (last_event_id)."""

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="events")
    type = models.CharField(max_length=32, help_text="message, status, claimed, released, assigned, escalated, resolved, …")
    version = models.PositiveIntegerField(help_text="The conversation's version after it.")
    user_id = models.UUIDField(null=True, blank=True, help_text="The colleague who did it.")
    detail = models.JSONField(default=dict, blank=True)
    at = models.DateTimeField(auto_now_add=True)
    xid = models.BigIntegerField(db_default=_xid("pg_current_xact_id()"), editable=False, db_index=True)
    horizon = models.BigIntegerField(
        db_default=_xid("pg_snapshot_xmin(pg_current_snapshot())"),
        editable=False,
        help_text="The oldest transaction that was still running: events of it and of later ones may appear after this one.",
    )

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.type} {self.id}"
