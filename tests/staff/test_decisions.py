"""What staff decide: a price for what has none, which of two reports counts, credits, and plans."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from apps.billing.models import (
    BillingConflict,
    BillingProfile,
    Credit,
    LedgerEntry,
    Plan,
    PriceBook,
    SpendLimit,
    StaffAct,
    Subscription,
)
from apps.billing.selectors.staff.limits import limits_near
from apps.billing.services import ReportConflict, call_bill, entries_rerate, price_book_seed
from apps.billing.services.staff.books import book_copy
from apps.tenants.models import Tenant
from tests.billing.factories import USAGE, report_of

pytestmark = pytest.mark.django_db
VOICE = {"kind": "tts", "provider": "openai", "model": "new-voice", "characters_count": 2000}
ADDRESS = "/staff/unpriced/price?kind=tts&provider=openai&model=new-voice"


def lacking(tenant: Tenant) -> LedgerEntry:
    report = report_of(usage=[*USAGE[:2], VOICE])
    return call_bill(tenant=tenant, call_id=report["call_id"], report=report).entry


def charged(tenant: Tenant) -> Decimal:
    return sum((row.total_known for row in LedgerEntry.objects.filter(tenant=tenant)), Decimal(0))


PRICE = {"unit_characters": "1k_characters", "cost_characters": "0.01", "price_characters": "0.02", "currency": "USD"}


def test_what_has_no_price_is_listed_with_who_used_it(staff: Client, acme: Tenant, globex: Tenant) -> None:
    assert "Everything has a price" in staff.get("/staff/unpriced/").content.decode()
    for tenant in (acme, acme, globex):
        lacking(tenant)
    row = staff.get("/staff/unpriced/").context["rows"][0]
    assert (row.model, row.times, row.used) == ("new-voice", 3, ["6000 characters"])
    assert {one.slug for one in row.tenants} == {"acme", "globex"}


def test_a_price_counts_from_now_on_and_for_what_was_used(
    staff: Client, acme: Tenant, django_capture_on_commit_callbacks: Any
) -> None:
    now = timezone.now()
    coming = book_copy(book=price_book_seed(), effective_from=now + timedelta(days=20), currency="USD", by="x")
    lacking(acme)
    before = charged(acme)
    answer = staff.post(ADDRESS, {**PRICE, "reason": "List price of the provider"})
    assert answer.headers["Location"].endswith("of=1")
    entries_rerate()
    assert charged(acme) - before == Decimal("0.04")
    made = PriceBook.objects.filter(effective_from__gt=now, effective_from__lt=now + timedelta(minutes=2)).get()
    for book in (made, coming):
        assert book.prices.get(model="new-voice").price == Decimal("0.02")
    assert made.prices.count() == coming.prices.count()
    assert "is charged" in staff.get(answer.headers["Location"]).content.decode()
    assert StaffAct.objects.filter(kind=StaffAct.Kind.PRICED, reason="List price of the provider").exists()
    assert staff.get(ADDRESS).status_code == 404


def test_progress_is_told_while_entries_wait(staff: Client, acme: Tenant) -> None:
    lacking(acme)
    watched = staff.get("/staff/unpriced/?kind=tts&provider=openai&model=new-voice&of=4", headers={"hx-request": "true"})
    assert watched.context["watch"] == {"name": "openai new-voice", "done": 3, "of": 4, "over": False}
    assert "every 2s" in watched.content.decode()
    for total in ("x", "9" * 5000):
        assert staff.get(f"/staff/unpriced/?kind=tts&provider=openai&model=new-voice&of={total}").context["watch"] is None


def test_a_price_without_a_reason_or_cost_is_refused(staff: Client, acme: Tenant) -> None:
    lacking(acme)
    books = PriceBook.objects.count()
    for wrong in ({"reason": ""}, {"cost_characters": ""}, {"price_characters": "-1"}, {"unit_characters": "minute"}):
        assert staff.post(ADDRESS, {**PRICE, "reason": "List price", **wrong}).status_code == 422
    assert PriceBook.objects.count() == books
    assert staff.get("/staff/unpriced/price?kind=tts&provider=x&model=y").status_code == 404


@pytest.fixture
def conflict(acme: Tenant) -> BillingConflict:
    report = report_of()
    call_bill(tenant=acme, call_id=report["call_id"], report=report)
    with pytest.raises(ReportConflict):
        longer = [{**USAGE[0], "audio_duration": 100.2}, *USAGE[1:]]
        call_bill(tenant=acme, call_id=report["call_id"], report={**report, "usage": longer})
    return BillingConflict.objects.get()


def test_both_reports_stand_side_by_side(staff: Client, conflict: BillingConflict) -> None:
    row = staff.get("/staff/conflicts/").context["rows"][0]
    differing = [(fact.name, fact.first, fact.second) for fact in row.facts if fact.differs]
    assert differing == [("Speech to text: deepgram nova-3, audio duration", "40.2", "100.2")]
    assert row.would_be - row.charged == Decimal("0.0077")


@pytest.mark.parametrize(
    ("counts", "more", "words"), [("later", "0.0077", "The later report"), ("first", "0", "The first report")]
)
def test_a_conflict_is_decided_in_a_sentence(
    staff: Client, conflict: BillingConflict, acme: Tenant, counts: str, more: str, words: str
) -> None:
    address, before = f"/staff/conflicts/{conflict.pk}/decide", charged(acme)
    staff.post(address, {"counts": counts, "sentence": " "})
    conflict.refresh_from_db()
    assert conflict.resolved_at is None
    staff.post(address, {"counts": counts, "sentence": "As the recording shows."})
    conflict.refresh_from_db()
    assert conflict.resolution.startswith(words)
    assert conflict.resolution.endswith("As the recording shows.")
    assert charged(acme) - before == Decimal(more)
    staff.post(address, {"counts": "later", "sentence": "Once more."})
    assert charged(acme) - before == Decimal(more)
    assert "As the recording shows." in staff.get("/staff/conflicts/?show=decided").content.decode()
    assert StaffAct.objects.filter(kind=StaffAct.Kind.CONFLICT, tenant=acme).count() == 1


def test_a_credit_is_given_in_the_tenants_currency(staff: Client, acme: Tenant) -> None:
    BillingProfile.objects.create(tenant=acme, currency="EUR")
    given = {"tenant": "acme", "amount": "25.50", "reason": "For the outage of 3 November"}
    assert staff.post("/staff/credits/", {**given, "expires_on": "2020-01-01"}).status_code == 422
    assert staff.post("/staff/credits/", {**given, "amount": "-3"}).status_code == 422
    assert staff.post("/staff/credits/", {**given, "tenant": "public"}).status_code == 422
    assert staff.post("/staff/credits/", given).status_code == 302
    credit = Credit.objects.get()
    assert (credit.amount, credit.currency, credit.granted_by) == (Decimal("25.5"), "EUR", "root@meridian.test")
    assert "€25.50" in staff.get("/staff/credits/?tenant=acme").content.decode()
    assert staff.get("/staff/credits/?tenant=globex").context["rows"] == []
    assert StaffAct.objects.get().subject == "25.5 EUR"


def test_a_plan_is_made_and_retired(staff: Client, acme: Tenant) -> None:
    given = {"name": "Gold", "code": "gold", "currency": "USD", "fee": "99", "included_seats": "5", "seat_price": "12"}
    given |= {"trial_days": "0", "offered": "on", "call_minutes": "500", "ai_turns": "", "messages": "0"}
    assert staff.post("/staff/plans/new", given).status_code == 302
    plan = Plan.objects.get(code="gold")
    assert [(one.meter, one.quantity) for one in plan.inclusions.all()] == [("call_minutes", 500)]
    assert staff.post("/staff/plans/new", given).status_code == 422
    Subscription.objects.create(tenant=acme, plan=plan, started_on=timezone.now().date())
    row = next(one for one in staff.get("/staff/plans/").context["rows"] if one.code == "gold")
    assert row.tenants == 1
    staff.post(f"/staff/plans/{plan.pk}/retire")
    plan.refresh_from_db()
    assert plan.offered is False
    assert list(StaffAct.objects.values_list("kind", flat=True)) == ["plan_retired", "plan_made"]


def test_limits_that_fill_up_are_listed(staff: Client, acme: Tenant, globex: Tenant) -> None:
    """Those of now: a window of yesterday says nothing about today."""
    assert "No limit is near" in staff.get("/staff/limits/").content.decode()
    today = timezone.now().date()
    cases = ((acme, today, "85", "0"), (globex, today, "60", "45"), (globex, today - timedelta(days=1), "100", "0"))
    for tenant, day, spent, held in cases:
        limit, _made = SpendLimit.objects.get_or_create(tenant=tenant, period="day", amount=100)
        limit.windows.create(starts_on=day, spent=spent, held=held)
    quiet = SpendLimit.objects.create(tenant=acme, period="month", amount=100)
    quiet.windows.create(starts_on=today.replace(day=1), spent=20)
    rows = staff.get("/staff/limits/").context["rows"]
    assert [(row.limit.tenant.slug, row.percent, row.is_reached) for row in rows] == [("globex", 105, True), ("acme", 85, False)]


def test_days_that_are_over_crowd_out_no_month(acme: Tenant, globex: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every day of every limit leaves a window, and each is newer than the month's."""
    monkeypatch.setattr("apps.billing.selectors.staff.limits.ROWS_MOST", 3)
    with time_machine.travel(datetime(2026, 11, 28, 12, tzinfo=UTC), tick=False):
        for tenant in (acme, globex):
            daily = SpendLimit.objects.create(tenant=tenant, period="day", amount=100)
            for day in range(2, 27):
                daily.windows.create(starts_on=date(2026, 11, day), spent=99)
        monthly = SpendLimit.objects.create(tenant=acme, period="month", amount=100)
        monthly.windows.create(starts_on=date(2026, 11, 1), spent=90)
        assert [row.limit for row in limits_near()] == [monthly]
