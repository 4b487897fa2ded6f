"""Credits: what was given, what is left, and giving one."""

from datetime import UTC, datetime, time
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from apps.billing.models import Credit
from apps.billing.selectors.staff.tenant import credits_left, profile_of
from apps.billing.services.staff.grants import credit_give
from apps.billing.views.staff.pages import page, who
from apps.core.errors import PermanentError
from apps.tenants.models import Tenant
from apps.tenants.selectors import tenant_by_slug
from apps.tenants.staff import staff_required

PAGE_SIZE = 50


class CreditForm(forms.Form):
    """Money off a tenant's next invoices."""

    tenant = forms.ModelChoiceField(
        label=gettext_lazy("Tenant"),
        queryset=Tenant.objects.exclude(schema_name="public").exclude(status=Tenant.Status.DELETED).order_by("name"),
        to_field_name="schema_name",
        empty_label=gettext_lazy("Choose a tenant"),
    )
    amount = forms.DecimalField(label=gettext_lazy("Amount"), max_digits=18, decimal_places=6)
    currency = forms.CharField(
        label=gettext_lazy("Currency"),
        max_length=3,
        required=False,
        help_text=gettext_lazy("Empty: the one that the tenant is billed in."),
    )
    expires_on = forms.DateField(
        label=gettext_lazy("Until"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=gettext_lazy("The first day on which it no longer counts, in UTC. Empty: it stays."),
    )
    reason = forms.CharField(
        label=gettext_lazy("What for"), max_length=300, help_text=gettext_lazy("The tenant reads it on the invoice.")
    )

    @property
    def values(self) -> dict[str, Any]:
        found = dict(self.cleaned_data)
        day = found.pop("expires_on")
        found["currency"] = found["currency"].upper() or profile_of(found["tenant"]).currency
        return {**found, "expires_at": datetime.combine(day, time.min, UTC) if day else None}


@require_http_methods(["GET", "POST"])
@staff_required
def credits_page(request: HttpRequest) -> HttpResponse:
    """All credits, or those of the tenant in the address; posting gives one."""
    one = tenant_by_slug(request.GET.get("tenant", ""))
    form = CreditForm(request.POST or None, auto_id="credit-%s", initial={"tenant": one.schema_name if one else None})
    if form.is_valid():
        try:
            credit_give(by=who(request), **form.values)
        except PermanentError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("%(name)s has its credit.") % {"name": form.cleaned_data["tenant"].name})
            return redirect("staff-credits")
    found = credits_left(Credit.objects.select_related("tenant")).order_by("-granted_at")
    shown = Paginator(found.filter(tenant=one) if one else found, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {"form": form, "one": one, "page": shown, "rows": list(shown.object_list)}
    return page(request, "credits.html", "credits", context, status=422 if form.errors else 200)
