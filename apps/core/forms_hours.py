"""The business hours of a number, as an admin fills them in."""

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.core.hours import DAYS, Hours, spans_of, spans_text

NAMES = (_("Monday"), _("Tuesday"), _("Wednesday"), _("Thursday"), _("Friday"), _("Saturday"), _("Sunday"))


class HoursForm(forms.Form):
    """A day is `09:00-12:00, 13:00-17:00`; an empty one is closed."""

    limited = forms.BooleanField(label=_("Only within business hours"), required=False)
    timezone = forms.CharField(
        label=_("Time zone"), max_length=64, required=False, help_text=_("Such as Europe/Berlin. Empty: your company's.")
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
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
    def hours(self) -> Hours:
        """What was written; empty where it is always open."""
        given = self.cleaned_data
        return {day: given[f"hours_{day}"] for day in DAYS} if given["limited"] else {}


def hours_initial(hours: Hours) -> dict[str, Any]:
    """How the fields of these hours begin."""
    return {"limited": bool(hours), **{f"hours_{day}": spans_text(hours.get(day, [])) for day in DAYS}}
