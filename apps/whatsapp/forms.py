"""A WhatsApp number, as an admin fills it in."""

import re
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.compass.selectors import agents_all
from apps.desktop.selectors import teams_all
from apps.whatsapp.hours import DAYS, Hours
from apps.whatsapp.models import AgentPhoneMapping

NAMES = (_("Monday"), _("Tuesday"), _("Wednesday"), _("Thursday"), _("Friday"), _("Saturday"), _("Sunday"))
SPAN = re.compile(r"^\s*(\d{1,2})(?::(\d{2}))?\s*[-–]\s*(\d{1,2})(?::(\d{2}))?\s*$")
OUT = AgentPhoneMapping.OutOfHours


class NumberForm(forms.Form):
    """Who answers a number, when, and what happens otherwise. A day is `09:00-12:00, 13:00-17:00`; an empty one is closed."""

    phone_number_id = forms.CharField(
        label=_("Phone number ID"), max_length=64, help_text=_("Meta's own id of the number: WhatsApp, API setup, at Meta.")
    )
    display_number = forms.CharField(label=_("Number"), max_length=32, required=False)
    label = forms.CharField(label=_("Name"), max_length=120, required=False, help_text=_("What your people call it."))
    waba_id = forms.CharField(
        label=_("WhatsApp Business Account ID"), max_length=64, required=False, help_text=_("Needed for message templates.")
    )
    access_token = forms.CharField(
        label=_("Access token"),
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text=_("Of a system user at Meta. Empty: what is kept stays. It is never shown again."),
    )
    agent = forms.ChoiceField(label=_("Answered by"), required=False)
    team = forms.ChoiceField(label=_("Team"), required=False, help_text=_("Answers, or takes over from the AI agent."))
    limited = forms.BooleanField(label=_("Only within business hours"), required=False)
    timezone = forms.CharField(
        label=_("Time zone"), max_length=64, required=False, help_text=_("Such as Europe/Berlin. Empty: your company's.")
    )
    out_of_hours = forms.ChoiceField(label=_("Outside of them"), choices=OUT.choices, required=False)
    out_of_hours_agent = forms.ChoiceField(label=_("AI agent outside of hours"), required=False)
    out_of_hours_text = forms.CharField(
        label=_("What contacts are told"), max_length=1024, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )
    enabled = forms.BooleanField(label=_("Switched on"), required=False, initial=True)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        agents = [(str(agent.pk), agent.name) for agent in agents_all()]
        self.fields["agent"].choices = [("", _("people, no AI agent")), *agents]  # type: ignore[attr-defined]
        self.fields["out_of_hours_agent"].choices = [("", _("the same")), *agents]  # type: ignore[attr-defined]
        teams = [(team.slug, team.name) for team in teams_all()]
        self.fields["team"].choices = [("", _("everybody")), *teams]  # type: ignore[attr-defined]
        for day, name in zip(DAYS, NAMES, strict=True):
            self.fields[f"hours_{day}"] = forms.CharField(label=name, max_length=120, required=False)

    @property
    def days(self) -> list[forms.BoundField]:
        """The week's seven fields."""
        return [self[f"hours_{day}"] for day in DAYS]

    def clean_timezone(self) -> str:
        name: str = self.cleaned_data["timezone"]
        if name and name not in available_timezones():
            raise forms.ValidationError(_("This is no time zone. Write it as Europe/Berlin or America/New_York."))
        return name

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        for day in DAYS:
            try:
                given[f"hours_{day}"] = spans_of(given.get(f"hours_{day}", ""))
            except ValueError:
                self.add_error(f"hours_{day}", _("Write hours as 09:00-17:00, several with a comma between them."))
        if given.get("limited") and not any(given.get(f"hours_{day}") for day in DAYS) and not self.errors:
            self.add_error("limited", _("Write the hours of at least one day."))
        return given

    @property
    def values(self) -> dict[str, Any]:
        """For mapping_set."""
        given = self.cleaned_data
        hours: Hours = {day: given[f"hours_{day}"] for day in DAYS} if given["limited"] else {}
        plain = ("phone_number_id", "display_number", "label", "waba_id", "team", "out_of_hours_text", "enabled")
        return {
            **{name: given[name] for name in plain},
            "access_token": given["access_token"] or None,
            "agent_id": given["agent"] or None,
            "business_hours": hours,
            "timezone_name": given["timezone"],
            "out_of_hours": (given["out_of_hours"] if hours else "") or OUT.SAME,
            "out_of_hours_agent_id": given["out_of_hours_agent"] or None,
        }


def spans_of(text: str) -> list[list[str]]:
    """`9-12, 13:00-17:30` as [["09:00", "12:00"], ["13:00", "17:30"]]. Raises ValueError."""
    return [_span(part) for part in text.split(",") if part.strip()]


def _span(part: str) -> list[str]:
    found = SPAN.match(part)
    if found is None:
        raise ValueError(part)
    start, end = (_clock(found[at], found[at + 1]) for at in (1, 3))
    if start == end:
        raise ValueError(part)
    return [start, end]


def _clock(hour: str, minute: str | None) -> str:
    clock = f"{int(hour):02}:{minute or '00'}"
    if clock != "24:00" and not (int(hour) < 24 and int(minute or 0) < 60):
        raise ValueError(clock)
    return clock


def number_initial(mapping: AgentPhoneMapping) -> dict[str, Any]:
    """How the form of a mapped number begins."""
    plain = ("phone_number_id", "display_number", "label", "waba_id", "team", "timezone", "out_of_hours", "out_of_hours_text")
    hours = {
        f"hours_{day}": ", ".join("-".join(span) for span in mapping.business_hours.get(day, []))
        for day in DAYS
    }  # fmt: skip
    return {
        **{name: getattr(mapping, name) for name in plain},
        **hours,
        "agent": str(mapping.agent_id or ""),
        "out_of_hours_agent": str(mapping.out_of_hours_agent_id or ""),
        "limited": bool(mapping.business_hours),
        "enabled": mapping.enabled,
    }
