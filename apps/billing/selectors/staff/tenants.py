"""The list of tenants, with what each brought and cost in a month: a query each for them, the ledger, and what is overdue."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import F, OuterRef, Q, QuerySet, Subquery, Sum
from django.utils import timezone
from django_tenants.utils import get_public_schema_name

from apps.billing.models import OWED, BillingProfile, Invoice, LedgerEntry, Subscription
from apps.billing.selectors.staff.sums import AGGREGATES, ZERO, Sums, by_currency, entries_of, sums_of
from apps.tenants.models import Tenant

NEVER = datetime.min.replace(tzinfo=timezone.get_default_timezone())
LIVE = "live"


@dataclass(frozen=True)
class TenantRow:
    """A tenant as the list shows it. `sums` are the month's, one for each currency, its own first."""

    tenant: Tenant
    plan: str
    standing: str
    overdue_sums: dict[str, Decimal]
    last_active: datetime | None
    sums: list[Sums]

    @property
    def overdue(self) -> Decimal:
        """The largest of its overdue sums, to sort by: amounts in two currencies cannot be added up."""
        return max(self.overdue_sums.values(), default=ZERO)

    @property
    def main(self) -> Sums:
        return self.sums[0]


SORTS: dict[str, Callable[[TenantRow], Any]] = {
    "name": lambda row: row.tenant.name.lower(),
    "plan": lambda row: row.plan.lower(),
    "revenue": lambda row: row.main.revenue,
    "cost": lambda row: row.main.cost,
    "margin": lambda row: row.main.margin,
    "calls": lambda row: row.main.calls,
    "overdue": lambda row: row.overdue,
    "active": lambda row: row.last_active or NEVER,
}


def tenant_rows(
    *, month: date, q: str = "", status: str = LIVE, standing: str = "", plan: str = "", sort: str = "-revenue"
) -> list[TenantRow]:
    """Every tenant that fits. `sort` is a key of SORTS, with a minus when descending; equals stand by name."""
    sums, late = _sums_by_tenant(month), _overdue_by_tenant()
    found = _filtered(tenants_all(), q=q, status=status, standing=standing, plan=plan)
    rows = sorted((_row(tenant, sums.get(tenant.pk, {}), late.get(tenant.pk, {})) for tenant in found), key=SORTS["name"])
    return sorted(rows, key=SORTS.get(sort.lstrip("-"), SORTS["revenue"]), reverse=sort.startswith("-"))


def rows_total(rows: list[TenantRow]) -> list[Sums]:
    """What all of them brought and cost, by currency."""
    return by_currency(one for row in rows for one in row.sums if one.things or one.revenue or one.cost)


def tenants_all() -> "QuerySet[Tenant]":
    """Every tenant with its plan, standing and when something was last used."""
    newest = LedgerEntry.objects.filter(tenant=OuterRef("pk")).order_by("-started_at")
    today = timezone.now().date()
    running = Subscription.objects.filter(Q(ended_on=None) | Q(ended_on__gt=today), tenant=OuterRef("pk"), started_on__lte=today)
    running = running.order_by("-started_on", "pk")
    return (
        Tenant.objects.exclude(schema_name=get_public_schema_name())
        .annotate(
            plan_name=Subquery(running.values("plan__name")[:1]),
            plan_code=Subquery(running.values("plan__code")[:1]),
            standing=F("billing_profile__standing"),
            bill_currency=F("billing_profile__currency"),
            last_active=Subquery(newest.values("started_at")[:1]),
        )
        .order_by("name", "pk")
    )


def _overdue_by_tenant() -> dict[int, dict[str, Decimal]]:
    late = Invoice.objects.filter(state=Invoice.State.OPEN, due_at__lt=timezone.now())
    grouped: dict[int, dict[str, Decimal]] = {}
    for row in late.order_by("currency").values("tenant_id", "currency").annotate(left=Sum(OWED)):
        if row["left"]:
            grouped.setdefault(row["tenant_id"], {})[row["currency"]] = row["left"]
    return grouped


def _filtered(found: "QuerySet[Tenant]", *, q: str, status: str, standing: str, plan: str) -> "QuerySet[Tenant]":
    if q:
        found = found.filter(Q(name__icontains=q) | Q(schema_name__icontains=q) | Q(billing_profile__legal_name__icontains=q))
    if status == LIVE:
        found = found.exclude(status=Tenant.Status.DELETED)
    elif status:
        found = found.filter(status=status)
    if standing == BillingProfile.Standing.GOOD:
        found = found.filter(Q(standing=standing) | Q(standing=None))
    elif standing:
        found = found.filter(standing=standing)
    return found.filter(plan_code=plan) if plan else found


def _sums_by_tenant(month: date) -> dict[int, dict[str, Sums]]:
    grouped: dict[int, dict[str, Sums]] = {}
    for row in entries_of(month).values("tenant_id", "currency").annotate(**AGGREGATES):
        grouped.setdefault(row["tenant_id"], {})[row["currency"]] = sums_of(row)
    return grouped


def _row(tenant: Any, sums: dict[str, Sums], overdue: dict[str, Decimal]) -> TenantRow:
    own = tenant.bill_currency or next(iter(sorted(sums)), "USD")
    others = [sums[currency] for currency in sorted(sums) if currency != own]
    return TenantRow(
        tenant=tenant,
        plan=tenant.plan_name or "",
        standing=tenant.standing or BillingProfile.Standing.GOOD,
        overdue_sums=overdue,
        last_active=tenant.last_active,
        sums=[sums.get(own, Sums(own)), *others],
    )
