"""A company's plan, seats and trial: what a change costs, and the change."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from apps.billing.selectors.plans import plan_preview
from apps.billing.selectors.staff.tenant import subscription_of
from apps.billing.services.plans import tenant_today
from apps.billing.services.staff.subscriptions import plan_move, trial_lengthen
from apps.billing.views.staff.act_forms import MoveForm, ReasonForm, TrialForm
from apps.billing.views.staff.pages import page, refused, tenant_or_404, told, who
from apps.tenants.models import Tenant
from apps.tenants.staff import staff_required


@require_http_methods(["GET", "POST"])
@staff_required
def plan_change(request: HttpRequest, slug: str) -> HttpResponse:
    """First what it costs this month and the next; then, with a reason, the change. It counts from today on."""
    one = tenant_or_404(slug)
    given = request.POST if request.method == "POST" else request.GET
    form = MoveForm(given if "plan" in given else None, tenant=one, initial=_as_it_is(one))
    reason = ReasonForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid() and reason.is_valid():
        values = {**form.cleaned_data, **reason.cleaned_data}
        said = _("%(name)s is on %(plan)s from today on.") % {"name": one.name, "plan": values["plan"].name}
        told(request, lambda: plan_move(tenant=one, by=who(request), **values), said)
        return redirect("staff-tenant", slug)
    preview = None
    if form.is_valid():
        preview = plan_preview(one, form.cleaned_data["plan"], form.cleaned_data["seats"], tenant_today(one))
    context = {"one": one, "form": form, "reason": reason, "preview": preview, "now": subscription_of(one)}
    return page(request, "tenant_plan.html", "tenants", context, status=422 if form.errors or reason.errors else 200)


@require_POST
@staff_required
def trial(request: HttpRequest, slug: str) -> HttpResponse:
    one = tenant_or_404(slug)
    form = TrialForm(request.POST)
    if not form.is_valid():
        refused(request, form)
    else:
        said = _("No fee for %(name)s before %(day)s.")
        words = {"name": one.name, "day": date_format(form.cleaned_data["until"], "j F Y")}
        told(request, lambda: trial_lengthen(tenant=one, by=who(request), **form.cleaned_data), said % words)
    return redirect("staff-tenant", slug)


def _as_it_is(one: Tenant) -> dict[str, Any]:
    now = subscription_of(one)
    return {"plan": now.plan, "seats": now.seats} if now else {"seats": 1}
