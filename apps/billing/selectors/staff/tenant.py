"""One tenant as the platform's staff see it."""

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import DecimalField, F, Q, QuerySet, Sum, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from apps.billing.models import (
    BillingProfile,
    Credit,
    Invoice,
    PriceOverride,
    StaffAct,
    Subscription,
)
from apps.billing.selectors.staff.sums import AGGREGATES, ZERO, Sums, entries_of, sums_of
from apps.tenants.models import Domain, Membership, Role, Tenant

AMOUNT: "DecimalField[Any, Any]" = DecimalField(max_digits=18, decimal_places=6)
INVOICES = 12
ACTS = 20


def profile_of(tenant: Tenant) -> BillingProfile:
    """Its billing profile; an empty one, not saved, where it has none yet."""
    return BillingProfile.objects.filter(tenant=tenant).first() or BillingProfile(tenant=tenant)


def month_of(tenant: Tenant, month: date) -> list[Sums]:
    """What it brought and cost in a month, one for each currency."""
    rows = entries_of(month).filter(tenant=tenant).values("currency").annotate(**AGGREGATES)
    return sorted((sums_of(row) for row in rows), key=lambda one: one.currency)


def owners_of(tenant: Tenant) -> "QuerySet[Membership]":
    """Whom to write to: its owners, with who they are."""
    return Membership.objects.filter(tenant=tenant, role=Role.OWNER).select_related("user").order_by("user__email")


def host_of(tenant: Tenant) -> str:
    """Its primary host name; empty once it is deleted."""
    domain = Domain.objects.filter(tenant=tenant, is_primary=True).first()
    return domain.domain if domain else ""


def subscription_of(tenant: Tenant) -> Subscription | None:
    """The plan it is on today, as its time zone has it, or None."""
    today = timezone.now().astimezone(ZoneInfo(tenant.timezone)).date()
    running = Q(ended_on=None) | Q(ended_on__gt=today)
    found = Subscription.objects.filter(running, tenant=tenant, started_on__lte=today).select_related("plan")
    return found.order_by("-started_on").first()


def invoices_of(tenant: Tenant) -> "QuerySet[Invoice]":
    """Its newest invoices."""
    return Invoice.objects.filter(tenant=tenant)[:INVOICES]


def credits_left(credits: "QuerySet[Credit]") -> "QuerySet[Credit]":
    """With `used` and `left`, by what invoices took of them."""
    used = Coalesce(Sum("uses__amount"), Value(ZERO), output_field=AMOUNT)
    return credits.annotate(used=used).annotate(left=F("amount") - F("used"))


def overrides_of(tenant: Tenant) -> "QuerySet[PriceOverride]":
    """Its own prices, those that have ended too."""
    return PriceOverride.objects.filter(tenant=tenant).order_by("-effective_from", "kind", "provider", "model")


def acts_of(tenant: Tenant) -> "QuerySet[StaffAct]":
    """What staff did to it, the newest first."""
    return StaffAct.objects.filter(tenant=tenant)[:ACTS]


def suspension_reason(tenant: Tenant) -> str:
    """The sentence that was given when it was suspended last; empty where it was done without one."""
    kinds = (StaffAct.Kind.SUSPENDED, StaffAct.Kind.RESTORED)
    last = StaffAct.objects.filter(tenant=tenant, kind__in=kinds).first()
    return last.reason if last and last.kind == StaffAct.Kind.SUSPENDED else ""
