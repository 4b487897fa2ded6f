"""What people fill in at the desktop."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from apps.core.phones import phone_e164
from apps.desktop.channels import LineChoice
from apps.desktop.models import Colleague, Contact, Conversation

VIEWS = (("mine", _("Mine")), ("unassigned", _("Unassigned")), ("all", _("All")), ("resolved", _("Resolved")))
SORTS = (("waiting", _("Longest waiting first")), ("newest", _("Newest first")))
RESOLVED = Conversation.Status.RESOLVED
STATES: tuple[tuple[str, Any], ...] = tuple(Conversation.Status.choices)
APPLIES = {"assignee": ("all", "resolved"), "status": ("mine", "all")}  # filters that say something in these views only
OUTCOMES = (
    _("Solved"),
    _("Answered, nothing more to do"),
    _("The contact did not come back"),
    _("Passed on outside Meridian"),
    _("Spam or wrong number"),
)
REACTIONS = ("👍", "❤️", "😂", "🙏", "🎉", "✅")
TEXT_LENGTH = 4096  # WhatsApp's limit of a text message


class DeskFilterForm(forms.Form):
    """The list's view and filters. An unknown value is dropped rather than refused: an old link still shows a list."""

    view = forms.ChoiceField(choices=VIEWS, required=False, widget=forms.HiddenInput)
    q = forms.CharField(label=_("Search"), required=False, max_length=200)
    assignee = forms.ChoiceField(label=_("Who has it"), required=False)
    status = forms.ChoiceField(label=_("State"), required=False)
    team = forms.ChoiceField(label=_("Team"), required=False)
    channel = forms.ChoiceField(label=_("Channel"), required=False)
    tag = forms.ChoiceField(label=_("Tag"), required=False)
    mentioned = forms.BooleanField(
        label=_("Where I am mentioned"), required=False, widget=forms.CheckboxInput(attrs={"class": "checkbox checkbox-sm"})
    )

    def __init__(
        self,
        data: QueryDict,
        *,
        people: Iterable[tuple[str, str]],
        teams: Iterable[tuple[str, str]],
        channels: Iterable[tuple[str, str]],
        tags: Iterable[str],
    ) -> None:
        super().__init__(data, auto_id="filter-%s")
        self._choose("assignee", _("Anybody"), people)
        self._choose("status", _("Any state"), [(key, name) for key, name in STATES if key != RESOLVED])
        self._choose("team", _("Any team"), teams)
        self._choose("channel", _("Any channel"), channels)
        self._choose("tag", _("Any tag"), [(tag, tag) for tag in tags])
        search = {"type": "search", "data-search": "", "placeholder": _("Search conversations"), "autocomplete": "off"}
        self.fields["q"].widget.attrs = search

    def _choose(self, name: str, anything: Any, choices: Iterable[tuple[str, str]]) -> None:
        self.fields[name].choices = [("", anything), *choices]  # type: ignore[attr-defined]

    @property
    def values(self) -> dict[str, Any]:
        """What holds, without the empty and the unreadable; `view` is always there."""
        self.is_valid()
        found = {"view": "mine", **{name: value for name, value in self.cleaned_data.items() if value}}
        apart = {name for name, views in APPLIES.items() if found["view"] not in views}
        return {name: value for name, value in found.items() if name not in apart}

    @property
    def narrowing(self) -> int:
        """How many filters hold beside the search."""
        return len(self.values.keys() - {"view", "q"})


class MessageForm(forms.Form):
    """A reply or a note; what may be empty is the service's to say. `request_id` is the page's own name for this sending."""

    request_id = forms.UUIDField(required=False)
    text = forms.CharField(required=False, max_length=TEXT_LENGTH, strip=False)
    reply_to = forms.UUIDField(required=False)
    attachments = forms.CharField(required=False, max_length=2000)

    def clean_attachments(self) -> list[str]:
        field = forms.UUIDField()
        return [str(field.clean(part)) for part in self.cleaned_data["attachments"].split(",") if part]


class ReactionForm(forms.Form):
    """Which message, and the emoji; none takes it back."""

    message = forms.UUIDField()
    emoji = forms.ChoiceField(required=False, choices=[(emoji, emoji) for emoji in REACTIONS])


