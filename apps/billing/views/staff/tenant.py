"""One tenant: who it is, what it pays, and suspending and restoring it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from apps.billing.models import Credit, Invoice
from apps.billing.selectors.limits import limit_rows
from apps.billing.selectors.staff import tenant as selectors
from apps.billing.selectors.staff.unpriced import unpriced_rows
from apps.billing.services.plans import tenant_today
from apps.billing.services.staff import company_restore, company_suspend
from apps.billing.standings import due_of
from apps.billing.views.staff.act_forms import ReasonForm, TrialForm
from apps.billing.views.staff.override_forms import OverrideForm
from apps.billing.views.staff.pages import month_name, page, tenant_or_404, this_month, told, who
from apps.tenants.models import Tenant
from apps.tenants.staff import staff_required


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
        "invoices": _invoices(one),
        "limits": limit_rows(one),
        "credits": selectors.credits_left(Credit.objects.filter(tenant=one)),
        "overrides": selectors.overrides_of(one),
        "unpriced": unpriced_rows(one),
        "acts": selectors.acts_of(one),
        "suspended_because": selectors.suspension_reason(one),
        "suspend_form": ReasonForm(auto_id="suspend-%s"),
        "restore_form": ReasonForm(auto_id="restore-%s"),
        "today": tenant_today(one),
        "trial_form": TrialForm(auto_id="trial-%s"),
        "override_form": override_form or OverrideForm(auto_id="override-%s"),
    }
    return page(request, "tenant.html", "tenants", context, status=status)


def _invoices(one: Tenant) -> list[Invoice]:
    """The newest, each with what is still `due` of it."""
    found = list(selectors.invoices_of(one))
    for invoice in found:
        invoice.due = due_of(invoice)  # type: ignore[attr-defined]
    return found


@require_POST
@staff_required
def suspend(request: HttpRequest, slug: str) -> HttpResponse:
    one, reason = tenant_or_404(slug), request.POST.get("reason", "")
    said = _("%(name)s is suspended. Its people read your sentence.") % {"name": one.name}
    told(request, lambda: company_suspend(tenant=one, reason=reason, by=who(request)), said)
    return redirect("staff-tenant", slug)


@require_POST
@staff_required
def restore(request: HttpRequest, slug: str) -> HttpResponse:
    one, reason = tenant_or_404(slug), request.POST.get("reason", "")
    said = _("%(name)s is served again.") % {"name": one.name}
    told(request, lambda: company_restore(tenant=one, reason=reason, by=who(request)), said)
    return redirect("staff-tenant", slug)
