"""What a company lets itself spend: limits, how much of each is left, and an undo for every change."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.billing.forms_limits import LimitForm
from apps.billing.models import SpendLimit
from apps.billing.neighbours import agents_now
from apps.billing.selectors.limits import currency_of, limit_rows, scope_name
from apps.billing.services.limits import LimitRefused, limit_remove, limit_restore, limit_set
from apps.core.toasts import acted
from apps.tenants.access import MONEY, role_required
from apps.tenants.models import Tenant

money_required = role_required(*MONEY)
editing = require_http_methods(["GET", "POST"])
HERE = {"section": "billing", "tab": "limits"}
SALT, UNDO_SECONDS = "billing.limit", 3600


@require_GET
@money_required
def limits(request: HttpRequest) -> HttpResponse:
    """Every limit with what is spent, held and left."""
    context = {**HERE, "rows": limit_rows(_tenant(request), dict(agents_now()))}
    page = "billing/limits_body.html" if request.htmx else "billing/limits.html"  # type: ignore[attr-defined]
    return render(request, page, context)


@editing
@money_required
def limit_new(request: HttpRequest) -> HttpResponse:
    """Adds a limit, or changes the one that there is for the same."""
    tenant = _tenant(request)
    form = LimitForm(request.POST or None, currency=currency_of(tenant))
    if form.is_valid() and (undo := _saved(form, tenant, None)) is not None:
        messages.success(request, _("The limit counts from now on."), extra_tags=undo)
        return redirect("billing-limits")
    return _form(request, form)


@editing
@money_required
def limit_edit(request: HttpRequest, limit_id: UUID) -> HttpResponse:
    """Changes the amount, or what happens when it is reached."""
    tenant, limit = _tenant(request), _limit(request, limit_id)
    form = LimitForm(request.POST or None, currency=currency_of(tenant), limit=limit)
    if form.is_valid() and (undo := _saved(form, tenant, limit)) is not None:
        messages.success(request, _("The limit is changed."), extra_tags=undo)
        return redirect("billing-limits")
    return _form(request, form, limit=limit, name=scope_name(limit, dict(agents_now())))


@require_POST
@money_required
def limit_delete(request: HttpRequest, limit_id: UUID) -> HttpResponse:
    limit = _limit(request, limit_id)
    limit_remove(limit=limit)
    return acted(request, _("The limit is removed."), back="billing-limits", undo=_undo({"restore": str(limit.pk)}))


@require_POST
@money_required
def limit_undo(request: HttpRequest, token: str) -> HttpResponse:
    """Takes back the change that the token tells of. One of another company changes nothing here."""
    try:
        told = signing.loads(token, salt=SALT, max_age=UNDO_SECONDS)
    except signing.BadSignature:
        return acted(request, _("This can no longer be undone. Change the limit itself."), back="billing-limits", failed=True)
    limit = _limit(request, next(iter(told.values())), removed=True)
    try:
        _undone(limit, told)
    except LimitRefused as error:
        return acted(request, str(error), back="billing-limits", failed=True)
    return acted(request, _("It is as it was before."), back="billing-limits")


def _undone(limit: SpendLimit, told: dict[str, str]) -> None:
    if "restore" in told:
        limit_restore(limit=limit)
    elif "remove" in told:
        limit_remove(limit=limit)
    else:
        limit_set(
            tenant=limit.tenant,
            **_key(limit),
            amount=SpendLimit._meta.get_field("amount").to_python(told["amount"]),
            currency=told.get("currency") or limit.currency,
            reached=told["reached"],
        )


def _undo(told: dict[str, str]) -> str:
    return reverse("billing-limit-undo", args=[signing.dumps(told, salt=SALT)])


def _saved(form: LimitForm, tenant: Tenant, limit: SpendLimit | None) -> str | None:
    """Sets it and returns where that is undone, empty where it cannot be. What the service refuses stands in the form: None."""
    values = {**(_key(limit) if limit else {}), **form.values}
    before = _before(tenant, values)
    try:
        found, created = limit_set(tenant=tenant, **values)
    except LimitRefused as error:
        form.add_error(error.field if error.field in form.fields else None, str(error))
        return None
    if created or before is None:
        return _undo({"remove": str(found.pk)})
    return _undo(before) if before["currency"] == found.currency else ""


def _key(limit: SpendLimit) -> dict[str, Any]:
    return {"scope": limit.scope, "period": limit.period, "agent_id": limit.agent_id, "channel": limit.channel}


def _before(tenant: Tenant, values: dict[str, Any]) -> dict[str, str] | None:
    key = {name: values[name] for name in ("scope", "period", "agent_id", "channel")}
    limit = SpendLimit.objects.filter(tenant=tenant, active=True, **key).first()
    if limit is None:
        return None
    return {"change": str(limit.pk), "amount": str(limit.amount), "currency": limit.currency, "reached": limit.reached}


def _form(request: HttpRequest, form: LimitForm, **context: Any) -> HttpResponse:
    return render(request, "billing/limit.html", {**HERE, "form": form, **context}, status=422 if form.errors else 200)


def _limit(request: HttpRequest, limit_id: UUID | str, *, removed: bool = False) -> SpendLimit:
    found = SpendLimit.objects.select_related("tenant").filter(pk=limit_id, tenant=_tenant(request))
    limit = found.first() if removed else found.filter(active=True).first()
    if limit is None:
        raise Http404("There is no such limit.")
    return limit


def _tenant(request: HttpRequest) -> Tenant:
    return request.tenant  # type: ignore[attr-defined, no-any-return]
