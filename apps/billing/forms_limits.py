"""The form of a spend limit."""

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.billing.models import SpendLimit
from apps.billing.neighbours import agents_now
from apps.billing.selectors.limits import CHANNELS

Scope = SpendLimit.Scope


class LimitForm(forms.Form):
    """What may be spent, and what happens then. `what` is a scope, with the agent or channel behind a colon.

    The page sends the currency that it was shown in along, so that an amount never counts in one that nobody read.
    """

    what = forms.ChoiceField(label=gettext_lazy("What it is for"))
    period = forms.ChoiceField(
        label=gettext_lazy("How often it resets"),
        choices=(("month", gettext_lazy("Every month")), ("day", gettext_lazy("Every day"))),
    )
    amount = forms.DecimalField(label=gettext_lazy("Most to spend"), min_value=0, max_digits=18, decimal_places=6)
    reached = forms.ChoiceField(
        label=gettext_lazy("When it is reached, new calls and messages are"),
        choices=(
            ("refuse", gettext_lazy("declined politely")),
            ("people", gettext_lazy("handed to people, where they can be reached")),
        ),
        help_text=gettext_lazy("Calls that run already are never cut off."),
    )

    def __init__(self, *args: Any, currency: str, limit: SpendLimit | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **{"initial": _initial(limit, currency) if limit else None, **kwargs})
        self.currency = currency
        self.fields["amount"].label = _("Most to spend, in %(currency)s") % {"currency": currency}
        self.fields["amount"].widget.attrs["inputmode"] = "decimal"
        self.fields["what"].choices = what_choices()  # type: ignore[attr-defined]
        if limit is not None:
            del self.fields["what"], self.fields["period"]

    def clean(self) -> dict[str, Any]:
        read_in = self.data.get("currency") or self.currency
        if read_in != self.currency:
            raise forms.ValidationError(
                _("The company is charged in %(now)s by now, no longer in %(before)s. Give the amount in %(now)s and save again.")
                % {"now": self.currency, "before": read_in[:3]}
            )
        return self.cleaned_data

    @property
    def values(self) -> dict[str, Any]:
        """For limit_set; without what a limit that is there keeps."""
        given = dict(self.cleaned_data)
        if "what" not in given:
            return given
        scope, _colon, of = given.pop("what").partition(":")
        return {
            **given,
            "scope": scope,
            "agent_id": of if scope == Scope.AGENT else None,
            "channel": of if scope == Scope.CHANNEL else "",
        }


def what_choices() -> list[Any]:
    """The company, its channels, its agents."""
    channels = [(f"channel:{name}", label) for name, label in CHANNELS.items()]
    agents = [(f"agent:{pk}", name) for pk, name in agents_now()]
    groups: list[Any] = [("tenant", _("The whole company")), (_("One channel"), channels)]
    return [*groups, (_("One agent"), agents)] if agents else groups


def _initial(limit: SpendLimit, currency: str) -> dict[str, Any]:
    amount: Decimal = limit.amount.normalize()
    return {"amount": f"{amount:f}" if limit.currency == currency else "", "reached": limit.reached}
