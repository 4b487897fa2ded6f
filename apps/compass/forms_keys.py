"""A new API key, as an admin asks for it."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.tenants.keys import areas_of
from apps.tenants.models_keys import AREAS

RIGHTS = (("", _("nothing")), ("read", _("read")), ("write", _("read and change")))
LIVES = (("", _("never")), ("30", _("in 30 days")), ("90", _("in 90 days")), ("365", _("in a year")))

HINTS = {
    "keys": _("Makes and revokes keys, none of which may do more than this one."),
    "exports": _("Takes everything along that the company has, whatever else the key may do."),
    "sso": _("Decides who can log in."),
    "deletion": _("Plans that everything is deleted, and undoes that."),
}


class KeyForm(forms.Form):
    """Name, end, and for each area of the API what the key may do there."""

    name = forms.CharField(label=_("Name"), max_length=80, help_text=_("The program that will use it, such as “Web shop”."))
    days = forms.ChoiceField(label=_("Expires"), choices=LIVES, required=False)

    def __init__(self, *args: Any, role: str, **kwargs: Any) -> None:
        """With the areas that somebody with this `role` may let a key into."""
        super().__init__(*args, **kwargs)
        self._areas = areas_of(role)
        for area in self._areas:
            hint = HINTS.get(area, "")
            self.fields[f"scope_{area}"] = forms.ChoiceField(label=AREAS[area], choices=RIGHTS, required=False, help_text=hint)

    @property
    def areas(self) -> list[forms.BoundField]:
        """The fields of the scopes."""
        return [self[f"scope_{area}"] for area in self._areas]

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if not self.errors and not any(given.get(f"scope_{area}") for area in self._areas):
            raise forms.ValidationError(_("Choose what the key may do, in one area at least."))
        return given

    @property
    def values(self) -> dict[str, Any]:
        """For api_key_create."""
        given = self.cleaned_data
        scopes = [f"{area}:{given[f'scope_{area}']}" for area in self._areas if given[f"scope_{area}"]]
        return {"name": given["name"], "scopes": scopes, "expires_at": _end(given["days"])}


def _end(days: str) -> datetime | None:
    return timezone.now() + timedelta(days=int(days)) if days else None
