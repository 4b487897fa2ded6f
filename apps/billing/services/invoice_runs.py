"""The monthly run: drafts for each tenant, one for each currency, and what is drafted is sent.

It can be stopped anywhere and begun again.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

import structlog
from django.db import DatabaseError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django_tenants.utils import get_public_schema_name, schema_context

from apps.billing.locks import tenant_money_lock
from apps.billing.models import Invoice, OpenEntry, Subscription
from apps.billing.months import day_at, day_begin, month_before, month_bounds, month_first, month_next
from apps.billing.services.invoices import (
    NothingToInvoice,
    invoice_currencies,
    invoice_draft,
    invoice_of,
    invoice_settle,
    invoices_of,
    rebuildable,
)
from apps.billing.services.stripe_claims import LEASE
from apps.billing.stripe_api import stripe_configured
from apps.core.errors import MeridianError, TransientError
from apps.tenants.models import Tenant

log = structlog.get_logger(__name__)
NOT_SENT = (
    "Stripe is not configured here, so what is to be paid stays a draft. "
    "Set STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRET (docs/billing.md, Stripe) and run this again."
)
FIRST_HOUR = 2  # of the day after the month, in the tenant's zone: reports of calls at midnight are in by then
LAST_DAY = 7  # of the month after: until then a run that was missed is made up for
WIDEST = timedelta(hours=15)  # no time zone is further from UTC


class Outcome(StrEnum):
    """What a run did for one tenant in one currency."""

    DRAFTED = "drafted"  # made, or made anew; not sent
    SENT = "sent"
    SETTLED = "settled"  # comes out at 0
    UNCHANGED = "unchanged"  # was sent before
    NOTHING = "nothing"  # to invoice
    EARLY = "early"  # the month still runs there
    LATER = "later"  # sending goes on by itself
    FAILED = "failed"


@dataclass(frozen=True)
class RunRow:
    """One tenant of a run, in one currency. `note` is a sentence for whoever looks after the money."""

    tenant: str
    outcome: Outcome
    number: str = ""
    total: Decimal | None = None
    currency: str = ""
    note: str = ""


@dataclass
class RunReport:
    """A run, tenant by tenant. `note` says why nothing was sent, where nothing could be."""

    month: date
    dry_run: bool = False
    note: str = ""
    rows: list[RunRow] = field(default_factory=list)

    def count(self, *outcomes: Outcome) -> int:
        return sum(row.outcome in outcomes for row in self.rows)

    @property
    def failed(self) -> list[RunRow]:
        return [row for row in self.rows if row.outcome == Outcome.FAILED]

    @property
    def totals(self) -> dict[str, Decimal]:
        """What is to be paid, by currency."""
        sums: dict[str, Decimal] = {}
        for row in self.rows:
            if row.total is not None:
                sums[row.currency] = sums.get(row.currency, Decimal(0)) + row.total
        return sums


class _Undo(Exception):
    """Ends a dry run's transaction."""


def invoices_run(
    *,
    month: date,
    tenants: Iterable[Tenant] | None = None,
    dry_run: bool = False,
    tell: Callable[[RunRow], object] = lambda row: None,
) -> RunReport:
    """Makes and sends the invoices of a month, for these tenants or for all who have something to invoice.

    Run again, it goes on where it stopped: drafts are made anew, what was sent stays. One tenant that fails stops no other.
    A dry run writes nothing and sends nothing. `tell` hears of each tenant as it is done.
    """
    report = RunReport(month_first(month), dry_run, "" if stripe_configured() or dry_run else NOT_SENT)
    with schema_context("public"):
        for tenant in tenants_of(report.month) if tenants is None else tenants:
            for row in _rows(tenant, report.month, dry_run):
                report.rows.append(row)
                tell(row)
    return report


def tenants_of(month: date) -> QuerySet[Tenant]:
    """Whoever may have something to invoice in a month: open entries, a plan, or a draft; suspended and deleted ones too."""
    latest = day_begin(month_next(month), "UTC") + WIDEST
    entries = OpenEntry.objects.filter(tenant=OuterRef("pk"), started_at__lt=latest)
    running = Q(ended_on__isnull=True) | Q(ended_on__gt=month)
    plans = Subscription.objects.filter(running, tenant=OuterRef("pk"), started_on__lt=month_next(month))
    drafts = Invoice.objects.filter(tenant=OuterRef("pk"), month=month, state=Invoice.State.DRAFT)
    everyone = Tenant.objects.exclude(schema_name=get_public_schema_name())
    return everyone.filter(Exists(plans) | Exists(drafts) | Exists(entries)).order_by("pk")


def tenants_due() -> list[tuple[Tenant, date]]:
    """Those whose month is over in their own zone and was not yet invoiced, with the month.

    An invoice that somebody voided is not made again by itself.
    """
    now, due = timezone.now(), []
    for month in {month_before((now + shift).date()) for shift in (-WIDEST, WIDEST)}:
        dealt = Invoice.objects.filter(tenant=OuterRef("pk"), month=month).exclude(state=Invoice.State.DRAFT)
        waiting = Invoice.objects.filter(tenant=OuterRef("pk"), month=month, state=Invoice.State.DRAFT)
        found = tenants_of(month).exclude(Exists(dealt))
        if not stripe_configured():
            found = found.exclude(Exists(waiting))
        due += [(tenant, month) for tenant in found if _is_time(tenant, month)]
    return due


