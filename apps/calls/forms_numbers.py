"""Phone numbers and SIP trunks, as an admin fills them in."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.calls.models import PhoneNumber
from apps.compass.selectors import agents_all
from apps.core.forms_hours import HoursForm, hours_initial
from apps.desktop.selectors import teams_all

TONES = (("", _("the agent's own")), ("eu", _("Europe")), ("us", _("North America")), ("uk", _("United Kingdom")))
OUT = PhoneNumber.OutOfHours


def _agents() -> list[tuple[str, str]]:
    return [(str(agent.pk), agent.name) for agent in agents_all()]


class PhoneNumberForm(HoursForm):
    """Who answers a number, how it rings, and when."""

    number = forms.CharField(
        label=_("Number"), max_length=64, help_text=_("Such as +1 212 555 0100, or the extension that your exchange dials.")
    )
    label = forms.CharField(label=_("Name"), max_length=120, required=False, help_text=_("What your people call it."))
    agent = forms.ChoiceField(label=_("Answered by"), required=False)
    team = forms.ChoiceField(label=_("Team"), required=False)
    ringback = forms.ChoiceField(label=_("Until the agent speaks"), choices=PhoneNumber.Ringback.choices)
    tone = forms.ChoiceField(label=_("Ringing tone"), choices=TONES, required=False)
    out_of_hours = forms.ChoiceField(label=_("Outside business hours"), choices=OUT.choices, required=False)
    out_of_hours_agent = forms.ChoiceField(label=_("AI agent outside of hours"), required=False)
    out_of_hours_text = forms.CharField(
        label=_("What callers hear"), max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )
    enabled = forms.BooleanField(label=_("Switched on"), required=False, initial=True)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        agents = _agents()
        self.fields["agent"].choices = [("", _("no AI agent")), *agents]  # type: ignore[attr-defined]
        self.fields["out_of_hours_agent"].choices = [("", _("choose one")), *agents]  # type: ignore[attr-defined]
        teams = [(team.slug, team.name) for team in teams_all()]
        self.fields["team"].choices = [("", _("no team")), *teams]  # type: ignore[attr-defined]
        known = dict(TONES)
        if self.initial.get("tone") and self.initial["tone"] not in known:
            self.fields["tone"].choices = [*TONES, (self.initial["tone"], self.initial["tone"])]  # type: ignore[attr-defined]

    @property
    def values(self) -> dict[str, Any]:
        """For number_set."""
        given = self.cleaned_data
        plain = ("number", "label", "ringback", "tone", "out_of_hours_text", "enabled")
        return {
            **{name: given[name] for name in plain},
            "agent_id": given["agent"] or None,
            "team": given["team"],
            "business_hours": self.hours,
            "timezone_name": given["timezone"],
            "out_of_hours": (given["out_of_hours"] if self.hours else "") or OUT.SAME,
            "out_of_hours_agent_id": given["out_of_hours_agent"] or None,
        }


def phone_initial(number: PhoneNumber) -> dict[str, Any]:
    """How the form of an existing number begins."""
    plain = ("number", "label", "team", "ringback", "tone", "timezone", "out_of_hours", "out_of_hours_text", "enabled")
    return {
        **{name: getattr(number, name) for name in plain},
        **hours_initial(number.business_hours),
        "agent": str(number.agent_id or ""),
        "out_of_hours_agent": str(number.out_of_hours_agent_id or ""),
    }


class TrunkFacts(forms.Form):
    """What can be changed of a trunk later, too: its name, from where it calls, and for which numbers."""

    name = forms.CharField(label=_("Name"), max_length=120, help_text=_("Such as “Head office 3CX”."))
    addresses = forms.CharField(
        label=_("Its addresses"), required=False, widget=forms.Textarea(attrs={"rows": 2, "placeholder": "203.0.113.7"}),
        help_text=_("One a line: the public address of your exchange, a network such as 203.0.113.0/24, or a host name."),
    )  # fmt: skip
    numbers = forms.CharField(
        label=_("Numbers it sends"), widget=forms.Textarea(attrs={"rows": 3, "placeholder": "+12125550100"}),
        help_text=_("One a line, as your exchange dials them: full numbers or extensions."),
    )  # fmt: skip

    def lines(self, name: str) -> list[str]:
        """The lines of a field that say something."""
        return [line.strip() for line in self.cleaned_data[name].replace(",", "\n").splitlines() if line.strip()]


class TrunkForm(TrunkFacts):
    """Who may send calls: an exchange known by its address, or by user name and password; and for which numbers."""

    way = forms.ChoiceField(
        label=_("How your exchange is recognised"),
        choices=[("address", _("by its address")), ("password", _("by user name and password"))],
        initial="address",
        widget=forms.RadioSelect,
    )
    username = forms.CharField(
        label=_("User name"), required=False, max_length=120, help_text=_("A password is made for you, and shown once.")
    )
    agent = forms.ChoiceField(label=_("Answered by"), required=False, help_text=_("Every number above; change each later."))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["agent"].choices = [("", _("decide later")), *_agents()]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if given.get("way") == "address" and not given.get("addresses"):
            self.add_error("addresses", _("Write the address that your exchange calls from."))
        if given.get("way") == "password" and not given.get("username"):
            self.add_error("username", _("Write the user name that your exchange sends."))
        return given
