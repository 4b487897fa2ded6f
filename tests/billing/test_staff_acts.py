"""What staff do to a company's plan and invoices: with a reason, written down, and at Stripe as here."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.test import Client

from apps.billing.models import CreditNote, Invoice, Plan, StaffAct, Subscription
from apps.billing.services.plans import PlanRefused, subscription_start, trial_extend, trial_start
from apps.billing.services.stripe_sync import invoice_send, invoices_resume
from apps.tenants.models import Tenant, User
from tests.billing.invoice_side import on_plan
from tests.billing.stripe.conftest import outside_transactions, stripe  # noqa: F401  fixtures
from tests.billing.stripe.factories import draft_of, profile_of
from tests.conftest import PASSWORD
from tests.standins.stripe import Fault, Stripe

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 10, 12, tzinfo=UTC)
WHY = {"reason": "As agreed by telephone."}


@pytest.fixture
def staff(client_for: Any, db: None) -> Client:
    root = User.objects.create_superuser("root@meridian.test", PASSWORD, name="Root")
    client: Client = client_for(root, "")
    return client


@pytest.fixture
def noon() -> Iterator[None]:
    with time_machine.travel(NOON, tick=False):
        yield


def acts() -> list[tuple[str, str]]:
    return list(StaffAct.objects.order_by("at").values_list("kind", "subject"))


def said(client: Client, path: str) -> str:
    return client.get(path).content.decode()


def do(client: Client, invoice: Invoice, key: str, **given: str) -> Invoice:
    """Presses a button of the invoice's page; returns the invoice as it is then."""
    assert client.post(f"/staff/invoices/{invoice.pk}/{key}", {**WHY, **given}).status_code == 302
    invoice.refresh_from_db()
    return invoice


@pytest.fixture
def sent(stripe: Stripe, acme: Tenant) -> Invoice:  # noqa: F811
    profile_of(acme, email="money@acme.test")
    return invoice_send(invoice=draft_of(acme, ("20.00", "12.34")))


def test_a_plan_is_changed_after_its_price_was_shown(staff: Client, acme: Tenant, noon: None) -> None:
    """From the 10th on: 21 of 30 days of 49, and of two seats above five at 12."""
    subscription_start(tenant=acme, plan=Plan.objects.get(code="starter"), on=date(2026, 11, 1))
    page = said(staff, "/staff/tenants/acme/plan?plan=team&seats=7")
    assert "$51.10" in page
    given = {"plan": "team", "seats": "7"}
    assert staff.post("/staff/tenants/acme/plan", given).status_code == 422
    assert staff.post("/staff/tenants/acme/plan", {**given, **WHY}).status_code == 302
    now = Subscription.objects.get(tenant=acme, ended_on=None)
    assert (now.plan.code, now.seats, str(now.started_on)) == ("team", 7, "2026-11-10")
    assert acts() == [("plan", "Team, seats: 7")]
    assert "As agreed by telephone." in said(staff, "/staff/tenants/acme/")


def test_staff_may_choose_a_retired_plan_and_not_too_few_seats(staff: Client, acme: Tenant, noon: None) -> None:
    Plan.objects.filter(code="team").update(offered=False)
    assert "Team, $49.00 a month (retired)" in said(staff, "/staff/tenants/acme/plan")
    assert staff.post("/staff/tenants/acme/plan", {"plan": "team", "seats": "1", **WHY}).status_code == 422
    assert staff.post("/staff/tenants/acme/plan", {"plan": "team", "seats": "2", **WHY}).status_code == 302
    assert Subscription.objects.get(tenant=acme).plan.code == "team"


def rows(tenant: Tenant) -> list[tuple[str, str, str, str]]:
    found = Subscription.objects.filter(tenant=tenant).order_by("started_on")
    return [(row.plan.code, str(row.started_on), str(row.ended_on), str(row.trial_until)) for row in found]