def _is_time(tenant: Tenant, month: date) -> bool:
    try:
        end = month_bounds(month, tenant.timezone)[1]
        today = day_at(timezone.now(), tenant.timezone)
    except MeridianError:
        return True  # the run says what is wrong with the zone
    return timezone.now() >= end + timedelta(hours=FIRST_HOUR) and today < month_next(month) + timedelta(days=LAST_DAY)


def invoice_send(*, invoice: Invoice) -> Invoice:
    """Through Stripe; named here so that making drafts does not load it."""
    from apps.billing.services.stripe_sync import invoice_send as send

    return send(invoice=invoice)


def _rows(tenant: Tenant, month: date, dry_run: bool) -> list[RunRow]:
    """One tenant, whatever happens to it: the others go on."""
    try:
        if not invoices_of(tenant, month).exists() and not _over(tenant, month):
            return [RunRow(tenant.schema_name, Outcome.EARLY, note=f"{month:%B %Y} still runs in {tenant.timezone}.")]
        rows = _dry(tenant, month) if dry_run else [_sent(invoice) for invoice in _drafts(tenant, month)]
    except (MeridianError, DatabaseError) as error:
        return [_failed(tenant, month, error, invoices_of(tenant, month))]
    return rows or [RunRow(tenant.schema_name, Outcome.NOTHING)]


@transaction.atomic
def _drafts(tenant: Tenant, month: date) -> list[Invoice]:
    """A tenant's invoices of a month, made anew where that may be: after a crash all of them, or none."""
    tenant_money_lock(tenant)
    found = []
    for currency in invoice_currencies(tenant, month):
        invoice = invoice_of(tenant, month, currency)
        if invoice is None or rebuildable(invoice):
            try:
                invoice = invoice_draft(tenant=tenant, month=month, currency=currency)
            except NothingToInvoice:
                continue
        found.append(invoice)
    _promise(found)
    return found


def _promise(invoices: list[Invoice]) -> None:
    """Of several, each is sent also where the run ends after the first: the sweep takes up the others."""
    if len(invoices) > 1 and stripe_configured():
        keys = [invoice.pk for invoice in invoices if rebuildable(invoice) and invoice.total]
        Invoice.objects.filter(pk__in=keys).update(send_again_at=timezone.now() + LEASE)


def _sent(invoice: Invoice) -> RunRow:
    """One invoice, whatever happens to it: the tenant's other one goes on."""
    try:
        return _give(invoice)
    except (MeridianError, DatabaseError) as error:
        return _failed(invoice.tenant, invoice.month, error, Invoice.objects.filter(pk=invoice.pk))


def _give(invoice: Invoice) -> RunRow:
    if _is_done(invoice):
        return _said(invoice, Outcome.UNCHANGED)
    if invoice.step == Invoice.Step.LOCAL and invoice.total == 0:
        return _said(invoice_settle(invoice=invoice), Outcome.SETTLED)
    if not stripe_configured():
        return _said(invoice, Outcome.DRAFTED)
    return _said(invoice_send(invoice=invoice), Outcome.SENT)


def _is_done(invoice: Invoice) -> bool:
    """Final here or at Stripe, and given to its customer: one that is open there and was not mailed yet goes on."""
    if invoice.state == Invoice.State.DRAFT or invoice.step not in (Invoice.Step.LOCAL, Invoice.Step.FINALIZED):
        return False
    waits = invoice.step == Invoice.Step.FINALIZED and invoice.state == Invoice.State.OPEN and not invoice.sent_at
    return not (waits and stripe_configured())


def _dry(tenant: Tenant, month: date) -> list[RunRow]:
    """As it would be, and undone."""
    rows: list[RunRow] = []
    try:
        with transaction.atomic():
            for invoice in _drafts(tenant, month):
                rows.append(_said(invoice, Outcome.DRAFTED if rebuildable(invoice) else Outcome.UNCHANGED))
            raise _Undo
    except _Undo:
        return rows


def _failed(tenant: Tenant, month: date, error: MeridianError | DatabaseError, about: QuerySet[Invoice]) -> RunRow:
    if isinstance(error, DatabaseError):
        log.exception("invoice_failed", tenant=tenant.schema_name, month=str(month))
        note = f"The database refused it ({type(error).__name__}); the log says more. Run it again for this tenant."
        return RunRow(tenant.schema_name, Outcome.FAILED, note=note)
    found = about.first()
    outcome = Outcome.LATER if isinstance(error, TransientError) else Outcome.FAILED
    facts: dict[str, Any] = {"number": found.number, "total": found.total, "currency": found.currency} if found else {}
    return RunRow(tenant.schema_name, outcome, note=str(error), **facts)


def _over(tenant: Tenant, month: date) -> bool:
    return month_bounds(month, tenant.timezone)[1] <= timezone.now()


def _said(invoice: Invoice, outcome: Outcome) -> RunRow:
    return RunRow(invoice.tenant.schema_name, outcome, invoice.number, invoice.total, invoice.currency)
