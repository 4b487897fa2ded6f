"""One tenant's own price."""

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.billing.models import Kind, Unit
from apps.billing.views.staff.book_forms import MomentField


class OverrideForm(forms.Form):
    """Counts in place of the book's price for the same thing."""

    kind = forms.ChoiceField(label=_("Kind"), choices=Kind.choices)
    provider = forms.CharField(label=_("Provider"), max_length=64)
    model = forms.CharField(label=_("Model"), max_length=120)
    unit = forms.ChoiceField(label=_("Unit"), choices=Unit.choices)
    price = forms.DecimalField(label=_("Price"), min_value=0, max_digits=18, decimal_places=6)
    effective_from = MomentField(label=_("From (UTC)"), required=False, help_text=_("Empty: from now on."))
    note = forms.CharField(label=_("Why"), max_length=200, help_text=_("Such as the contract that it is from."))
