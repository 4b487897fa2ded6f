"""The filters of the calls list. They live in the address, so a filtered list can be sent to a colleague."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from apps.calls.models import Channel, State

LIVE = "live"
SORTS = ("started", "agent", "duration")
LAST_DAY = date(9998, 12, 31)  # one after it has to be a date, too
UNTIL_THEN = [MaxValueValidator(LAST_DAY)]


class CallFilterForm(forms.Form):
    """An unknown value is dropped rather than refused: an old link still shows a list."""

    q = forms.CharField(label=_("Number or name"), required=False, max_length=64)
    state = forms.ChoiceField(
        label=_("State"), required=False, choices=[("", _("Any state")), (LIVE, _("Going on now")), *State.choices]
    )
    channel = forms.ChoiceField(
        label=_("Channel"), required=False, choices=[("", _("Any channel")), *Channel.choices, ("trial", _("On trial"))]
    )
    agent = forms.ChoiceField(label=_("Agent"), required=False)
    since = forms.DateField(
        label=_("From"), required=False, validators=UNTIL_THEN, widget=forms.DateInput(attrs={"type": "date"})
    )
    until = forms.DateField(label=_("To"), required=False, validators=UNTIL_THEN, widget=forms.DateInput(attrs={"type": "date"}))
    sort = forms.ChoiceField(
        required=False,
        choices=[(way + key, key) for key in SORTS for way in ("", "-")],
        widget=forms.HiddenInput,
    )

    def __init__(self, data: QueryDict, *, agents: Iterable[tuple[str, str]]) -> None:
        super().__init__(data, auto_id="filter-%s")
        self.fields["agent"].choices = [("", _("Any agent")), *agents]  # type: ignore[attr-defined]
        self.fields["q"].widget.attrs = {"type": "search", "data-search": "", "placeholder": _("Search"), "autocomplete": "off"}

    @property
    def values(self) -> dict[str, Any]:
        """The filters that hold, without the empty and the unreadable ones."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}

    @property
    def narrows(self) -> bool:
        """True when the list is not simply everything."""
        return bool(self.values.keys() - {"sort"})
