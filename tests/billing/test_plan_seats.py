"""Room for one more: an invitation takes a seat, tells what one more costs, and adds it for the price that was agreed to."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.test import Client

from apps.billing.models import Invoice, Plan, Subscription
from apps.billing.services.plans import PlanRefused, seats_add, subscription_start, trial_start
from apps.tenants.keys import api_key_create
from apps.tenants.models import Invitation, Membership, Role, Tenant, User
from apps.tenants.seats import seat_missing
from apps.tenants.services_people import SeatNeeded, invitation_create, person_activate, person_deactivate

pytestmark = pytest.mark.django_db
JSON = "application/json"
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)  # ten days of the month are left
ClientFor = Callable[[User | None, str], Client]


@pytest.fixture(autouse=True)
def _one_day() -> Iterator[None]:
    with time_machine.travel(NOON, tick=False):
        yield


def plan(included: int = 2, price: str = "12", **fields: Any) -> Plan:
    values = {"name": "Desk", "fee": Decimal(30), "included_seats": included, "seat_price": Decimal(price), **fields}
    return Plan.objects.create(code=f"desk-{included}-{price}", **values)


def on_desk(tenant: Tenant, seats: int = 2, **fields: Any) -> Subscription:
    return subscription_start(tenant=tenant, plan=plan(**fields), seats=seats, on=date(2026, 11, 1))


def seats_of(tenant: Tenant) -> list[tuple[int, str, str | None]]:
    found = Subscription.objects.filter(tenant=tenant).order_by("started_on")
    return [(row.seats, str(row.started_on), str(row.ended_on) if row.ended_on else None) for row in found]


def invite(tenant: Tenant, email: str = "new@acme.test", **agreed: Any) -> Invitation:
    return invitation_create(tenant=tenant, email=email, role=Role.AGENT, by=None, address="http://x/", **agreed)


def test_the_price_is_told_and_agreed_to(acme: Tenant) -> None:
    """Alice and Bob have both seats; ten of thirty days of 12 dollars are 4."""
    on_desk(acme)
    with pytest.raises(SeatNeeded, match=r"2 seats are taken.* 1 more costs \$12.00 a month: \$4.00 for"):
        invite(acme)
    assert seats_of(acme) == [(2, "2026-11-01", None)]
    assert not Invitation.objects.exists()
    invite(acme, seat_price=Decimal(12))
    assert seats_of(acme) == [(2, "2026-11-01", "2026-11-21"), (3, "2026-11-21", None)]
    assert Invitation.objects.count() == 1


def test_a_change_of_a_person_happens_whole_or_not_at_all(acme: Tenant, bob: User) -> None:
    """Bob's seat was given to somebody else meanwhile, so he is not let in again, nor made a supervisor."""
    on_desk(acme)
    member = bob.memberships.get()
    person_deactivate(membership=member, by=None)
    invite(acme)
    _, text = api_key_create(tenant=acme, name="sync", scopes=["people:write"])
    key = Client(headers={"host": "acme.localhost", "authorization": f"Api-Key {text}"})
    answer = key.patch(f"/api/v1/people/{member.pk}", {"role": "supervisor", "active": True}, content_type=JSON)
    assert (answer.status_code, answer.json()["code"]) == (422, "seat_needed")
    assert Membership.everyone.get(pk=member.pk).role == Role.AGENT


def test_another_price_than_was_told_is_told_anew(acme: Tenant) -> None:
    on_desk(acme)
    with pytest.raises(SeatNeeded):
        invite(acme, seat_price=Decimal(10))
    assert seats_of(acme) == [(2, "2026-11-01", None)]


def test_invitations_hold_their_seat_until_they_are_withdrawn(acme: Tenant) -> None:
    on_desk(acme, seats=3)
    first = invite(acme, "one@acme.test")
    with pytest.raises(SeatNeeded):
        invite(acme, "two@acme.test")
    first.delete()
    assert seat_missing(acme) is None
    assert invite(acme, "two@acme.test").email == "two@acme.test"


def test_a_seat_that_costs_nothing_is_simply_added(acme: Tenant) -> None:
    on_desk(acme, seats=2, included=5)
    invite(acme)
    assert seats_of(acme)[-1] == (3, "2026-11-21", None)


def test_without_a_plan_nobody_counts_seats(acme: Tenant) -> None:
    invite(acme)
    assert seat_missing(acme) is None


def test_whoever_is_over_makes_up_for_it(acme: Tenant) -> None:
    """Two people on one seat: the third needs two more, of which the plan includes none."""
    on_desk(acme, seats=1, included=1)
    seat = seat_missing(acme)
    assert seat is not None
    assert (seat.seats, seat.missing, seat.price, seat.now) == (1, 2, Decimal(24), Decimal(8))
    invite(acme, seat_price=seat.price)
    assert seats_of(acme)[-1] == (3, "2026-11-21", None)