class TemplateForm(forms.Form):
    """Which template, and what stands in its places."""

    request_id = forms.UUIDField(required=False)
    name = forms.CharField(max_length=512)
    language = forms.CharField(max_length=16)


class StartForm(forms.Form):
    """Whom to write to, and from which line. A contact whose number is known needs no number."""

    to = forms.CharField(
        label=_("Phone number"),
        max_length=40,
        help_text=_("With its country code, such as +44 7700 900123."),
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "off", "autofocus": ""}),
    )
    called = forms.CharField(label=_("Name, if you know it"), required=False, max_length=200)
    line = forms.ChoiceField(label=_("From"))

    def __init__(self, data: Any, *, lines: list[LineChoice], country: str, contact: Contact | None) -> None:
        super().__init__(data, auto_id="start-contact-%s" if contact else "start-%s")
        self.lines, self.country, self.contact = {line.key: line for line in lines}, country, contact
        self.fields["line"].choices = [(line.key, line.name) for line in lines]  # type: ignore[attr-defined]
        if contact is not None:
            del self.fields["called"]
            if contact.phone or contact.identities.exists():
                del self.fields["to"]

    def clean_to(self) -> str:
        """E.164; a national number is read as one of the company's country. Raises ValidationError."""
        number = phone_e164(self.cleaned_data["to"], self.country)
        if number is None:
            raise forms.ValidationError(_("This is no phone number. Write it with its country code, such as +44 7700 900123."))
        return number

    @property
    def chosen(self) -> LineChoice:
        """The line that was chosen; only of a valid form."""
        return self.lines[self.cleaned_data["line"]]

    @property
    def phone(self) -> str:
        """E.164, or nothing for a contact who is known without a number; only of a valid form."""
        return str(self.cleaned_data.get("to") or (self.contact.phone if self.contact else ""))


class ContactForm(forms.Form):
    """What a colleague may correct. `fields` has one `name: text` a line."""

    name = forms.CharField(label=_("Name"), required=False, max_length=200)
    email = forms.EmailField(label=_("E-mail"), required=False)
    fields_text = forms.CharField(
        label=_("What you keep about them"),
        required=False,
        max_length=4000,
        help_text=_("One thing a line, such as “Customer number: 4711”."),
        widget=forms.Textarea(attrs={"rows": 5}),
    )

    def clean_fields_text(self) -> dict[str, str]:
        """Name to text, in the order written. Raises ValidationError for a line without a name."""
        found: dict[str, str] = {}
        for line in self.cleaned_data["fields_text"].splitlines():
            name, colon, value = line.partition(":")
            if not line.strip():
                continue
            if not colon or not name.strip():
                raise forms.ValidationError(_("Write each line as “name: text”; this one has no name: %(line)s") % {"line": line})
            found[name.strip()] = value.strip()
        return found


class SnoozeForm(forms.Form):
    """Until when; a time without a zone is in the company's."""

    until = forms.DateTimeField(widget=forms.DateTimeInput(attrs={"type": "datetime-local"}), label=_("Until"))

    @property
    def until_at(self) -> datetime | None:
        return self.cleaned_data["until"] if self.is_valid() else None


class PreferencesForm(forms.Form):
    """How a person wants to be told, and how much they take at once."""

    notify_desktop = forms.BooleanField(label=_("In the desktop, while it is open"), required=False)
    notify_push = forms.BooleanField(label=_("By this browser, also while Meridian is closed"), required=False)
    notify_email = forms.BooleanField(label=_("By e-mail"), required=False)
    opens_next = forms.BooleanField(label=_("After resolving, open the next conversation"), required=False)
    capacity = forms.IntegerField(
        label=_("Open conversations at once"), min_value=1, max_value=99, help_text=_("With that many you are not asked again.")
    )


class SortForm(forms.Form):
    """In which order a person wants a view of the list."""

    view = forms.ChoiceField(choices=VIEWS)
    sort = forms.ChoiceField(choices=SORTS)


class PresenceForm(forms.Form):
    presence = forms.ChoiceField(choices=Colleague.Presence.choices)


class PushForm(forms.Form):
    """A browser's push subscription (PushSubscription.toJSON())."""

    endpoint = forms.URLField(max_length=2000, assume_scheme="https")
    p256dh = forms.CharField(max_length=200)
    auth = forms.CharField(max_length=100)