def test_a_trial_goes_on_and_what_follows_it_moves_along(staff: Client, acme: Tenant, noon: None) -> None:
    trial_start(tenant=acme)
    staff.post("/staff/tenants/acme/trial", {"until": "2026-12-10", **WHY})
    assert rows(acme) == [("team", "2026-11-10", "2026-12-10", "2026-12-10"), ("starter", "2026-12-10", "None", "None")]
    assert acts() == [("trial", "Team, until 2026-12-10")]
    staff.post("/staff/tenants/acme/trial", {"until": "2026-12-01", **WHY})
    assert len(acts()) == 1, "an earlier day is refused"


def test_a_trial_begins_where_there_was_none(acme: Tenant, noon: None) -> None:
    """The days before it keep their fee."""
    subscription_start(tenant=acme, plan=Plan.objects.get(code="team"), on=date(2026, 11, 1))
    trial_extend(tenant=acme, until=date(2026, 11, 20))
    assert rows(acme) == [("team", "2026-11-01", "2026-11-10", "None"), ("team", "2026-11-10", "None", "2026-11-20")]


@pytest.mark.parametrize(
    ("begin", "end", "until", "sentence"),
    [
        (None, None, "2026-11-20", "on no plan"),
        ("2026-11-01", None, "2026-11-10", "after 2026-11-10"),
        ("2026-11-01", None, "2028-01-01", "366 days at most"),
        ("2026-11-01", "2026-11-15", "2026-11-20", "ends on 2026-11-15"),
    ],
)
def test_trials_that_are_refused(acme: Tenant, noon: None, begin: str | None, end: str | None, until: str, sentence: str) -> None:
    if begin:
        row = subscription_start(tenant=acme, plan=Plan.objects.get(code="team"), on=date.fromisoformat(begin))
        Subscription.objects.filter(pk=row.pk).update(ended_on=end)
    with pytest.raises(PlanRefused, match=sentence):
        trial_extend(tenant=acme, until=date.fromisoformat(until))


@pytest.mark.usefixtures("outside_transactions")
def test_an_invoice_is_voided_and_made_anew(staff: Client, sent: Invoice, stripe: Stripe) -> None:  # noqa: F811
    on_plan(sent.tenant, "team", "2026-10-01")
    voided = do(staff, sent, "void")
    assert (voided.state, stripe.invoices.state.get("invoice", sent.stripe_id)["status"]) == ("void", "void")
    assert "Make it anew" in said(staff, f"/staff/invoices/{sent.pk}/")
    do(staff, sent, "anew")
    made = Invoice.objects.exclude(pk=sent.pk).get()
    assert (made.state, made.month, made.total) == ("draft", sent.month, Decimal(49))
    assert acts() == [("voided", sent.number), ("drafted", made.number)]
    assert "Make it anew" not in said(staff, f"/staff/invoices/{sent.pk}/")


def test_without_a_reason_nothing_happens(staff: Client, sent: Invoice) -> None:
    for key in ("void", "give-up", "mail"):
        do(staff, sent, key, reason=" ")
    staff.post(f"/staff/invoices/{sent.pk}/credit", {"amount": "1"})
    assert (sent.state, acts(), CreditNote.objects.count()) == ("open", [], 0)


def test_one_that_is_paid_meanwhile_stays_paid(staff: Client, sent: Invoice, stripe: Stripe) -> None:  # noqa: F811
    stripe.invoices.pay(sent.stripe_id, {})
    assert do(staff, sent, "void").state == "paid"
    assert acts() == []


def test_an_outage_changes_nothing(staff: Client, sent: Invoice, stripe: Stripe) -> None:  # noqa: F811
    stripe.faults.append(Fault("POST /v1/invoices/.*", "500", times=9))
    assert do(staff, sent, "give-up").state == "open"
    answer = staff.get(f"/staff/invoices/{sent.pk}/").content.decode()
    assert "try it again in a while" in answer
    assert acts() == []
    stripe.faults.clear()
    assert do(staff, sent, "give-up").state == "uncollectible"


