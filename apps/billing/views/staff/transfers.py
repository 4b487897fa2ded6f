"""An invoice that was paid by bank transfer, as staff note it down."""

from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from apps.billing.models import Invoice
from apps.billing.rounding import step_of
from apps.billing.services.transfers import transfer_note
from apps.billing.views.staff.pages import invoice_or_404, refused, told, who
from apps.core.templatetags.ui import money
from apps.tenants.staff import staff_required


class TransferForm(forms.Form):
    """What stands on the statement of the bank's account."""

    amount = forms.DecimalField(label=gettext_lazy("Amount"), min_value=0, max_digits=18, decimal_places=6)
    received_on = forms.DateField(label=gettext_lazy("Booked by the bank on"), widget=forms.DateInput(attrs={"type": "date"}))
    reference = forms.CharField(label=gettext_lazy("Reference on the statement"), max_length=140)

    def __init__(self, data: Any = None, *, invoice: Invoice, **options: Any) -> None:
        super().__init__(data, **options)
        step = step_of(invoice.currency)
        self.fields["amount"].initial = invoice.owed.quantize(step)
        self.fields["amount"].widget.attrs["step"] = str(step)
        self.fields["amount"].help_text = _("%(left)s are left of it.") % {"left": money(invoice.owed, invoice.currency)}


@require_POST
@staff_required
def transfer(request: HttpRequest, invoice_id: UUID) -> HttpResponse:
    one = invoice_or_404(invoice_id)
    form = TransferForm(request.POST, invoice=one)
    if form.is_valid():
        values = form.cleaned_data
        told(request, lambda: transfer_note(invoice=one, by=who(request), **values), _("It counts as paid."))
    else:
        refused(request, form)
    return redirect("staff-invoice", one.pk)
