"""What a company sets about its plan and its invoices."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from apps.billing.models import BillingProfile, Plan
from apps.billing.selectors.plans import plans_offered
from apps.billing.selectors.prices import tenant_currency
from apps.billing.taxids import CHOICES, tax_id_checked
from apps.core.errors import PermanentError
from apps.core.forms_country import CountryField
from apps.tenants.models import Tenant
from apps.tenants.seats import seats_taken

MOST_SEATS = 10_000


class PlanForm(forms.Form):
    """A plan that is offered, and seats for everybody who works there."""

    plan = forms.ModelChoiceField(Plan.objects.none(), to_field_name="code", widget=forms.HiddenInput)
    seats = forms.IntegerField(
        label=gettext_lazy("Seats"),
        min_value=1,
        max_value=MOST_SEATS,
        help_text=gettext_lazy("One for each person who works here or is invited."),
    )

    def __init__(self, data: Any, *, tenant: Tenant, **options: Any) -> None:
        super().__init__(data, **options)
        self.people = seats_taken(tenant)
        self.fields["plan"].queryset = plans_offered(tenant_currency(tenant))  # type: ignore[attr-defined]

    def clean_seats(self) -> int:
        seats = int(self.cleaned_data["seats"])
        if seats < self.people:
            words = ngettext(
                "%(people)d person works here or is invited; take at least as many seats.",
                "%(people)d people work here or are invited; take at least as many seats, or remove people first.",
                self.people,
            )
            raise forms.ValidationError(words % {"people": self.people})
        return seats


class SeatsFullForm(forms.Form):
    """What becomes of somebody whom single sign-on lets in, where there is no seat for them."""

    ADD, REFUSE = "add", "refuse"
    full = forms.ChoiceField(
        label=gettext_lazy("When every seat is taken"),
        choices=[
            (ADD, gettext_lazy("Take one more seat, and tell us by e-mail")),
            (REFUSE, gettext_lazy("Let nobody in who was not invited")),
        ],
    )


class DetailsForm(forms.ModelForm):  # type: ignore[type-arg]
    """Where invoices go, and what stands on them."""

    class Meta:
        model = BillingProfile
        fields = ("legal_name", "email", "line1", "line2", "postal_code", "city", "state", "country", "tax_id_type", "tax_id")
        labels = {
            "legal_name": gettext_lazy("Legal name"),
            "email": gettext_lazy("E-mail for invoices"),
            "line1": gettext_lazy("Street and number"),
            "line2": gettext_lazy("Address, second line"),
            "postal_code": gettext_lazy("Postal code"),
            "city": gettext_lazy("City"),
            "state": gettext_lazy("State or province"),
            "tax_id": gettext_lazy("Tax id"),
        }
        help_texts = {"email": gettext_lazy("Empty: your owners get them.")}

    country = CountryField(required=False)
    tax_id_type = forms.ChoiceField(label=gettext_lazy("Kind of tax id"), required=False, choices=CHOICES)

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        kind, number = given.get("tax_id_type", ""), given.get("tax_id", "")
        if number and not kind:
            self.add_error("tax_id_type", _("Choose what kind of tax id it is."))
        elif kind and not number:
            self.add_error("tax_id", _("Write the number, or choose None."))
        elif kind:
            try:
                given["tax_id"] = tax_id_checked(kind, number)
            except PermanentError as error:
                self.add_error("tax_id", str(error))
        return given