def test_collecting_is_given_up(staff: Client, sent: Invoice, stripe: Stripe) -> None:  # noqa: F811
    assert do(staff, sent, "give-up").state == "uncollectible"
    assert sent.written_off_at is not None
    assert stripe.invoices.state.get("invoice", sent.stripe_id)["status"] == "uncollectible"
    assert sent.tenant.billing_profile.standing == "restricted"
    do(staff, sent, "void")
    sent.tenant.billing_profile.refresh_from_db()
    assert (sent.state, sent.tenant.billing_profile.standing) == ("void", "good")
    assert acts() == [("written_off", sent.number), ("voided", sent.number)]


def test_it_is_mailed_again_once_a_minute(staff: Client, sent: Invoice, stripe: Stripe, noon: None) -> None:  # noqa: F811
    def mails() -> int:
        return sum(event["type"] == "invoice.sent" for event in stripe.state.pending)

    before = mails()
    do(staff, sent, "mail")
    do(staff, sent, "mail")
    assert mails() == before + 1


def test_one_that_was_held_up_is_sent(staff: Client, acme: Tenant, stripe: Stripe) -> None:  # noqa: F811
    profile_of(acme, email="money@acme.test")
    draft = draft_of(acme, ("20.00",), problem="The tax id is not valid.")
    assert "Send to Stripe" in said(staff, f"/staff/invoices/{draft.pk}/")
    do(staff, draft, "send")
    assert acts() == [("sent", draft.number)]
    assert invoices_resume() == 1
    draft.refresh_from_db()
    assert (draft.state, draft.problem) == ("open", "")


def test_a_credit_note_for_a_line_or_all_that_is_left(staff: Client, sent: Invoice) -> None:
    line = sent.lines.get(position=1)
    credit = {"line": str(line.pk), "amount": "10", **WHY}
    assert staff.post(f"/staff/invoices/{sent.pk}/credit", credit).status_code == 302
    staff.post(f"/staff/invoices/{sent.pk}/credit", credit)  # 2.34 of the line are left
    staff.post(f"/staff/invoices/{sent.pk}/credit", {**credit, "amount": ""})
    staff.post(f"/staff/invoices/{sent.pk}/credit", WHY)
    notes = CreditNote.objects.order_by("created_at")
    assert [(note.amount, note.line) for note in notes] == [(Decimal(10), line), (Decimal("2.34"), line), (Decimal(20), None)]
    assert acts()[0][1] == f"CN-0000001 of {sent.number}: 10.00 USD"
    assert "Make a credit note" not in said(staff, f"/staff/invoices/{sent.pk}/")


def test_a_void_credit_note_is_shown_as_such(staff: Client, sent: Invoice) -> None:
    staff.post(f"/staff/invoices/{sent.pk}/credit", WHY)
    assert "CN-0000001 (void)" not in said(staff, f"/staff/invoices/{sent.pk}/")
    CreditNote.objects.update(voided_at=datetime(2026, 11, 1, tzinfo=UTC))
    assert "CN-0000001 (void)" in said(staff, f"/staff/invoices/{sent.pk}/")


def test_a_line_of_another_invoice_is_none(staff: Client, sent: Invoice, globex: Tenant) -> None:
    other = draft_of(globex, ("5.00",), month=date(2026, 9, 1)).lines.get()
    staff.post(f"/staff/invoices/{sent.pk}/credit", {"line": str(other.pk), **WHY})
    assert not CreditNote.objects.exists()


def test_without_stripe_a_draft_can_be_voided_and_not_sent(staff: Client, acme: Tenant) -> None:
    draft = draft_of(acme, ("20.00",))
    page = said(staff, f"/staff/invoices/{draft.pk}/")
    assert "Send to Stripe" not in page
    do(staff, draft, "send")
    assert acts() == []
    assert do(staff, draft, "void").state == "void"


def test_the_page_tells_when_nothing_can_be_done(staff: Client, acme: Tenant) -> None:
    paid = draft_of(acme, ("20.00",), state="paid", credited=20, paid_at=datetime.now(UTC) - timedelta(days=1))
    assert "What you can do" not in said(staff, f"/staff/invoices/{paid.pk}/")
    assert staff.post(f"/staff/invoices/{paid.pk}/dance", WHY).status_code == 404
