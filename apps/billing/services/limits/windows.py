"""The windows of limits: made when they are first needed, and true to the ledger while their limit is locked."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from uuid import UUID

from django.db.models import F, Q
from django.utils import timezone

from apps.billing.models import SpendLimit, SpendWindow
from apps.billing.selectors.limits import ledger_sum
from apps.billing.windows import window_start
from apps.core.prepared import prepared
from apps.core.rows import row_columns, rows_made
from apps.tenants.models import Tenant


@cache
def _limits() -> str:
    """With their tenant; of several that are locked at once, always in the same order."""
    columns = f"{row_columns(SpendLimit)}, {row_columns(Tenant, 'owner')}"
    rows = "billing_spendlimit AS mine JOIN tenants_tenant AS owner ON owner.id = mine.tenant_id WHERE mine.tenant_id = %s"
    return f"SELECT {columns} FROM {rows} ORDER BY mine.id FOR NO KEY UPDATE OF mine"  # noqa: S608


def limits_lock(tenant_id: int) -> list[SpendLimit]:
    """Every limit of a tenant with the tenant itself, in a fixed order, until the transaction ends; one statement.

    Whoever touches windows or holds comes through here first, so that nobody waits for anybody in a circle.
    """
    with prepared(_limits(), [tenant_id]) as cursor:
        found = [rows_made(values, SpendLimit, Tenant) for values in cursor.fetchall()]
    for limit, tenant in found:
        limit.tenant = tenant
    return [limit for limit, _tenant in found]


def windows_at(limits: Sequence[SpendLimit], moment: datetime) -> list[SpendWindow]:
    """The windows of locked limits that a moment lies in. One that is new, or of an older time zone, is summed anew."""
    zone = limits[0].tenant.timezone if limits else ""
    wanted = {limit.pk: window_start(limit.period, moment, zone) for limit in limits}
    found = {window.limit_id: window for window in SpendWindow.objects.filter(_any_of(wanted))} if wanted else {}
    return [_as_of(limit, found.get(limit.pk), wanted[limit.pk], zone) for limit in limits]


def _any_of(wanted: dict[UUID, date]) -> Q:
    condition = Q()
    for limit_id, starts_on in wanted.items():
        condition |= Q(limit_id=limit_id, starts_on=starts_on)
    return condition


def _as_of(limit: SpendLimit, window: SpendWindow | None, starts_on: date, zone: str) -> SpendWindow:
    if window is None:
        spent = ledger_sum(limit, starts_on, zone)
        window = SpendWindow.objects.create(limit=limit, starts_on=starts_on, zone=zone, spent=spent)
        window.summed = True
    else:
        window.limit = limit
        if window.zone != zone:
            window_sum(window, zone)
    return window


def window_sum(window: SpendWindow, zone: str) -> None:
    """Adds the ledger up again, for a window whose limit is locked."""
    window.spent, window.zone = ledger_sum(window.limit, window.starts_on, zone), zone
    window.summed = True
    window.save(update_fields=["spent", "zone"])


def windows_refresh(limit: SpendLimit) -> list[SpendWindow]:
    """Sums what a locked limit counts now; earlier windows that nothing is held in are forgotten. Returns the current one."""
    tenant: Tenant = limit.tenant
    current = window_start(limit.period, timezone.now(), tenant.timezone)
    SpendWindow.objects.filter(limit=limit, held=0).exclude(starts_on=current).delete()
    for window in SpendWindow.objects.filter(limit=limit):
        window.limit = limit
        window_sum(window, tenant.timezone)
    return windows_at([limit], timezone.now())


def windows_hold(window_ids: Iterable[int], amount: Decimal) -> None:
    """Holds more in windows whose limits are locked, or with an amount below 0 less."""
    SpendWindow.objects.filter(pk__in=list(window_ids)).update(held=F("held") + amount)
