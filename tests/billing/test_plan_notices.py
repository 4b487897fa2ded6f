"""What stands above every page: a trial that ends, and money that is overdue, to the people who can do something about it."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime

import pytest
import time_machine
from django.test import Client

from apps.billing.models import Invoice, Plan
from apps.billing.services.plans import subscription_change, subscription_start, trial_start
from apps.billing.services.stripe_states import standing_update
from apps.tenants.models import Membership, Role, Tenant, User
from tests.billing.stripe.factories import draft_of

pytestmark = pytest.mark.django_db
ClientFor = Callable[[User | None, str], Client]


@pytest.fixture(autouse=True)
def _one_day() -> Iterator[None]:
    with time_machine.travel(datetime(2026, 11, 10, 12, tzinfo=UTC), tick=False):
        yield


def shown(client_for: ClientFor, user: User, path: str = "/billing/") -> str:
    text = client_for(user, "acme").get(path).content.decode()
    return " ".join(text.split())


def later(days: int) -> time_machine.travel:
    return time_machine.travel(datetime(2026, 11, 10 + days, 12, tzinfo=UTC), tick=False)


def test_a_trial_that_ends_leads_to_keeping_the_plan(client_for: ClientFor, acme: Tenant, alice: User) -> None:
    trial_start(tenant=acme)
    with later(6):
        assert "Your trial of Team ends" not in shown(client_for, alice)
    with later(8):
        text = shown(client_for, alice)
        assert "Your trial of Team ends on 24 November." in text
        assert "Then you are on Starter, unless you keep Team for $49.00 a month." in text
        assert "/billing/plan/change?plan=team&amp;seats=5" in text
        assert "Your trial of Team ends" not in shown(client_for, alice, "/billing/plan/"), "which says so itself"
        subscription_change(tenant=acme, plan=Plan.objects.get(code="team"), seats=6)
        assert "From then on it costs $49.00 a month." in shown(client_for, alice)
    with later(14):
        assert "Your trial" not in shown(client_for, alice)


def test_a_trial_is_the_money_peoples(client_for: ClientFor, acme: Tenant, bob: User, charlie: User) -> None:
    plan = Plan.objects.get(code="team")
    subscription_start(tenant=acme, plan=plan, on=date(2026, 11, 1), trial_until=date(2026, 11, 12))
    member = Membership.objects.filter(user=bob)
    for role, told in ((Role.FINANCE, True), (Role.OWNER, True), (Role.AGENT, False), (Role.SUPERVISOR, False)):
        member.update(role=role)
        assert ("Your trial of Team ends" in shown(client_for, bob, "/")) == told, role
    assert client_for(charlie, "acme").get("/billing/").status_code == 404
    assert "Your trial" not in client_for(charlie, "globex").get("/billing/").content.decode()


def overdue(tenant: Tenant, month: int, **fields: object) -> Invoice:
    values = {"state": "open", "due_at": datetime(2026, month + 1, 1, tzinfo=UTC), "hosted_url": f"https://pay.test/{month}"}
    made = draft_of(tenant, ("20.00",), month=date(2026, month, 1), **{**values, **fields})
    standing_update(tenant=tenant)
    return made


def test_one_invoice_is_paid_or_read(client_for: ClientFor, acme: Tenant, alice: User, bob: User) -> None:
    trial_start(tenant=acme)
    one = overdue(acme, 10)
    with later(8):
        text = shown(client_for, alice)
        assert "$20.00 was due on 1 November 2026." in text
        assert 'href="https://pay.test/10"' in text
        assert f'href="/billing/invoices/{one.pk}/"' in text
        assert "Your trial" not in text, "one thing at a time"
        assert "was due on" not in shown(client_for, bob, "/")


def test_several_are_shown_together(client_for: ClientFor, acme: Tenant, alice: User) -> None:
    overdue(acme, 10)
    overdue(acme, 9, state="uncollectible")
    text = shown(client_for, alice)
    assert "Your account is restricted until this is paid." in text
    assert "$40.00 in 2 invoices, the oldest due on 1 October 2026." in text
    assert "See and pay them" in text
