"""One tenant: who it is, what it pays, and suspending and restoring it."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from apps.billing.models import Credit
from apps.billing.selectors.limits import limit_rows
from apps.billing.selectors.staff import tenant as selectors
from apps.billing.selectors.staff.unpriced import unpriced_rows
from apps.billing.services.staff import company_restore, company_suspend
from apps.billing.views.staff.override_forms import OverrideForm
from apps.billing.views.staff.pages import month_name, page, tenant_or_404, this_month, who
from apps.core.errors import PermanentError
from apps.tenants.staff import staff_required


class ReasonForm(forms.Form):
    """Why something is done."""

    reason = forms.CharField(label=gettext_lazy("Why"), max_length=500, widget=forms.Textarea(attrs={"rows": 3}))


@require_GET
@staff_required
def tenant(request: HttpRequest, slug: str) -> HttpResponse:
    return tenant_page(request, slug)


def tenant_page(request: HttpRequest, slug: str, *, override_form: OverrideForm | None = None, status: int = 200) -> HttpResponse:
    """Everything about a tenant; the form as it was refused, where it was."""
    one = tenant_or_404(slug)
    context = {
        "one": one,
        "host": selectors.host_of(one),
        "profile": selectors.profile_of(one),
        "owners": selectors.owners_of(one),
        "sums": selectors.month_of(one, this_month()),
        "month_name": month_name(this_month()),
        "subscription": selectors.subscription_of(one),
        "invoices": selectors.invoices_of(one),
        "limits": limit_rows(one),
        "credits": selectors.credits_left(Credit.objects.filter(tenant=one)),
        "overrides": selectors.overrides_of(one),
        "unpriced": unpriced_rows(one),
        "acts": selectors.acts_of(one),
        "suspended_because": selectors.suspension_reason(one),
        "suspend_form": ReasonForm(auto_id="suspend-%s"),
        "restore_form": ReasonForm(auto_id="restore-%s"),
        "override_form": override_form or OverrideForm(auto_id="override-%s"),
    }
    return page(request, "tenant.html", "tenants", context, status=status)


@require_POST
@staff_required
def suspend(request: HttpRequest, slug: str) -> HttpResponse:
    one = tenant_or_404(slug)
    try:
        company_suspend(tenant=one, reason=request.POST.get("reason", ""), by=who(request))
    except PermanentError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("%(name)s is suspended. Its people read your sentence.") % {"name": one.name})
    return redirect("staff-tenant", slug)


@require_POST
@staff_required
def restore(request: HttpRequest, slug: str) -> HttpResponse:
    one = tenant_or_404(slug)
    try:
        company_restore(tenant=one, reason=request.POST.get("reason", ""), by=who(request))
    except PermanentError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("%(name)s is served again.") % {"name": one.name})
    return redirect("staff-tenant", slug)
