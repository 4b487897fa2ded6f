"""The filters of finance's pages. They live in the address, so that what one sees can be sent to a colleague."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from apps.billing.models import Part, SourceType
from apps.billing.periods import CHOICES, CUSTOM, MONTH, Period, period_of

CHANNEL, AGENT, COMPONENT = "channel", "agent", "component"
BY = [(CHANNEL, _("Channel")), (AGENT, _("Agent")), (COMPONENT, _("Component"))]
CHANNELS = {"webrtc": _("Browser"), "sip": _("Phone"), "whatsapp": _("WhatsApp")}
DATE = {"type": "date"}


def channel_name(channel: str) -> str:
    """A channel in words; usage without one is what Compass tells of, which belongs to none."""
    return str(CHANNELS.get(channel, channel or _("Knowledge, tools, trials and checks")))


class PeriodForm(forms.Form):
    """Which days. An unknown value is dropped rather than refused: an old link still shows a page."""

    period = forms.ChoiceField(label=_("Period"), required=False, choices=CHOICES)
    since = forms.DateField(label=_("From"), required=False, widget=forms.DateInput(attrs=DATE))
    until = forms.DateField(label=_("To"), required=False, widget=forms.DateInput(attrs=DATE))
    standard = MONTH

    def __init__(self, data: QueryDict, **given: Any) -> None:
        asked = data.copy()
        if not asked.get("period") and (asked.get("since") or asked.get("until")):
            asked["period"] = CUSTOM  # the days of a link are those that the form goes on with
        super().__init__(asked, auto_id="filter-%s", **given)

    @property
    def values(self) -> dict[str, Any]:
        """The filters that hold, without the empty and the unreadable ones."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}

    def days(self, zone: str) -> Period:
        """The period that was chosen, in a time zone."""
        values = self.values
        key = values.get("period") or (CUSTOM if "since" in values or "until" in values else self.standard)
        return period_of(zone, key, values.get("since"), values.get("until"))


class SpendForm(PeriodForm):
    """The overview: which days, of which channel and agent, and by what they are told apart."""

    channel = forms.ChoiceField(label=_("Channel"), required=False)
    agent = forms.ChoiceField(label=_("Agent"), required=False)
    currency = forms.ChoiceField(label=_("Currency"), required=False)
    by = forms.ChoiceField(required=False, choices=BY, widget=forms.HiddenInput)

    def __init__(
        self, data: QueryDict, *, channels: Sequence[str], agents: Iterable[tuple[UUID, str]], currencies: Sequence[str]
    ) -> None:
        super().__init__(data)
        choose(self, "channel", _("Any channel"), [(one, channel_name(one)) for one in channels])
        choose(self, "agent", _("Any agent"), [(str(pk), name) for pk, name in agents])
        choose(self, "currency", _("Your currency"), [(one, one) for one in currencies])
        if len(currencies) < 2:
            del self.fields["currency"]


class EntryForm(PeriodForm):
    """The list of usage. `line` is one of an invoice, and `q` the id of a call, a chat or a message."""

    channel = forms.ChoiceField(label=_("Channel"), required=False)
    agent = forms.ChoiceField(label=_("Agent"), required=False)
    source = forms.ChoiceField(label=_("Source"), required=False, choices=[("", _("Any source")), *SourceType.choices])
    component = forms.ChoiceField(label=_("Component"), required=False, choices=[("", _("Any component")), *Part.choices])
    unpriced = forms.ChoiceField(
        label=_("Price"), required=False, choices=[("", _("With or without")), ("1", _("Something has no price"))]
    )
    q = forms.CharField(label=_("Id"), required=False, max_length=191)
    line = forms.UUIDField(required=False, widget=forms.HiddenInput)
    sort = forms.ChoiceField(
        required=False, choices=[(way + key, key) for key in ("started", "cost") for way in ("", "-")], widget=forms.HiddenInput
    )

    def __init__(self, data: QueryDict, *, channels: Sequence[str], agents: Iterable[tuple[UUID, str]]) -> None:
        super().__init__(data)
        choose(self, "channel", _("Any channel"), [(one, channel_name(one)) for one in channels])
        choose(self, "agent", _("Any agent"), [(str(pk), name) for pk, name in agents])
        self.fields["q"].widget.attrs = {"type": "search", "data-search": "", "autocomplete": "off", "spellcheck": "false"}

    @property
    def narrows(self) -> bool:
        """True when the list is more than that of a period."""
        return bool(self.values.keys() - {"sort", "period", "since", "until"})


def choose(form: forms.Form, name: str, anything: Any, choices: Sequence[tuple[str, Any]]) -> None:
    """Gives a choice its values, with an empty one that means all."""
    form.fields[name].choices = [("", anything), *choices]  # type: ignore[attr-defined]
