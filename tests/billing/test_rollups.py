"""Days added up and waiting rows together are the ledger, at any moment, in any order and in every time zone."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db.models import Sum

from apps.billing.models import LedgerEntry, SpendDay, SpendPending
from apps.billing.selectors.spend import Narrowed, spend_by_day, spend_kinds, spend_total
from apps.billing.services import call_bill
from apps.billing.services.rollups import spend_fold, spend_rezone
from apps.core.ids import uuid7
from apps.tenants.models import Tenant
from tests.billing.factories import report_of

pytestmark = pytest.mark.django_db
START = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)


def billed(tenant: Tenant, started: datetime = START, **changes: object) -> LedgerEntry:
    report = report_of(started_at=started.isoformat(), ended_at=(started + timedelta(seconds=61.4)).isoformat(), **changes)
    return call_bill(tenant=tenant, call_id=report["call_id"], report=report).entry


def ledger(tenant: Tenant) -> Decimal:
    found: Decimal = LedgerEntry.objects.filter(tenant=tenant).aggregate(sum=Sum("total_known"))["sum"]
    return found


def test_an_entry_waits_and_is_folded_once(acme: Tenant) -> None:
    entry = billed(acme)
    assert list(SpendPending.objects.values_list("entry_id", flat=True)) == [entry.pk]
    assert spend_fold() == 1
    assert spend_fold() == 0
    day = SpendDay.objects.get()
    assert (day.day, day.zone, day.entries, day.sources) == (date(2026, 3, 2), "UTC", 1, 1)
    assert (day.total_known, day.llm, day.channel) == (entry.total_known, entry.llm, "webrtc")


def test_the_same_report_again_adds_nothing(acme: Tenant) -> None:
    report = report_of()
    for _ in range(2):
        call_bill(tenant=acme, call_id=report["call_id"], report=report)
    assert spend_fold() == 1


def test_sums_are_right_before_between_and_after(acme: Tenant, globex: Tenant) -> None:
    for hours in range(7):
        billed(acme, START + timedelta(hours=5 * hours))
    assert spend_total(acme, Narrowed()).total == ledger(acme)
    spend_fold(at_once=2)
    billed(acme)
    billed(globex)
    assert spend_total(acme, Narrowed()).total == ledger(acme)
    assert spend_total(globex, Narrowed()).total == ledger(globex)
    spend_fold(at_once=2)
    assert spend_total(acme, Narrowed()).total == ledger(acme)
    assert spend_total(acme, Narrowed()).entries == 8
    assert SpendDay.objects.filter(tenant=acme).count() == 3


def test_days_follow_the_tenants_time_zone_at_once(acme: Tenant) -> None:
    billed(acme)
    spend_fold()
    billed(acme)
    Tenant.objects.filter(pk=acme.pk).update(timezone="Asia/Kathmandu")
    acme.refresh_from_db()
    assert {row.day for row in spend_by_day(acme, Narrowed())} == {date(2026, 3, 3)}
    assert spend_rezone() == 1
    assert spend_rezone() == spend_fold() == 0
    assert {row.day for row in spend_by_day(acme, Narrowed())} == {date(2026, 3, 3)}
    assert spend_total(acme, Narrowed()).total == ledger(acme)


def test_a_part_without_a_price_counts_nothing(acme: Tenant) -> None:
    entry = billed(acme, usage=[{"kind": "stt", "provider": "deepgram", "model": "unheard-of", "audio_duration": 40.2}])
    assert entry.total is None
    spend_fold()
    day = SpendDay.objects.get()
    assert (day.stt, day.total_known) == (Decimal(0), entry.total_known)


def test_spending_is_narrowed_by_day_source_channel_and_agent(acme: Tenant) -> None:
    one, other = billed(acme), billed(acme, START + timedelta(days=1), channel="sip", agent_id=str(uuid7()))
    for narrowed, found in (
        (Narrowed(since=date(2026, 3, 3)), other),
        (Narrowed(until=date(2026, 3, 2)), one),
        (Narrowed(channel="sip"), other),
        (Narrowed(agent_id=one.agent_id), one),
        (Narrowed(source_type="call", until=date(2026, 3, 2)), one),
    ):
        assert spend_total(acme, narrowed).total == found.total_known
    assert spend_total(acme, Narrowed(source_type="turn")).entries == 0
    assert spend_total(acme, Narrowed(currency="EUR")).entries == 0


def test_what_a_tenant_ever_paid_for(acme: Tenant, globex: Tenant) -> None:
    entry = billed(acme)
    kinds = {"source_type": ["call"], "channel": ["webrtc"], "agent_id": [entry.agent_id], "currency": ["USD"]}
    assert spend_kinds(acme) == kinds
    assert spend_kinds(globex) == {kind: [] for kind in kinds}
