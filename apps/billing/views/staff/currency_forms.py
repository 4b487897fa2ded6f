"""What staff fill in to charge a company in another currency."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.billing.models import Plan
from apps.billing.selectors.currencies import currencies_priced
from apps.billing.selectors.plans import subscription_on
from apps.billing.selectors.prices import tenant_currency
from apps.billing.services.plans import tenant_today
from apps.billing.views.staff.act_forms import ReasonForm, plan_label
from apps.tenants.models import Tenant
from apps.tenants.seats import seats_taken

NONE = "-"


class CurrencyForm(forms.Form):
    """Another currency that has prices."""

    currency = forms.ChoiceField(label=gettext_lazy("New currency"))

    def __init__(self, data: Any = None, *, tenant: Tenant, **options: Any) -> None:
        super().__init__(data, **options)
        own = tenant_currency(tenant)
        self.others = [code for code in currencies_priced() if code != own]
        self.fields["currency"].choices = [(code, code) for code in self.others]  # type: ignore[attr-defined]


class CurrencyMoveForm(ReasonForm):
    """The plan in the new currency from today on, chosen even where it is none; it keeps the seats that there are."""

    plan = forms.ChoiceField(label=gettext_lazy("Plan from today on"))
    field_order = ("plan", "reason")

    def __init__(self, data: Any = None, *, tenant: Tenant, currency: str, **options: Any) -> None:
        super().__init__(data, **options)
        self.tenant = tenant
        self.plans = {row.code: row for row in Plan.objects.filter(currency=currency).order_by("-offered", "fee", "code")}
        named = [(code, plan_label(plan)) for code, plan in self.plans.items()]
        none = (NONE, _("No plan: it pays for usage alone"))
        self.fields["plan"].choices = [("", _("Choose…")), *named, none]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        plan, now = self.plans.get(given.get("plan", "")), subscription_on(self.tenant, tenant_today(self.tenant))
        least = plan.included_seats if plan else 1
        seats = now.seats if now else max(seats_taken(self.tenant), least, 1)
        return {**given, "plan": plan, "seats": seats}
