"""The choice of a country."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from phonenumbers import SUPPORTED_REGIONS


class CountryField(forms.ChoiceField):
    """An ISO 3166 code. The browser writes and sorts the names (frontend/src/countries.ts); without scripts codes are seen."""

    def __init__(self, **options: Any) -> None:
        codes = [(code, code) for code in sorted(SUPPORTED_REGIONS)]
        empty = [] if options.get("required", True) else [("", "–")]
        widget = forms.Select(attrs={"data-countries": True})
        super().__init__(**{"label": _("Country"), "choices": [*empty, *codes], "widget": widget, **options})
