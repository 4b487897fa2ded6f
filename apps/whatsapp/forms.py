"""A WhatsApp number, as an admin fills it in."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.compass.selectors import agents_all
from apps.core.forms_hours import HoursForm, hours_initial
from apps.desktop.selectors import teams_all
from apps.whatsapp.models import AgentPhoneMapping

OUT = AgentPhoneMapping.OutOfHours


class NumberForm(HoursForm):
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
        help_text=_("Of a system user at Meta who may use the number: it shows that the number is yours. Later, empty keeps it."),
    )
    agent = forms.ChoiceField(label=_("Answered by"), required=False)
    team = forms.ChoiceField(label=_("Team"), required=False, help_text=_("Answers, or takes over from the AI agent."))
    out_of_hours = forms.ChoiceField(label=_("Outside business hours"), choices=OUT.choices, required=False)
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

    @property
    def values(self) -> dict[str, Any]:
        """For mapping_set."""
        given = self.cleaned_data
        hours = self.hours
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


def number_initial(mapping: AgentPhoneMapping) -> dict[str, Any]:
    """How the form of a mapped number begins."""
    plain = ("phone_number_id", "display_number", "label", "waba_id", "team", "timezone", "out_of_hours", "out_of_hours_text")
    return {
        **{name: getattr(mapping, name) for name in plain},
        **hours_initial(mapping.business_hours),
        "agent": str(mapping.agent_id or ""),
        "out_of_hours_agent": str(mapping.out_of_hours_agent_id or ""),
        "enabled": mapping.enabled,
    }
