"""The shapes of the desktop's API."""

import json
import re
from typing import Any

from django.urls import reverse
from rest_framework import serializers

from apps.desktop.models import Attachment, Conversation, Message
from apps.desktop.selectors.conversations import SORTS

VIEWS = ("mine", "unassigned", "all", "resolved")
SORTED = (
    "`newest`: what happened last comes first. `waiting`: who has waited the longest for a person comes first, as in the"
    " desktop's Unassigned; who waits for nobody follows, the latest first."
)
TEXT_LENGTH = 4096
# In JSON as Python writes it: an escaped NUL, or a surrogate that has no other half.
UNSTORABLE = re.compile(r"\\u0000|\\ud[89ab]..(?!\\ud[c-f])|(?<!\\ud[89ab]..)\\ud[c-f]")


class ContactShape(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    phone = serializers.CharField()
    email = serializers.CharField()
    language = serializers.CharField()
    tags = serializers.ListField(child=serializers.CharField())
    fields = serializers.DictField(help_text="What the company keeps about them.")  # type: ignore[assignment]


class ConversationShape(serializers.Serializer[Any]):
    """`version` goes up with every change, `generation` whenever the holder changes."""

    id = serializers.UUIDField()
    contact = serializers.SerializerMethodField()
    channel = serializers.CharField()
    line = serializers.CharField()
    status = serializers.ChoiceField(choices=Conversation.Status.values)
    agent_id = serializers.UUIDField(allow_null=True)
    team = serializers.CharField(source="team.slug", allow_null=True, default=None)
    assignee_id = serializers.UUIDField(allow_null=True)
    generation = serializers.IntegerField()
    version = serializers.IntegerField()
    summary = serializers.CharField()
    handoff_reason = serializers.CharField()
    sentiment = serializers.FloatField(allow_null=True, help_text="-1 to 1.")
    outcome = serializers.CharField()
    unread = serializers.IntegerField()
    last_message_at = serializers.DateTimeField(allow_null=True)
    last_message_text = serializers.CharField()
    waiting_since = serializers.DateTimeField(allow_null=True)
    window_until = serializers.DateTimeField(allow_null=True, help_text="After it only templates can be sent.")
    claim_until = serializers.DateTimeField(allow_null=True, help_text="The claim is lost when nothing is answered by then.")
    snoozed_until = serializers.DateTimeField(allow_null=True)
    resolved_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()

    def get_contact(self, row: Conversation) -> dict[str, Any]:
        contact = row.contact
        names = ("id", "name", "phone", "email", "language", "tags", "fields")
        return {name: str(contact.pk) if name == "id" else getattr(contact, name) for name in names}


class AttachmentShape(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    mime = serializers.CharField()
    size = serializers.IntegerField(help_text="Bytes.")
    state = serializers.ChoiceField(choices=Attachment.State.values)
    note = serializers.CharField(help_text="Why it was refused or failed.")
    transcript = serializers.CharField(help_text="What a voice note says.")
    path = serializers.SerializerMethodField(help_text="Where it can be fetched on this host, once stored.")

    def get_path(self, row: Attachment) -> str | None:
        return reverse("attachment", args=[row.pk]) if row.state == Attachment.State.STORED else None


class MessageShape(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    author = serializers.ChoiceField(choices=Message.Author.values)
    user_id = serializers.UUIDField(allow_null=True)
    private = serializers.BooleanField(help_text="A note that only colleagues see.")
    kind = serializers.CharField()
    text = serializers.CharField()
    payload = serializers.DictField()
    reply_to_id = serializers.UUIDField(allow_null=True)
    status = serializers.ChoiceField(choices=Message.Status.values)
    error_code = serializers.CharField()
    error_text = serializers.CharField()
    reactions = serializers.DictField()
    at = serializers.DateTimeField()
    attachments = AttachmentShape(many=True)


class MessagePage(serializers.Serializer[Any]):
    """Oldest first. Ask again with `before` to see earlier ones; null when there are none."""

    results = MessageShape(many=True)
    before = serializers.UUIDField(allow_null=True)


class ConversationPage(serializers.Serializer[Any]):
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = ConversationShape(many=True)


class EventShape(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    conversation_id = serializers.UUIDField()
    type = serializers.CharField()
    version = serializers.IntegerField()
    user_id = serializers.UUIDField(allow_null=True)
    detail = serializers.DictField()
    at = serializers.DateTimeField()


class EventPage(serializers.Serializer[Any]):
    """Ask again with `last_event_id`. An event may come twice, and none is missed."""

    results = EventShape(many=True)
    last_event_id = serializers.IntegerField()


class ColleagueShape(serializers.Serializer[Any]):
    user_id = serializers.UUIDField()
    name = serializers.CharField()
    email = serializers.EmailField()
    role = serializers.CharField()
    presence = serializers.CharField()
    open_count = serializers.IntegerField()
    capacity = serializers.IntegerField()
    teams = serializers.ListField(child=serializers.CharField())


class TeamShape(serializers.Serializer[Any]):
    slug = serializers.CharField()
    name = serializers.CharField()
    answer_seconds = serializers.IntegerField()
    claim_seconds = serializers.IntegerField()
    next_team = serializers.CharField(source="next_team.slug", allow_null=True, default=None)
    member_count = serializers.IntegerField()


class TeamWholeShape(TeamShape):
    members = serializers.ListField(child=serializers.EmailField(), help_text="Who belongs to it, by e-mail address.")


class TeamChange(serializers.Serializer[Any]):
    """What changes of a team; times in seconds."""

    name = serializers.CharField(max_length=120, required=False)
    answer_seconds = serializers.IntegerField(
        min_value=1, max_value=604_800, required=False, help_text="Nobody claims in this time: the next team is notified."
    )
    claim_seconds = serializers.IntegerField(
        min_value=1, max_value=604_800, required=False, help_text="Who claims and does not answer in this time loses the claim."
    )
    next_team = serializers.SlugField(max_length=63, required=False, allow_null=True, help_text="Null: everybody.")
    members = serializers.ListField(child=serializers.EmailField(), required=False, max_length=500)


class TeamMake(TeamChange):
    """A new team. Its slug is what agents and numbers call it, and stays."""

    slug = serializers.SlugField(max_length=63)
    name = serializers.CharField(max_length=120)
    members = serializers.ListField(child=serializers.EmailField(), required=False, default=list, max_length=500)


class CannedShape(serializers.Serializer[Any]):
    """`{name}` in the text becomes the contact's name."""

    shortcut = serializers.CharField()
    title = serializers.CharField()
    text = serializers.CharField()


class CannedRequest(serializers.Serializer[Any]):
    title = serializers.CharField(max_length=120)
    text = serializers.CharField(max_length=TEXT_LENGTH)


class ListRequest(serializers.Serializer[Any]):
    """The query of a list."""

    view = serializers.ChoiceField(choices=VIEWS, default="all")
    q = serializers.CharField(max_length=200, required=False, default="", allow_blank=True, help_text="Words or beginnings.")
    team = serializers.CharField(max_length=63, required=False, default="")
    channel = serializers.CharField(max_length=24, required=False, default="")
    tag = serializers.CharField(max_length=40, required=False, default="")
    status = serializers.ChoiceField(choices=["", *Conversation.Status.values], required=False, default="")
    assignee = serializers.UUIDField(required=False, default=None, help_text="Who holds it: a colleague's user_id.")
    sort = serializers.ChoiceField(choices=list(SORTS), default="newest", help_text=SORTED)


class MessagesRequest(serializers.Serializer[Any]):
    before = serializers.UUIDField(required=False, default=None)
    limit = serializers.IntegerField(min_value=1, max_value=200, default=50)


class EventsRequest(serializers.Serializer[Any]):
    after = serializers.IntegerField(min_value=0, default=0)
    limit = serializers.IntegerField(min_value=1, max_value=1000, default=200)


class ReplyRequest(serializers.Serializer[Any]):
    """Text, or a type of the channel (such as template, or image with an attachment) with its payload."""

    text = serializers.CharField(max_length=TEXT_LENGTH, required=False, default="", allow_blank=True)
    kind = serializers.SlugField(max_length=24, default="text")
    payload = serializers.DictField(required=False, default=dict)
    reply_to = serializers.UUIDField(required=False, default=None, allow_null=True)
    attachments = serializers.ListField(child=serializers.UUIDField(), required=False, default=list, max_length=10)

    def validate_payload(self, value: dict[str, Any]) -> dict[str, Any]:
        """Postgres keeps neither NUL nor half a character in JSON."""
        if UNSTORABLE.search(json.dumps(value)):
            raise serializers.ValidationError("Leave out characters that are no text.")
        return value


class StartRequest(ReplyRequest):
    """Whom to write to first, from which line, and what. Outside the 24 hours after they wrote only a `template` goes."""

    phone = serializers.CharField(
        max_length=40, help_text="With its country code; a national number is one of the company's country."
    )
    name = serializers.CharField(
        max_length=200, required=False, default="", allow_blank=True, help_text="Of a contact who is new."
    )
    line = serializers.CharField(
        max_length=200,
        required=False,
        default="",
        allow_blank=True,
        help_text="Such as whatsapp:106540352242922, channel and number's id; needed where the company has more than one.",
    )
    reply_to = None  # type: ignore[assignment]


class NoteRequest(serializers.Serializer[Any]):
    text = serializers.CharField(max_length=TEXT_LENGTH)


class AssignRequest(serializers.Serializer[Any]):
    assignee_id = serializers.UUIDField()


class TeamRequest(serializers.Serializer[Any]):
    team_slug = serializers.CharField(max_length=63, allow_blank=True, help_text="Its slug; empty for everybody.")


class SnoozeRequest(serializers.Serializer[Any]):
    until = serializers.DateTimeField()


class ResolveRequest(serializers.Serializer[Any]):
    outcome = serializers.CharField(max_length=120, required=False, default="", allow_blank=True)


class NothingRequest(serializers.Serializer[Any]):
    """No body is needed."""
