"""Money is held before it is spent, and what was held is settled in the ledger's own transaction."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.billing.models import LedgerEntry, SpendHold, SpendLimit, SpendWindow
from apps.billing.selectors.limits import currency_of, limit_name, limits_for
from apps.billing.services.limits.notices import windows_warn
from apps.billing.services.limits.windows import limits_lock, windows_at, windows_hold, windows_refresh
from apps.tenants.models import Tenant

State, Reached = SpendHold.State, SpendLimit.Reached
LASTS = timedelta(minutes=45)
YOUNG = timedelta(minutes=2)  # longer than an entry's transaction that began before its tenant had a limit
BATCH = 500


@dataclass(frozen=True)
class Decision:
    """Whether work may begin. If not: the limit that is reached, which of several that is the strictest."""

    admitted: bool
    limit: SpendLimit | None = None

    @property
    def to_people(self) -> bool:
        """People take over what is not admitted; else it is declined."""
        return self.limit is not None and self.limit.reached == Reached.PEOPLE

    @property
    def reason(self) -> str:
        """For the people of the company: which limit it is."""
        if self.limit is None:
            return ""
        name = limit_name(self.limit)
        return _("%(limit)s is reached. It can be changed under Billing, Limits.") % {"limit": name[0].upper() + name[1:]}


ADMITTED = Decision(True)


def decided(reached: list[SpendLimit]) -> Decision:
    """The answer where these limits are reached: a limit that declines is stricter than one that hands to people."""
    if not reached:
        return ADMITTED
    return Decision(False, next((limit for limit in reached if limit.reached == Reached.REFUSE), reached[0]))


@transaction.atomic
def spend_reserve(
    *,
    tenant: Tenant,
    source_type: str,
    source_id: str,
    agent_id: UUID | str | None,
    channel: str,
    estimate: Decimal,
    lasts: timedelta = LASTS,
) -> Decision:
    """Holds the most that something may cost, before it begins; asked again for the same source, the answer stays yes.

    Admits while what is spent and held is below every limit that applies, so that each is overshot by one call at most.
    The hold ends with the entry of its source, with spend_release, or once it has lasted longer than `lasts`.
    """
    limits = limits_for(limits_lock(tenant.pk), agent_id, channel)
    if limits:
        currency = currency_of(tenant)  # a limit of before the company changed it counts nothing, and stops nothing
        limits = [limit for limit in limits if limit.currency == currency]
    if not limits or _known(tenant, source_type, source_id):
        return ADMITTED
    windows = windows_at(limits, timezone.now())
    reached = [window.limit for window in windows if window.spent + window.held >= window.limit.amount]
    if reached:
        return decided(reached)
    amount = max(estimate, Decimal(0))
    hold = SpendHold.objects.create(
        tenant=tenant, source_type=source_type, source_id=source_id, amount=amount, expires_at=timezone.now() + lasts
    )
    hold.windows.add(*windows)
    windows_hold((window.pk for window in windows), amount)
    return ADMITTED


def _known(tenant: Tenant, source_type: str, source_id: str) -> bool:
    """Admitted before, or on the ledger already: a report may overtake what it reports on."""
    source = {"tenant": tenant, "source_type": source_type, "source_id": source_id}
    return SpendHold.objects.filter(**source).exists() or LedgerEntry.objects.filter(**source).exists()


def spend_note(entry: LedgerEntry, *, counted: set[int] | None = None) -> None:
    """Adds a new entry to the windows that it lies in, and settles what was held for its source.

    Call it in the transaction that wrote the entry. Where that wrote several in one statement, give all of them the same set
    `counted`, empty at first: a window that is summed for one of them has the others in it. A tenant without limits pays one
    statement.
    """
    limits = limits_lock(entry.tenant_id)
    if not limits:
        return
    counting = [limit for limit in limits_for(limits, entry.agent_id, entry.channel) if limit.currency == entry.currency]
    windows = windows_at(counting, entry.started_at)
    counted = set() if counted is None else counted
    counted.update(window.pk for window in windows if window.summed)  # a sum has counted what was written already
    older = [window for window in windows if window.pk not in counted]
    SpendWindow.objects.filter(pk__in=[window.pk for window in older]).update(spent=F("spent") + entry.total_known)
    for window in older:
        window.spent += entry.total_known
    if entry.revision == 0:
        _end(entry.tenant_id, entry.source_type, entry.source_id, State.SETTLED)
    windows_warn(windows)


@transaction.atomic
def spend_release(*, tenant_id: int, source_type: str, source_id: str) -> bool:
    """Gives back what is held for something that will cost nothing. False, for one statement, where nothing is held."""
    held = SpendHold.objects.filter(tenant_id=tenant_id, source_type=source_type, source_id=source_id, state=State.HELD)
    if not held.exists():
        return False
    limits_lock(tenant_id)
    return _end(tenant_id, source_type, source_id, State.RELEASED)


def _end(tenant_id: int, source_type: str, source_id: str, state: str) -> bool:
    """Ends a hold, once. The tenant's limits are locked."""
    hold = SpendHold.objects.filter(tenant_id=tenant_id, source_type=source_type, source_id=source_id, state=State.HELD).first()
    if hold is None:
        return False
    hold.state, hold.ended_at = state, timezone.now()
    hold.save(update_fields=["state", "ended_at"])
    windows_hold(hold.windows.values_list("pk", flat=True), -hold.amount)
    return True


def spend_expire() -> int:
    """Releases what was held longer than it was meant to last, and makes sure of limits that are new. Returns how many holds."""
    due = SpendHold.objects.filter(state=State.HELD, expires_at__lte=timezone.now()).order_by("expires_at")[:BATCH]
    sources = list(due.values("tenant_id", "source_type", "source_id"))
    count = sum(spend_release(**source) for source in sources)
    for tenant_id in (
        SpendLimit.objects.filter(active=True, updated_at__gt=timezone.now() - YOUNG)
        .values_list("tenant_id", flat=True)
        .order_by("tenant_id")
        .distinct()
    ):
        _sum_young(tenant_id)
    return count


@transaction.atomic
def _sum_young(tenant_id: int) -> None:
    """An entry that was being written while its tenant got a first limit did not see it: sums what it missed."""
    for limit in limits_lock(tenant_id):
        if limit.active and limit.updated_at > timezone.now() - YOUNG:
            windows_warn(windows_refresh(limit))
