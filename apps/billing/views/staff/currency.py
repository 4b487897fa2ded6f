"""The currency that a company is charged in: what a change leaves behind, and the change."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from apps.billing.selectors.currencies import currency_left_behind
from apps.billing.services.staff.currencies import currency_move
from apps.billing.views.staff.currency_forms import CurrencyForm, CurrencyMoveForm
from apps.billing.views.staff.pages import page, tenant_or_404, told, who
from apps.tenants.staff import staff_required


@require_http_methods(["GET", "POST"])
@staff_required
def currency_change(request: HttpRequest, slug: str) -> HttpResponse:
    """First what becomes of usage so far, credits, prices and limits; then, with a plan and a reason, the change."""
    one, post = tenant_or_404(slug), request.method == "POST"
    given = request.POST if post else request.GET
    form = CurrencyForm(given if "currency" in given else None, tenant=one)
    chosen = form.cleaned_data["currency"] if form.is_valid() else ""
    move = CurrencyMoveForm(request.POST if post else None, tenant=one, currency=chosen) if chosen else None
    if post and move is not None and move.is_valid():
        said = _("%(name)s is charged in %(currency)s from now on.") % {"name": one.name, "currency": chosen}
        values = move.cleaned_data
        told(request, lambda: currency_move(tenant=one, currency=chosen, by=who(request), **values), said)
        return redirect("staff-tenant", slug)
    context = {"one": one, "form": form, "move": move, "chosen": chosen, "left": currency_left_behind(one)}
    refused = form.errors or (move is not None and move.errors)
    return page(request, "tenant_currency.html", "tenants", context, status=422 if refused else 200)
