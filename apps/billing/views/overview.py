"""The overview: what is spent, on what, and where it is heading."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from apps.billing.forms_spend import AGENT, BY, CHANNEL, SpendForm
from apps.billing.neighbours import names_of
from apps.billing.periods import CUSTOM
from apps.billing.selectors.entries import unpriced_count
from apps.billing.selectors.prices import tenant_currency
from apps.billing.selectors.spend import Narrowed, spend_kinds
from apps.billing.spending import spending_of
from apps.billing.upcoming import upcoming_invoices
from apps.billing.views.charts import shares_of, spending_chart
from apps.tenants.access import MONEY, role_required
from apps.tenants.models import Tenant


@require_GET
@role_required(*MONEY)
def overview(request: HttpRequest) -> HttpResponse:
    """Spending of the chosen period; before the first usage, what will be here."""
    tenant: Tenant = request.tenant  # type: ignore[attr-defined]
    kinds = spend_kinds(tenant)
    context = {"section": "billing", "tab": "overview"}
    if kinds["source_type"]:
        context |= _spending(request, tenant, kinds)
    return render(request, "billing/overview.html", context)


@require_GET
@role_required(*MONEY)
def upcoming(request: HttpRequest) -> HttpResponse:
    """A piece of the overview that counts the whole month, and so comes by itself."""
    tenant: Tenant = request.tenant  # type: ignore[attr-defined]
    return render(request, "billing/upcoming.html", {"invoices": upcoming_invoices(tenant)})


def _spending(request: HttpRequest, tenant: Tenant, kinds: dict[str, list[Any]]) -> dict[str, Any]:
    form = SpendForm(request.GET, channels=kinds["channel"], agents=agents_named(kinds["agent_id"]), currencies=kinds["currency"])
    values, period = form.values, form.days(tenant.timezone)
    currency, by = currency_of(tenant, kinds["currency"], values.get("currency", "")), values.get("by", CHANNEL)
    agent = values.get("agent")
    narrowed = Narrowed(channel=values.get("channel", ""), agent_id=UUID(agent) if agent else None, currency=currency)
    spending = spending_of(tenant, period, narrowed, by)
    shares = shares_of(spending, by)
    return {
        "form": form,
        "custom": period.key == CUSTOM,
        "period": period,
        "currency": currency,
        "by": by,
        "by_choices": BY,
        "may_narrow": by in (CHANNEL, AGENT),
        "spending": spending,
        "shares": shares,
        "chart": spending_chart(spending, shares, currency),
        "unpriced": unpriced_count(tenant),
    }


def agents_named(agent_ids: list[UUID]) -> list[tuple[UUID, str]]:
    """Agents by name for a choice; those that are gone last."""
    names = names_of(agent_ids)
    found = [(pk, names.get(pk) or _("A former agent")) for pk in agent_ids]
    return sorted(found, key=lambda pair: (pair[0] not in names, pair[1].casefold()))


def currency_of(tenant: Tenant, used: list[str], chosen: str) -> str:
    """The chosen currency, the tenant's own, or the only one that there is usage in."""
    own = tenant_currency(tenant)
    return chosen or (own if own in used or not used else used[0])
