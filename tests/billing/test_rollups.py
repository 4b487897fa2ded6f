"""Slots and waiting rows together are the ledger, at any moment and in any order."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db.models import Sum

from apps.billing.models import LedgerEntry, SpendPending, SpendSlot
from apps.billing.services import call_bill
from apps.billing.services.rollups import spend_fold
from apps.tenants.models import Tenant
from tests.billing.factories import report_of

pytestmark = pytest.mark.django_db
START = datetime(2026, 3, 2, 9, 14, 59, tzinfo=UTC)


def billed(tenant: Tenant, started: datetime = START, **changes: object) -> LedgerEntry:
    report = report_of(started_at=started.isoformat(), ended_at=(started + timedelta(seconds=61.4)).isoformat(), **changes)
    return call_bill(tenant=tenant, call_id=report["call_id"], report=report).entry


def test_an_entry_waits_and_is_folded_once(acme: Tenant) -> None:
    entry = billed(acme)
    assert list(SpendPending.objects.values_list("entry_id", flat=True)) == [entry.pk]
    assert spend_fold() == 1
    assert spend_fold() == 0
    slot = SpendSlot.objects.get()
    assert (slot.starts_at, slot.entries, slot.sources) == (datetime(2026, 3, 2, 9, 0, tzinfo=UTC), 1, 1)
    assert (slot.total_known, slot.llm, slot.channel) == (entry.total_known, entry.llm, "webrtc")


def test_the_same_report_again_adds_nothing(acme: Tenant) -> None:
    report = report_of()
    for _ in range(2):
        call_bill(tenant=acme, call_id=report["call_id"], report=report)
    assert spend_fold() == 1


def test_slots_grow_by_batches_and_keep_tenants_apart(acme: Tenant, globex: Tenant) -> None:
    for minutes in range(7):
        billed(acme, START + timedelta(minutes=5 * minutes))
    spend_fold(at_once=2)
    billed(acme)
    billed(globex)
    spend_fold(at_once=2)
    for tenant in (acme, globex):
        ledger = LedgerEntry.objects.filter(tenant=tenant).aggregate(sum=Sum("total_known"))["sum"]
        slots = SpendSlot.objects.filter(tenant=tenant).aggregate(sum=Sum("total_known"), rows=Sum("entries"))
        assert slots == {"sum": ledger, "rows": 8 if tenant == acme else 1}


def test_a_part_without_a_price_counts_nothing(acme: Tenant) -> None:
    entry = billed(acme, usage=[{"kind": "stt", "provider": "deepgram", "model": "unheard-of", "audio_duration": 40.2}])
    assert entry.total is None
    spend_fold()
    slot = SpendSlot.objects.get()
    assert (slot.stt, slot.total_known) == (Decimal(0), entry.total_known)
