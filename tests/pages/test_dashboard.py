"""The dashboard's numbers of today, and the first steps of a new company."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_tenants.utils import tenant_context

from apps.calls.first_steps import first_steps
from apps.calls.selectors_dashboard import day_of, spent_since
from apps.calls.services.numbers import number_set
from apps.desktop.models import Conversation
from apps.tenants.models import Membership, Role, Tenant, User
from tests.compass.factories import agent_published
from tests.desktop.factories import a_contact, a_conversation
from tests.pages.desk import chat
from tests.pages.factories import bill, call_make, talk_make

pytestmark = pytest.mark.usefixtures("midday")
ClientFor = Callable[[User | None, str], Client]


def page(client: Client) -> str:
    return str(client.get("/").content.decode())


@pytest.mark.django_db
def test_a_day_without_anything(in_acme: Tenant) -> None:
    day = day_of("UTC")
    assert (day.chats, day.handoff, day.p50, day.mood, day.hours) == (0, None, None, None, None) and day.feeling == ""


def test_delays_moods_and_money_of_today(in_acme: Tenant) -> None:
    call = call_make(started_at=timezone.now(), joined_at=timezone.now())
    talk_make(call)
    now = timezone.now()
    bill(call, in_acme, started_at=now.isoformat(), ended_at=(now + timedelta(seconds=61.4)).isoformat())
    trial = call_make(started_at=timezone.now(), trial=True)
    talk_make(trial)
    day = day_of("UTC")
    assert day.p50 is not None and day.p95 is not None and day.mood is not None
    assert 0.92 < day.p50 < day.p95 < 1.31 and (round(day.mood, 2), day.feeling) == (0.08, "positive")
    assert day.hours is not None and list(day.hours.series[0].values) == [1]
    assert list(spent_since(in_acme, "UTC")) == ["USD"] and spent_since(in_acme, "UTC")["USD"] > 0


def test_chats_and_handovers_of_today(in_acme: Tenant) -> None:
    agent = agent_published()
    for number in range(4):
        a_conversation(contact=a_contact(name=f"Dana {number}"))
    Conversation.objects.update(agent_id=agent.pk)
    Conversation.objects.filter(pk=Conversation.objects.first().pk).update(handoff_reason="asked")  # type: ignore[union-attr]
    day = day_of("UTC")
    assert (day.chats, day.handoff) == (4, 25)


def test_steps_tick_themselves(in_acme: Tenant) -> None:
    steps = first_steps(in_acme)
    assert {step.href for step in steps[:3]} == {reverse("agent-new")}
    done = [step.done for step in steps]
    assert done == [False, False, False, False, False, True]
    agent = agent_published()
    number_set(number="8801", agent_id=agent.pk)
    call_make()
    steps = first_steps(in_acme)
    assert [step.done for step in steps] == [True, True, True, True, False, True]
    assert [step.href for step in steps[1:3]] == [reverse("agent", args=["reception"])] * 2


def test_steps_are_for_admins_and_can_be_dismissed(client_for: ClientFor, acme: Tenant, alice: User, bob: User) -> None:
    admin = client_for(alice, "acme")
    assert "First steps" in page(admin) and "Connect a number" in page(admin)
    assert "First steps" not in page(client_for(bob, "acme"))
    assert client_for(bob, "acme").post("/first-steps/dismiss").status_code == 403
    assert admin.post("/first-steps/dismiss").status_code == 302
    assert "First steps" not in page(admin)


def test_money_is_for_those_who_may_see_it(client_for: ClientFor, acme: Tenant, alice: User, bob: User, charlie: User) -> None:
    assert "Calls cost this month" in page(client_for(alice, "acme"))
    assert "Calls cost this month" not in page(client_for(bob, "acme"))
    assert client_for(charlie, "acme").get("/").status_code == 404


def test_the_day_is_drawn_with_its_table(client_for: ClientFor, acme: Tenant, alice: User) -> None:
    with tenant_context(acme):
        call_make(started_at=timezone.now())
    html = page(client_for(alice, "acme"))
    assert "chart-hours" in html and "Show as a table" in html and "Most came between" in html


def test_who_waits_for_a_person_is_told_to_those_who_may_answer(
    client_for: ClientFor, acme: Tenant, alice: User, bob: User
) -> None:
    with tenant_context(acme):
        for name in ("Maria", "Tom"):
            chat(name, agent=False)
    assert "2 chats wait for a person" in page(client_for(bob, "acme"))
    Membership.objects.filter(user=bob).update(role=Role.FINANCE)
    assert "wait for a person" not in page(client_for(bob, "acme"))
