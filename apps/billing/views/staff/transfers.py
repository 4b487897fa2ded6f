"""An invoice that was paid by bank transfer, as staff note it down."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from apps.billing.models import Invoice
from apps.billing.rounding import step_of
from apps.billing.services.transfers import transfer_note
from apps.billing.standings import above_of
from apps.billing.views.staff.act_forms import key_field
from apps.billing.views.staff.pages import invoice_or_404, refused, told, who
from apps.core.templatetags.ui import money
from apps.tenants.staff import staff_required


class TransferForm(forms.Form):
    """What stands on the statement of the bank's account."""

    amount = forms.DecimalField(label=gettext_lazy("Amount"), min_value=0, max_digits=18, decimal_places=6)
    received_on = forms.DateField(label=gettext_lazy("Booked by the bank on"), widget=forms.DateInput(attrs={"type": "date"}))
    reference = forms.CharField(label=gettext_lazy("Reference on the statement"), max_length=140)

    more = forms.BooleanField(
        label=gettext_lazy("It was more than is left"),
        required=False,
        widget=forms.CheckboxInput(attrs={"class": "checkbox checkbox-sm"}),
        help_text=gettext_lazy("The rest is kept for the company until you say where it went."),
    )
    key = key_field()

    def __init__(self, data: Any = None, *, invoice: Invoice, **options: Any) -> None:
        super().__init__(data, **options)
        step = step_of(invoice.currency)
        self.fields["amount"].initial = invoice.owed.quantize(step)
        self.fields["amount"].widget.attrs["step"] = str(step)
        self.fields["amount"].help_text = _("%(left)s are left of it; a part is taken too.") % {
            "left": money(invoice.owed, invoice.currency)
        }


def _said(invoice: Invoice) -> str:
    """What is so now that it is noted down."""
    values = {"left": money(invoice.owed, invoice.currency), "above": money(above_of(invoice), invoice.currency)}
    if invoice.owed:
        return _("It is noted down; %(left)s are left.") % values
    if above_of(invoice):
        return _("It counts as paid. %(above)s came above it and are kept; say so once they are sent back or used.") % values
    return _("It counts as paid.")


@require_POST
@staff_required
def transfer(request: HttpRequest, invoice_id: UUID) -> HttpResponse:
    one = invoice_or_404(invoice_id)
    form = TransferForm(request.POST, invoice=one)
    if form.is_valid():
        values = form.cleaned_data
        if told(request, lambda: transfer_note(invoice=one, by=who(request), **values)):
            messages.success(request, _said(invoice_or_404(invoice_id)))
    else:
        refused(request, form)
    return redirect("staff-invoice", one.pk)
