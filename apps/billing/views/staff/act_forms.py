"""What staff fill in before they do something to a company's money: always why, sometimes how much, until when, or which plan."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.billing.forms import PlanForm
from apps.billing.models import Invoice, InvoiceLine, Plan
from apps.billing.selectors.notes import note_left
from apps.billing.selectors.prices import tenant_currency
from apps.core.ids import uuid7
from apps.core.templatetags.ui import money
from apps.tenants.models import Tenant


def key_field() -> forms.CharField:
    """Hidden: what the page gave this form, so that sending it twice does it once."""
    return forms.CharField(max_length=64, required=False, initial=lambda: str(uuid7()), widget=forms.HiddenInput())


class ReasonForm(forms.Form):
    """Why something is done."""

    reason = forms.CharField(label=gettext_lazy("Why"), max_length=500, widget=forms.Textarea(attrs={"rows": 3}))


class TrialForm(ReasonForm):
    """The first day that costs a fee."""

    until = forms.DateField(
        label=gettext_lazy("First day with a fee"),
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=gettext_lazy("In the company's time zone. A plan that follows its trial moves along."),
    )
    field_order = ("until", "reason")


class NoteForm(ReasonForm):
    """A credit note: for the invoice or one of its lines, all of it or an amount."""

    line = forms.ModelChoiceField(InvoiceLine.objects.none(), label=gettext_lazy("For"), required=False)
    amount = forms.DecimalField(
        label=gettext_lazy("Amount"),
        min_value=0,
        max_digits=18,
        decimal_places=6,
        required=False,
        help_text=gettext_lazy("Empty: all that is left of it."),
    )
    key = key_field()
    field_order = ("line", "amount", "reason", "key")

    def __init__(self, data: Any = None, *, invoice: Invoice, **options: Any) -> None:
        super().__init__(data, **options)
        self.fields["reason"].label = _("Why; it stands on the credit note")
        self.fields["reason"].max_length = 300  # type: ignore[attr-defined]
        self.fields["reason"].widget.attrs["maxlength"] = 300
        lines: Any = self.fields["line"]
        lines.queryset = invoice.lines.filter(amount__gt=0)
        whole = money(note_left(invoice), invoice.currency)
        lines.empty_label = _("The whole invoice, %(left)s left") % {"left": whole}
        lines.label_from_instance = lambda line: f"{line.description}: {money(line.amount, invoice.currency)}"


class MoveForm(PlanForm):
    """Any plan in the company's currency, also one that is retired, and seats for everybody there."""

    def __init__(self, data: Any, *, tenant: Tenant, **options: Any) -> None:
        super().__init__(data, tenant=tenant, **options)
        plans: Any = self.fields["plan"]
        plans.queryset = Plan.objects.filter(currency=tenant_currency(tenant)).order_by("-offered", "fee", "code")
        plans.widget = forms.Select()
        plans.label, plans.empty_label = _("Plan"), None
        plans.label_from_instance = plan_label
        plans.widget.choices = plans.choices


def plan_label(plan: Plan) -> str:
    """A plan to choose, with its fee."""
    fee = _("%(name)s, %(fee)s a month") % {"name": plan.name, "fee": money(plan.fee, plan.currency)}
    return fee if plan.offered else _("%(plan)s (retired)") % {"plan": fee}
