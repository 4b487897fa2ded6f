"""Whom single sign-on lets in takes a seat and is charged as somebody who was invited, or is not let in, as the company chose."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.test import Client

from apps.billing.models import BillingProfile
from apps.billing.selectors.plans import month_fees
from apps.billing.services.profile import seats_grow_set
from apps.core.outbox import outbox_drain
from apps.tenants.models import Invitation, Membership, Role, SingleSignOn, Tenant, User
from apps.tenants.oidc import SsoError
from apps.tenants.oidc_tokens import Proven
from apps.tenants.services_sso import sso_admit
from tests.billing.test_plan_seats import NOON, on_desk, seats_of

pytestmark = pytest.mark.django_db
ClientFor = Callable[[User | None, str], Client]


@pytest.fixture(autouse=True)
def _one_day() -> Iterator[None]:
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def sso(acme: Tenant) -> SingleSignOn:
    return sso_of(acme)


def sso_of(tenant: Tenant, **fields: Any) -> SingleSignOn:
    given = {"label": "Okta", "issuer": "https://id.test", "client_id": "m", "domains": ["acme.test"], "new_role": Role.AGENT}
    return SingleSignOn.objects.create(tenant=tenant, checked_at=NOON, **{**given, **fields})


def come_in(sso: SingleSignOn, name: str = "dora") -> User:
    return sso_admit(sso=sso, proven=Proven("https://id.test", name, f"{name}@acme.test", name.capitalize()))


def told() -> list[Any]:
    while outbox_drain():
        pass
    return mail.outbox


def test_a_newcomer_takes_a_seat_that_is_charged(acme: Tenant, alice: User, bob: User, sso: SingleSignOn) -> None:
    """Alice and Bob have both seats; ten of thirty days of 12 dollars are 4. Alice looks after the money, Bob does not."""
    on_desk(acme)
    come_in(sso)
    assert seats_of(acme) == [(2, "2026-11-01", "2026-11-21"), (3, "2026-11-21", None)]
    assert sum(line.seats_fee for line in month_fees(acme, NOON.date())) == Decimal(4)
    [letter] = told()
    assert (letter.to, "Dora has joined" in letter.subject) == ([alice.email], True)
    assert "1 more costs $12.00 a month: $4.00 for what is left of this month. You have 3 seats now." in letter.body
    assert "http://acme.localhost" in letter.body and "/billing/plan/" in letter.body
    come_in(sso)
    assert (seats_of(acme)[-1][0], len(told())) == (3, 1), "somebody who works here takes no further one"


def test_a_free_seat_is_taken_and_nobody_is_told(acme: Tenant, alice: User, sso: SingleSignOn) -> None:
    on_desk(acme, seats=3)
    come_in(sso)
    assert seats_of(acme) == [(3, "2026-11-01", None)]
    assert told() == []


def test_one_that_costs_nothing_is_added_whatever_was_chosen(acme: Tenant, alice: User, sso: SingleSignOn) -> None:
    on_desk(acme, seats=2, included=5)
    seats_grow_set(tenant=acme, grow=False)
    come_in(sso)
    assert (seats_of(acme)[-1][0], told()) == (3, [])


def test_a_trial_stays_free(acme: Tenant, alice: User, sso: SingleSignOn) -> None:
    on_desk(acme)
    acme.subscriptions.update(trial_until=datetime(2026, 12, 5, tzinfo=UTC).date())
    come_in(sso)
    assert sum(line.fee + line.seats_fee for line in month_fees(acme, NOON.date())) == 0
    assert "nothing until your trial is over on 5 December 2026" in told()[0].body


def test_the_company_may_let_nobody_in_above_its_seats(acme: Tenant, alice: User, sso: SingleSignOn) -> None:
    on_desk(acme)
    seats_grow_set(tenant=acme, grow=False)
    with pytest.raises(SsoError, match=r"Every seat of Acme is taken\. Ask one of its admins"):
        come_in(sso)
    assert (seats_of(acme), User.objects.filter(email="dora@acme.test").exists()) == ([(2, "2026-11-01", None)], False)
    Invitation.objects.create(tenant=acme, email="dora@acme.test", role=Role.SUPERVISOR)
    assert come_in(sso).email == "dora@acme.test", "who was invited has a seat"
    assert (seats_of(acme)[-1][0], told()) == (2, [])


def test_another_company_pays_nothing(acme: Tenant, globex: Tenant, alice: User, sso: SingleSignOn) -> None:
    on_desk(acme)
    come_in(sso_of(globex))
    assert seats_of(acme) == [(2, "2026-11-01", None)]
    assert (seats_of(globex), told()) == ([], [])


def test_without_a_plan_nobody_counts(acme: Tenant, alice: User, sso: SingleSignOn) -> None:
    come_in(sso)
    assert (Membership.objects.filter(tenant=acme, user__email="dora@acme.test").count(), told()) == (1, [])


def test_the_plan_page_asks_and_keeps(client_for: ClientFor, acme: Tenant, alice: User, bob: User, charlie: User) -> None:
    on_desk(acme)
    assert "single sign-on" not in client_for(alice, "acme").get("/billing/plan/").content.decode()
    sso_of(acme)
    page = client_for(alice, "acme")
    assert "When every seat is taken" in page.get("/billing/plan/").content.decode()
    assert page.post("/billing/plan/seats", {"full": "refuse"}).status_code == 302
    assert BillingProfile.objects.get(tenant=acme).seats_grow is False
    assert page.post("/billing/plan/seats", {"full": "nonsense"}).status_code == 302
    assert BillingProfile.objects.get(tenant=acme).seats_grow is False
    for stranger, status in ((bob, 403), (charlie, 404)):
        assert client_for(stranger, "acme").post("/billing/plan/seats", {"full": "add"}).status_code == status
    assert page.post("/billing/plan/seats", {"full": "add"}).status_code == 302
    assert BillingProfile.objects.get(tenant=acme).seats_grow is True
