"""What Media Bot uses in a call: the platform's cost always, its customer's only where a book has a price for it."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from django_tenants.utils import schema_context

from apps.billing.entry_lines import entry_lines
from apps.billing.models import BillingConflict, LedgerEntry
from apps.billing.selectors import call_cost
from apps.billing.services import (
    ReportConflict,
    call_beside_bill,
    call_bill,
    conflict_accept,
    entry_correct,
    override_set,
    price_book_seed,
)
from apps.calls.models import Call, CallEvent
from apps.calls.payloads import BATCH
from apps.calls.services.bills import calls_bill
from apps.calls.services.events import events_store
from apps.calls.views.costs import cost_rows
from apps.tenants.models import Tenant
from tests.billing.factories import START, USAGE, report_of

pytestmark = pytest.mark.django_db
COST = Decimal("0.0077") / 60  # a second of nova-3
AGENT = Decimal("0.034309")


@pytest.fixture(autouse=True)
def _book() -> None:
    price_book_seed()


@pytest.fixture
def call(acme: Tenant) -> Call:
    with schema_context("acme"):
        return Call.objects.create(
            channel="webrtc", room_name="call_acme_1", caller_identity="x", started_at=START, joined_at=START, ended_at=START
        )


def listened(call: Call, seq: int, seconds: float, *more: dict[str, Any], model: str = "nova-3") -> None:
    rows = [{"kind": "stt", "provider": "deepgram", "model": model, "audio_duration": seconds}, *more]
    with schema_context("acme"):
        CallEvent.objects.create(call=call, source="media-bot", seq=seq, type="usage", at=timezone.now(), data={"usage": rows})


def bill(acme: Tenant, call: Call, **changes: Any) -> LedgerEntry:
    report = report_of(call_id=str(call.pk), **changes)
    return call_bill(tenant=acme, call_id=call.pk, report=report).entry


def line_of(entry: LedgerEntry) -> dict[str, Any]:
    return next(line for line in entry.lines if line["model"].endswith("/media-bot"))


def test_it_costs_the_platform_and_nobody_else(acme: Tenant, call: Call) -> None:
    alone = bill(acme, Call(pk=report_of()["call_id"]))
    listened(call, 1, 12)
    listened(call, 2, 60)
    entry = bill(acme, call)
    assert line_of(entry)["quantities"] == {"seconds": "60"}
    assert line_of(entry)["amount"] == "0.000000"
    assert (entry.total, entry.stt) == (alone.total, alone.stt)
    assert entry.provider_cost - alone.provider_cost == Decimal("0.0077")
    assert entry.usage[-1] == {
        "kind": "stt", "provider": "deepgram", "model": "nova-3", "audio_duration": 60, "system": "media-bot",
    }  # fmt: skip
    assert entry.content_hash == alone.content_hash or entry.usage[:-1] == alone.usage


def test_the_same_report_stays_the_same(acme: Tenant, call: Call) -> None:
    entry = bill(acme, call)
    listened(call, 1, 60)
    assert bill(acme, call) == entry
    assert not BillingConflict.objects.exists()


def test_a_price_of_its_own_is_charged(acme: Tenant, call: Call) -> None:
    priced = {"kind": "stt", "provider": "deepgram", "model": "nova-3/media-bot", "unit": "minute", "price": Decimal("0.004")}
    override_set(tenant=acme, effective_from=datetime(2026, 1, 1, tzinfo=UTC), **priced)
    listened(call, 1, 90)
    entry = bill(acme, call)
    assert line_of(entry)["amount"] == "0.006000"
    assert entry.stt == Decimal("0.005159") + Decimal("0.006")
    assert entry.provider_cost is not None


def test_the_call_shows_it_when_it_costs_something(acme: Tenant, call: Call) -> None:
    listened(call, 1, 90)
    bill(acme, call)
    shown = call_cost(acme, call.pk)
    assert shown is not None and "Media Bot" not in "".join(row.label for row in cost_rows(shown))
    assert [line.model for line in entry_lines(LedgerEntry.objects.get()) if "Media Bot" in line.model] == []
    dearer = Call(pk=report_of()["call_id"])
    priced = {"kind": "stt", "provider": "deepgram", "model": "nova-3/media-bot", "unit": "minute", "price": Decimal("0.004")}
    override_set(tenant=acme, effective_from=datetime(2026, 1, 1, tzinfo=UTC), **priced)
    with schema_context("acme"):
        Call.objects.create(pk=dearer.pk, channel="webrtc", room_name="call_acme_2", caller_identity="y")
    listened(dearer, 1, 90)
    entry = bill(acme, dearer)
    cost = call_cost(acme, dearer.pk)
    assert cost is not None
    rows = {row.label: (row.detail, row.amount) for row in cost_rows(cost)}
    assert rows["Speech to text, Media Bot"] == ("nova-3", Decimal("0.006"))
    assert rows["Speech to text"] == ("nova-3", Decimal("0.005159"))
    assert sum(amount or 0 for _detail, amount in rows.values()) == cost.total
    assert [line.amount for line in entry_lines(entry) if line.model == "nova-3, Media Bot"] == [Decimal("0.006")]


def test_sentiment_by_a_model_counts_as_well(acme: Tenant, call: Call) -> None:
    asked = {"kind": "llm", "provider": "openai", "model": "gpt-4o-mini", "input_tokens": 1_000_000, "output_tokens": 0}
    alone = bill(acme, Call(pk=report_of()["call_id"]))
    listened(call, 1, 60, asked)
    entry = bill(acme, call)
    assert entry.provider_cost - alone.provider_cost == Decimal("0.1577")
    assert entry.llm == alone.llm


def test_of_a_model_without_a_price_the_cost_is_not_known(acme: Tenant, call: Call) -> None:
    listened(call, 1, 60, model="nova-unheard")
    entry = bill(acme, call)
    assert (entry.total is not None, entry.provider_cost, entry.unpriced) == (True, None, [])


def test_what_comes_late_is_a_correction(acme: Tenant, call: Call) -> None:
    listened(call, 1, 60)
    entry = bill(acme, call)
    listened(call, 2, 120)
    later = call_beside_bill(tenant=acme, call_id=call.pk)
    assert later is not None
    assert (later.revision, later.source, later.total_known) == (1, "meter", 0)
    assert later.provider_cost == Decimal("0.0077")
    assert later.usage[-1]["audio_duration"] == 120 and later.usage[:-1] == entry.usage[:-1]
    assert call_beside_bill(tenant=acme, call_id=call.pk) is None
    assert LedgerEntry.objects.count() == 2
    cost = call_cost(acme, call.pk)
    assert cost is not None and [line.quantities for line in cost.lines if "media-bot" in line.model] == [{"seconds": "120"}]


def test_the_sweeper_takes_in_what_came_after_it_looked(acme: Tenant, call: Call) -> None:
    bill(acme, call)
    with schema_context("acme"):
        calls_bill(tenant=acme, calls=[call])
        call.refresh_from_db()
        assert call.is_billed
        row = {"kind": "stt", "provider": "deepgram", "model": "nova-3", "audio_duration": 60}
        told = {"source": "media-bot", "seq": 9, "type": "usage", "at": timezone.now().isoformat(), "usage": [row]}
        events_store(call=call, events=BATCH.validate_python({"events": [told]}).events)
        call.refresh_from_db()
        assert not call.is_billed, "it is looked at again"
        calls_bill(tenant=acme, calls=[call])
        call.refresh_from_db()
        assert call.is_billed
    assert [row.provider_cost for row in LedgerEntry.objects.filter(revision=1)] == [Decimal("0.0077")]


def test_what_finance_corrected_is_left_to_finance(acme: Tenant, call: Call) -> None:
    entry = bill(acme, call)
    entry_correct(entry=entry, amounts={"tts": Decimal(0)}, reason="A gift.", by="f@acme.test")
    listened(call, 1, 60)
    assert call_beside_bill(tenant=acme, call_id=call.pk) is None
    assert call_beside_bill(tenant=acme, call_id=call.pk) is None
    conflict = BillingConflict.objects.get()
    assert conflict.report["usage"][-1]["system"] == "media-bot"
    assert LedgerEntry.objects.filter(tenant=acme).count() == 2


def test_accepting_another_report_keeps_what_media_bot_used(acme: Tenant, call: Call) -> None:
    listened(call, 1, 60)
    bill(acme, call)
    with pytest.raises(ReportConflict):
        bill(acme, call, usage=USAGE[:1])
    conflict_accept(conflict=BillingConflict.objects.get(), by="f@acme.test")
    cost = call_cost(acme, call.pk)
    assert cost is not None and cost.parts["tts"] == 0
    assert [line.quantities for line in cost.lines if "media-bot" in line.model] == [{"seconds": "60"}]


def test_another_companys_events_are_on_no_bill_of_ours(acme: Tenant, globex: Tenant, call: Call) -> None:
    listened(call, 1, 60)
    entry = bill(globex, call)
    assert [line for line in entry.lines if "media-bot" in line["model"]] == []


def test_a_company_that_is_deleted_has_no_calls_left(acme: Tenant, call: Call) -> None:
    acme.status = Tenant.Status.DELETED
    listened(call, 1, 60)
    assert [line for line in bill(acme, call).lines if "media-bot" in line["model"]] == []
