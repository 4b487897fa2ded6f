"""A company's plan: what it is, how much of it is used, and what another one would cost this month."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.billing.forms import DetailsForm, PlanForm, SeatsFullForm
from apps.billing.models import BillingProfile, Plan, Subscription
from apps.billing.months import month_first
from apps.billing.selectors.plans import (
    fee_sums,
    meter_use,
    month_fees,
    plan_offers,
    plan_preview,
    subscription_next,
    subscription_on,
)
from apps.billing.selectors.prices import tenant_currency
from apps.billing.services.plans import subscription_change, tenant_today
from apps.billing.services.profile import profile_update, seats_grow_set
from apps.core.errors import PermanentError
from apps.tenants.access import MONEY, role_required
from apps.tenants.models import Tenant
from apps.tenants.seats import seats_taken
from apps.tenants.sso import sso_of

money_people = role_required(*MONEY)


@require_GET
@money_people
def plan(request: HttpRequest) -> HttpResponse:
    """The plan of today, with what this month used of it and costs so far, and the plans to choose from."""
    tenant: Tenant = request.tenant  # type: ignore[attr-defined]
    today = tenant_today(tenant)
    now, later, currency = subscription_on(tenant, today), subscription_next(tenant, today), tenant_currency(tenant)
    in_trial = bool(now and now.trial_until and now.trial_until > today)
    people, fees = seats_taken(tenant), month_fees(tenant, month_first(today))
    context = {
        "section": "billing",
        "tab": "plan",
        "currency": currency,
        "today": today,
        "now": now,
        "next": later,
        "in_trial": in_trial,
        "trial_ends": in_trial and later is not None,
        "meters": meter_use(tenant, month_first(today)),
        "fees": fees,
        "fees_sums": fee_sums(fees),
        "people": people,
        "offers": plan_offers(currency, people, now),
        "seats_form": _seats_form(tenant) if now and sso_of(tenant) else None,
    }
    return render(request, "billing/plan.html", context)


@require_http_methods(["GET", "POST"])
@money_people
def plan_change(request: HttpRequest) -> HttpResponse:
    """First what a change costs; then, confirmed, the change. It counts from today on."""
    tenant: Tenant = request.tenant  # type: ignore[attr-defined]
    given = request.POST if request.method == "POST" else request.GET
    form = PlanForm(given, tenant=tenant)
    if "plan" in form.errors:
        return _unknown(request)
    chosen: Plan = form.cleaned_data["plan"]
    preview = None
    if form.is_valid():
        if request.method == "POST":
            return _changed(request, tenant, form, chosen)
        preview = plan_preview(tenant, chosen, form.cleaned_data["seats"], tenant_today(tenant))
    context = {"section": "billing", "tab": "plan", "form": form, "chosen": chosen, "preview": preview}
    return render(request, "billing/plan_change.html", context, status=422 if form.errors else 200)


@require_POST
@money_people
def seats_full(request: HttpRequest) -> HttpResponse:
    """What happens when single sign-on lets somebody in above the seats."""
    form = SeatsFullForm(request.POST)
    if form.is_valid():
        seats_grow_set(tenant=request.tenant, grow=form.cleaned_data["full"] == form.ADD)  # type: ignore[attr-defined]
        messages.success(request, _("Saved. It counts for everybody who comes in from now on."))
    else:
        messages.error(request, _("Choose what happens when every seat is taken."))
    return redirect("billing-plan")


def _seats_form(tenant: Tenant) -> SeatsFullForm:
    refuses = BillingProfile.objects.filter(tenant=tenant, seats_grow=False).exists()
    return SeatsFullForm(initial={"full": SeatsFullForm.REFUSE if refuses else SeatsFullForm.ADD})


@require_http_methods(["GET", "POST"])
@money_people
def details(request: HttpRequest) -> HttpResponse:
    """Whom invoices are for, and where they go."""
    tenant: Tenant = request.tenant  # type: ignore[attr-defined]
    profile = BillingProfile.objects.filter(tenant=tenant).first() or BillingProfile(tenant=tenant)
    form = DetailsForm(request.POST or None, instance=profile)
    if request.method == "POST" and form.is_valid():
        try:
            profile_update(tenant=tenant, **form.cleaned_data)
        except PermanentError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("Saved. It stands on your invoices from the next one on."))
            return redirect("billing-details")
    context = {"section": "billing", "tab": "details", "form": form, "currency": tenant_currency(tenant)}
    return render(request, "billing/details.html", context, status=422 if form.errors else 200)


def _changed(request: HttpRequest, tenant: Tenant, form: PlanForm, chosen: Plan) -> HttpResponse:
    try:
        row = subscription_change(tenant=tenant, plan=chosen, seats=form.cleaned_data["seats"])
    except PermanentError as error:
        messages.error(request, str(error))
        return redirect("billing-plan")
    messages.success(request, _("You are on %(plan)s with %(seats)d seats from today on.") % _words(row))
    return redirect("billing-plan")


def _words(row: Subscription) -> dict[str, Any]:
    return {"plan": row.plan.name, "seats": row.seats}


def _unknown(request: HttpRequest) -> HttpResponse:
    messages.warning(request, _("That plan is not offered any more. Choose one of these."))
    return redirect("billing-plan")