def test_a_trial_stays_one_and_ends_on_the_plan_without_a_fee(acme: Tenant) -> None:
    Plan.objects.filter(code="team").update(included_seats=2)
    trial_start(tenant=acme)
    with time_machine.travel(datetime(2026, 11, 25, 12, tzinfo=UTC), tick=False):
        seat = seat_missing(acme)
        assert seat is not None
        assert (seat.price, seat.now, seat.free_until) == (Decimal(12), Decimal(0), date(2026, 12, 5))
        assert "nothing until your trial is over on 5 December 2026" in seat.costs
        invite(acme, seat_price=seat.price)
    rows = Subscription.objects.filter(tenant=acme).order_by("started_on")
    assert [(row.plan.code, row.seats, str(row.started_on), str(row.trial_until)) for row in rows] == [
        ("team", 2, "2026-11-21", "2026-12-05"),
        ("team", 3, "2026-11-25", "2026-12-05"),
        ("starter", 2, "2026-12-05", "None"),
    ]


def test_two_on_one_day_are_one_row(acme: Tenant) -> None:
    on_desk(acme)
    for email in ("one@acme.test", "two@acme.test"):
        invite(acme, email, seat_price=Decimal(12))
    assert seats_of(acme) == [(2, "2026-11-01", "2026-11-21"), (4, "2026-11-21", None)]


def test_coming_back_takes_a_seat_too(acme: Tenant, alice: User, bob: User) -> None:
    on_desk(acme)
    member = Membership.objects.get(user=bob, tenant=acme)
    person_deactivate(membership=member, by=alice)
    invite(acme)
    with pytest.raises(SeatNeeded, match="under Billing, Plan, then activate"):
        person_activate(membership=member, by=alice)
    Invitation.objects.all().delete()
    person_activate(membership=member, by=alice)
    assert Membership.objects.filter(user=bob, tenant=acme).exists()


def test_a_month_that_is_invoiced_is_not_changed(acme: Tenant) -> None:
    on_desk(acme)
    values = {"period_start": NOON, "period_end": NOON, "currency": "USD"}
    Invoice.objects.create(tenant=acme, number="INV-1", month=date(2026, 11, 1), state="open", **values)
    with pytest.raises(PlanRefused, match="November 2026 is invoiced already"):
        seats_add(tenant=acme)


def test_the_page_says_that_the_month_is_invoiced(client_for: ClientFor, acme: Tenant, alice: User, bob: User) -> None:
    """Such as where the company's time zone has moved to where it still is last month."""
    on_desk(acme, included=9)
    person_deactivate(membership=bob.memberships.get(), by=alice)
    invite(acme)
    values = {"period_start": NOON, "period_end": NOON, "currency": "USD"}
    Invoice.objects.create(tenant=acme, number="INV-1", month=date(2026, 11, 1), state="open", **values)
    here = client_for(alice, "acme")
    refused = here.post("/compass/people/invite", {"email": "late@acme.test", "role": "agent"})
    assert (refused.status_code, "November 2026 is invoiced already" in refused.content.decode()) == (422, True)
    member = Membership.everyone.get(user=bob, tenant=acme)
    shown = here.post(f"/compass/people/{member.pk}/activate", follow=True)
    assert "November 2026 is invoiced already" in shown.content.decode()


def test_the_page_asks_before_it_charges(client_for: ClientFor, acme: Tenant, alice: User) -> None:
    on_desk(acme)
    here = client_for(alice, "acme")
    assert "1 more costs $12.00 a month" in here.get("/compass/people/").content.decode()
    given = {"email": "new@acme.test", "role": "agent"}
    refused = here.post("/compass/people/invite", given)
    assert (refused.status_code, Invitation.objects.count()) == (422, 0)
    assert here.post("/compass/people/invite", {**given, "seat_price": "12.000000"}).status_code == 302
    assert seats_of(acme)[-1][0] == 3


def test_a_program_is_told_and_agrees(acme: Tenant, globex: Tenant) -> None:
    on_desk(acme)

    def program(*scopes: str) -> Client:
        _, key = api_key_create(tenant=acme, name="sync", scopes=scopes)
        return Client(headers={"host": "acme.localhost", "authorization": f"Api-Key {key}"})

    given = {"email": "new@acme.test", "role": "agent"}
    people = program("people:write")
    refused = people.post("/api/v1/invitations", given, content_type=JSON)
    assert (refused.status_code, refused.headers["Content-Type"]) == (409, "application/problem+json")
    body = refused.json()
    assert (body["code"], body["seats"], body["missing_seats"], body["seat_price"]) == ("seat_needed", 2, 1, "12.00")
    agreed = {**given, "add_seat": True}
    assert people.post("/api/v1/invitations", agreed, content_type=JSON).json()["code"] == "scope_missing"
    assert (seats_of(acme)[-1][0], len(mail.outbox)) == (2, 0)
    both = program("people:write", "billing:write")
    assert both.post("/api/v1/invitations", agreed, content_type=JSON).status_code == 201
    assert seats_of(acme)[-1][0] == 3


def test_another_companys_plan_says_nothing(client_for: ClientFor, acme: Tenant, charlie: User) -> None:
    on_desk(acme)
    assert client_for(charlie, "acme").get("/compass/people/").status_code == 404
    assert "more costs" not in client_for(charlie, "globex").get("/compass/people/").content.decode()
