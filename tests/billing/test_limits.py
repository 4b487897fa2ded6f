"""Money is held before it is spent, in the windows of every limit that applies, and never leaks."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from auditlog.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_tenants.utils import tenant_context

from apps.billing.models import BillingProfile, SpendHold, SpendLimit, SpendWindow
from apps.billing.selectors.limits import limits_reached
from apps.billing.services.limits import (
    LimitRefused,
    limit_remove,
    limit_restore,
    spend_expire,
    spend_gate,
    spend_release,
)
from apps.tenants.models import Tenant
from tests.billing.limits import AGENT, OTHER_AGENT, limit, reserve, spend, states, window

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("midday")]
D = Decimal


def test_what_is_held_counts_until_it_is_settled(acme: Tenant) -> None:
    month = limit(acme, "10")
    assert reserve(acme, "one", "6").admitted
    assert window(month) == (D(0), D(6))
    assert reserve(acme, "two", "6").admitted  # 6 of 10 are taken, so one more may begin
    assert not reserve(acme, "three", "6").admitted
    spend(acme, "2.5", "one")
    assert window(month) == (D("2.5"), D(6))
    assert reserve(acme, "three", "6").admitted
    assert states() == {"one": "settled", "two": "held", "three": "held"}


def test_asking_again_holds_nothing_more_and_stays_yes(acme: Tenant) -> None:
    month = limit(acme, "1")
    assert reserve(acme, "one", "5").admitted
    assert reserve(acme, "one", "5").admitted
    assert window(month) == (D(0), D(5))


def test_the_tightest_limit_decides_and_only_those_that_apply_are_held(acme: Tenant) -> None:
    company, agent = limit(acme, "100"), limit(acme, "1", scope="agent", agent_id=AGENT)
    phone, day = limit(acme, "50", scope="channel", channel="sip"), limit(acme, "40", period="day")
    assert reserve(acme, "one", "2").admitted
    refused = reserve(acme, "two", "2")
    assert not refused.admitted and refused.limit == agent
    assert reserve(acme, "three", "2", agent_id=OTHER_AGENT, channel="sip").admitted
    assert [window(one) for one in (company, agent, phone, day)] == [(D(0), D(4)), (D(0), D(2)), (D(0), D(2)), (D(0), D(4))]


def test_a_limit_that_declines_is_stricter_than_one_that_hands_over(acme: Tenant) -> None:
    limit(acme, "0", reached="people")
    assert reserve(acme, "one").to_people
    day = limit(acme, "0", period="day", reached="refuse")
    decision = reserve(acme, "one")
    assert not decision.to_people and decision.limit == day
    assert decision.reason == "The limit of $0.00 a day is reached. It can be changed under Billing, Limits."


def test_the_overshoot_is_one_call_at_most(acme: Tenant) -> None:
    month = limit(acme, "10")
    began = [source for source in map(str, range(20)) if reserve(acme, source, "3").admitted]
    for source in began:
        spend(acme, "3", source)
    assert window(month) == (D(12), D(0))


def test_a_release_gives_back_once(acme: Tenant) -> None:
    month = limit(acme)
    reserve(acme, "one", "6")
    assert spend_release(tenant_id=acme.pk, source_type="call", source_id="one")
    assert not spend_release(tenant_id=acme.pk, source_type="call", source_id="one")
    spend(acme, "2", "one")  # it cost something after all
    assert window(month) == (D(2), D(0))
    assert states() == {"one": "released"}


def test_a_report_that_overtakes_the_question_leaves_nothing_held(acme: Tenant) -> None:
    month = limit(acme)
    spend(acme, "2", "one")
    assert reserve(acme, "one", "6").admitted
    assert window(month) == (D(2), D(0))


def test_what_nothing_was_heard_of_is_released(acme: Tenant) -> None:
    month = limit(acme)
    reserve(acme, "one", "6", lasts=timedelta(minutes=5))
    reserve(acme, "two", "1", lasts=timedelta(hours=5))
    with time_machine.travel(timezone.now() + timedelta(minutes=6)):
        assert spend_expire() == 1
        assert spend_expire() == 0
    assert window(month) == (D(0), D(1))
    assert states() == {"one": "released", "two": "held"}


def test_a_new_window_begins_with_what_the_ledger_holds(acme: Tenant) -> None:
    spend(acme, "4")
    spend(acme, "1", currency="EUR")
    spend(acme, "2", agent_id=OTHER_AGENT, channel="whatsapp")
    company, agent = limit(acme, "100"), limit(acme, "100", scope="agent", agent_id=AGENT)
    chats = limit(acme, "100", scope="channel", channel="whatsapp")
    assert [window(one)[0] for one in (company, agent, chats)] == [D(6), D(4), D(2)]


def test_late_entries_and_corrections_go_to_the_window_of_their_day(acme: Tenant) -> None:
    day = limit(acme, "10", period="day")
    yesterday = timezone.now() - timedelta(days=1)
    first = spend(acme, "5", "late", at=yesterday)
    reserve(acme, "late", "9")
    assert window(day) == (D(0), D(0))
    spend(acme, "-2", "late", at=yesterday, revision=1, corrects=first, source="correction")
    rows = dict(SpendWindow.objects.filter(limit=day).values_list("starts_on", "spent"))
    assert rows == {timezone.now().date(): D(0), yesterday.date(): D(3)}


@pytest.mark.parametrize(
    ("zone", "moment", "day", "month"),
    [
        ("UTC", datetime(2026, 3, 1, 0, 0, tzinfo=UTC), date(2026, 3, 1), date(2026, 3, 1)),
        ("America/New_York", datetime(2026, 3, 1, 4, 59, tzinfo=UTC), date(2026, 2, 28), date(2026, 2, 1)),
        ("America/New_York", datetime(2026, 3, 1, 5, 0, tzinfo=UTC), date(2026, 3, 1), date(2026, 3, 1)),
        ("Pacific/Auckland", datetime(2028, 2, 28, 12, 0, tzinfo=UTC), date(2028, 2, 29), date(2028, 2, 1)),
        ("Europe/Berlin", datetime(2026, 10, 25, 22, 30, tzinfo=UTC), date(2026, 10, 25), date(2026, 10, 1)),
        ("Europe/Berlin", datetime(2026, 10, 25, 23, 0, tzinfo=UTC), date(2026, 10, 26), date(2026, 10, 1)),
        ("America/Havana", datetime(2026, 3, 8, 5, 0, tzinfo=UTC), date(2026, 3, 8), date(2026, 3, 1)),  # no midnight that day
    ],
)
def test_windows_are_days_and_months_of_the_company(acme: Tenant, zone: str, moment: datetime, day: date, month: date) -> None:
    acme.timezone = zone
    acme.save()
    with time_machine.travel(moment, tick=False):
        spend(acme, "1", at=moment)
        spend(acme, "2", at=moment - timedelta(days=40))
        limits = [limit(acme, "9", period=period) for period in ("day", "month")]
        spend(acme, "4", at=moment)
        found = [SpendWindow.objects.get(limit=one) for one in limits]
    assert [(one.starts_on, one.spent) for one in found] == [(day, D(5)), (month, D(5))]


def test_a_new_time_zone_sums_the_present_window_anew(acme: Tenant) -> None:
    with time_machine.travel(datetime(2026, 3, 5, 20, 0, tzinfo=UTC), tick=False):
        day = limit(acme, "10", period="day")
        spend(acme, "1", at=datetime(2026, 3, 5, 2, 0, tzinfo=UTC))
        assert window(day) == (D(1), D(0))
        acme.timezone = "America/New_York"
        acme.save()
        spend(acme, "2")
        assert window(day) == (D(2), D(0))


def test_a_limit_is_raised_removed_and_put_back_with_what_it_holds(acme: Tenant) -> None:
    first = limit(acme, "1")
    reserve(acme, "one", "5")
    assert not reserve(acme, "two").admitted
    assert limit(acme, "20") == first
    assert reserve(acme, "two", "2").admitted
    limit_remove(limit=first)
    assert reserve(acme, "three", "99").admitted
    spend(acme, "3", "one")
    spend(acme, "50", "three")
    limit_restore(limit=first)
    assert window(first) == (D(53), D(2))
    assert not reserve(acme, "four").admitted
    assert "three" not in states()


def test_an_entry_that_did_not_see_a_young_limit_is_counted_soon(acme: Tenant) -> None:
    month = limit(acme)
    SpendWindow.objects.filter(limit=month).update(spent=0)
    spend(acme, "2")
    SpendWindow.objects.filter(limit=month).update(spent=0)  # as if the entry's transaction had begun before the limit
    spend_expire()
    assert window(month) == (D(2), D(0))


def test_limits_are_refused_in_a_sentence(acme: Tenant) -> None:
    BillingProfile.objects.update_or_create(tenant=acme, defaults={"currency": "EUR"})
    with pytest.raises(LimitRefused, match="charged in EUR, so a limit in USD would count nothing"):
        limit(acme, currency="USD")
    assert limit(acme).currency == "EUR"
    for values, sentence in (
        ({"amount": "-1"}, "from 0 to 1,000,000,000"),
        ({"amount": "NaN"}, "from 0 to 1,000,000,000"),
        ({"scope": "agent"}, "Choose the agent"),
        ({"scope": "channel", "channel": "fax"}, "Choose the channel"),
        ({"agent_id": AGENT}, "Only a limit of one agent"),
        ({"channel": "sip"}, "Only a limit of one channel"),
    ):
        with pytest.raises(LimitRefused, match=sentence):
            limit(acme, **values)


def test_entries_in_another_currency_count_nothing_and_settle_all_the_same(acme: Tenant) -> None:
    month = limit(acme)
    reserve(acme, "one", "3")
    spend(acme, "500", "one", currency="JPY")
    assert window(month) == (D(0), D(0))
    assert states() == {"one": "settled"}


def test_a_limit_in_a_currency_of_before_stops_nothing(acme: Tenant) -> None:
    limit(acme, "1")
    spend(acme, "1")
    assert not reserve(acme, "one").admitted
    BillingProfile.objects.update_or_create(tenant=acme, defaults={"currency": "EUR"})
    assert reserve(acme, "one").admitted
    assert not limits_reached(acme, AGENT, "webrtc")
    limit(acme, "0")  # sets the same one anew, in the currency of now
    assert limits_reached(acme, AGENT, "webrtc") and not reserve(acme, "two").admitted


def test_one_company_never_touches_another(acme: Tenant, globex: Tenant) -> None:
    mine, theirs = limit(acme), limit(globex)
    reserve(acme, "same", "3")
    reserve(globex, "same", "4")
    spend(globex, "1", "same")
    assert (window(mine), window(theirs)) == ((D(0), D(3)), (D(1), D(0)))


def test_who_changed_a_limit_is_in_the_audit_log(acme: Tenant) -> None:
    with tenant_context(acme):
        month = limit(acme, "10")
        limit(acme, "25")
        limit_remove(limit=SpendLimit.objects.get(pk=month.pk))
        changes = [entry.changes for entry in LogEntry.objects.filter(object_pk=str(month.pk)).order_by("pk")]
    assert [one.get("amount") for one in changes] == [["None", "10.000000"], ["10.000000", "25.000000"], None]
    assert [one.get("active") for one in changes] == [["None", "True"], None, ["True", "False"]]


def _reads(seen: CaptureQueriesContext) -> int:
    return sum(query["sql"].startswith("SELECT") for query in seen.captured_queries)


def test_a_company_without_limits_pays_one_statement(acme: Tenant) -> None:
    def never() -> Decimal:
        raise AssertionError("nothing needs to be estimated")

    with tenant_context(acme):
        _gate = {"source_type": "call", "agent_id": AGENT, "channel": "sip", "estimate": never}
        with CaptureQueriesContext(connection) as seen:
            assert spend_gate(source_id="one", **_gate).admitted  # type: ignore[arg-type]
        assert _reads(seen) == 1
        with CaptureQueriesContext(connection) as seen:
            assert not spend_release(tenant_id=acme.pk, source_type="call", source_id="one")
        assert _reads(seen) == 1
    assert not SpendHold.objects.exists()


def test_a_company_with_limits_is_asked_for_them_once(acme: Tenant) -> None:
    """The gate reads the company with the question whether it has limits, the lock takes every limit with the company."""
    limit(acme)
    limit(acme, period="day")
    reserve(acme, "first")
    with tenant_context(acme), CaptureQueriesContext(connection) as seen:
        decision = spend_gate(
            source_type="call", source_id="second", agent_id=AGENT, channel="webrtc", estimate=lambda: Decimal(1)
        )
    assert decision.admitted
    asked = [one["sql"] for one in seen.captured_queries if "billing_spendlimit" in one["sql"] and "INSERT" not in one["sql"]]
    assert len([sql for sql in asked if "FOR NO KEY UPDATE" in sql]) == 1
    assert len([sql for sql in asked if "schema_name = " in sql]) == 1
    assert len(asked) == 2
