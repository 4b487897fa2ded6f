"""Several conversations at once: each under its own rules, with its own result, by API and by page."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django_tenants.utils import tenant_context

from apps.core.ids import uuid7
from apps.core.models import OutboundEffect
from apps.desktop.models import Conversation
from apps.desktop.services.conversations import conversation_claim, conversation_resolve
from apps.desktop.services.conversations.bulk import ACTIONS
from apps.desktop.services.team import colleague_set, team_create
from apps.tenants.models import Role, Tenant, User
from apps.tenants.services import person_add
from tests.desktop.factories import RecordingChannel, a_conversation, says

Clients = Callable[[User | None, str], Client]
BULK = "/api/v1/conversations/bulk"


@pytest.fixture
def three(desk: RecordingChannel) -> list[Conversation]:
    """Nobody holds them; a contact waits in each."""
    made = [a_conversation(agent=False) for _ in range(3)]
    for conversation in made:
        says(conversation)
    return made


@pytest.fixture
def carol(acme: Tenant) -> User:
    """Another agent of acme."""
    return person_add(tenant=acme, email="carol@acme.test", name="Carol", role=Role.AGENT, password="x" * 12).user


def ask(client: Client, action: str, conversations: list[Conversation], **more: Any) -> Any:
    body = {"action": action, "conversation_ids": [str(row.pk) for row in conversations], **more}
    return client.post(BULK, body, content_type="application/json")


def page(client: Client, action: str, conversations: list[Conversation], **more: str) -> dict[str, Any]:
    """What the toast says and offers."""
    data = {"ids": ",".join(str(row.pk) for row in conversations), **more}
    return toast(client.post(f"/desktop/bulk/{action}", data, headers={"hx-request": "true"}))


def toast(answer: Any) -> dict[str, Any]:
    return dict(json.loads(answer.headers["HX-Trigger"])["toast"])


def states(conversations: list[Conversation]) -> list[tuple[str, Any]]:
    rows = {row.pk: row for row in Conversation.objects.all()}
    return [(rows[one.pk].status, rows[one.pk].assignee_id) for one in conversations]


def test_what_a_colleague_holds_stays_theirs_and_the_others_are_resolved(
    three: list[Conversation], client_for: Clients, bob: User, carol: User
) -> None:
    conversation_claim(conversation_id=three[1].pk, user_id=carol.pk)
    answer = ask(client_for(bob, "acme"), "resolve", three, outcome="Solved").json()
    assert (answer["done"], answer["refused"]) == (2, 1)
    assert [row["conversation_id"] for row in answer["results"]] == [str(row.pk) for row in three]
    refused = answer["results"][1]
    assert (refused["done"], refused["status"], refused["code"]) == (False, 403, "not_allowed")
    assert refused["detail"] == "Carol holds this conversation."
    assert states(three) == [("resolved", None), ("open", carol.pk), ("resolved", None)]
    assert set(Conversation.objects.filter(status="resolved").values_list("outcome", flat=True)) == {"Solved"}


def test_a_supervisor_resolves_what_others_hold(three: list[Conversation], client_for: Clients, alice: User, carol: User) -> None:
    conversation_claim(conversation_id=three[1].pk, user_id=carol.pk)
    assert ask(client_for(alice, "acme"), "resolve", three).json()["done"] == 3


def test_nobody_takes_more_than_they_can_hold_but_may_be_given_it(
    three: list[Conversation], client_for: Clients, alice: User, bob: User
) -> None:
    colleague_set(user_id=bob.pk, capacity=2)
    answer = ask(client_for(bob, "acme"), "assign", three, assignee_id=str(bob.pk)).json()
    assert [row["code"] for row in answer["results"]] == ["", "", "at_capacity"]
    assert states(three)[2] == ("open", None)
    assert ask(client_for(alice, "acme"), "assign", three, assignee_id=str(bob.pk)).json()["done"] == 3
    assert states(three)[2] == ("open", bob.pk)


def test_who_is_given_several_is_told_once(
    three: list[Conversation], client_for: Clients, alice: User, bob: User, carol: User
) -> None:
    colleague_set(user_id=carol.pk, notify_email=True)
    conversation_resolve(conversation_id=three[0].pk, user_id=bob.pk)
    ask(client_for(alice, "acme"), "assign", three, assignee_id=str(carol.pk))
    told = OutboundEffect.objects.filter(kind="desktop.email").values_list("payload__conversation", flat=True)
    assert list(told) == [str(three[1].pk)], "of the first that became hers"


def test_done_already_is_done_and_not_changed(three: list[Conversation], client_for: Clients, bob: User) -> None:
    conversation_resolve(conversation_id=three[0].pk, user_id=bob.pk, outcome="Before")
    answer = ask(client_for(bob, "acme"), "resolve", [three[0], three[0], three[1]], outcome="Now").json()
    assert [(row["done"], row["changed"]) for row in answer["results"]] == [(True, False), (True, True)], "each once"
    assert Conversation.objects.get(pk=three[0].pk).outcome == "Before"


def test_a_team_a_snooze_and_back(three: list[Conversation], client_for: Clients, bob: User) -> None:
    client = client_for(bob, "acme")
    team_create(slug="billing", name="Billing", user_ids=[bob.pk])
    assert ask(client, "team", three, team_slug="billing").json()["done"] == 3
    assert set(Conversation.objects.values_list("team__slug", flat=True)) == {"billing"}
    later = timezone.now() + timedelta(hours=1)
    assert ask(client, "snooze", three[:2], until=later.isoformat()).json()["done"] == 2
    assert [status for status, _ in states(three)] == ["snoozed", "snoozed", "open"]
    assert (
        ask(client, "reopen", three).json()["results"][2] | {"done": True, "changed": False}
        == ask(client, "reopen", three).json()["results"][2]
    )
    assert [status for status, _ in states(three)] == ["open"] * 3


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"action": "assign"}, "not_colleague"),
        ({"action": "assign", "assignee_id": str(uuid7())}, "not_colleague"),
        ({"action": "team", "team_slug": "none"}, "unknown_team"),
        ({"action": "snooze"}, "bad_time"),
        ({"action": "snooze", "until": "2020-01-01T00:00:00Z"}, "bad_time"),
        ({"action": "delete"}, "invalid"),
        ({"action": "resolve", "conversation_ids": []}, "invalid"),
        ({"action": "resolve", "conversation_ids": [str(uuid7()) for _ in range(101)]}, "invalid"),
    ],
)
def test_what_makes_no_sense_for_any_is_refused_for_all(
    three: list[Conversation], client_for: Clients, bob: User, more: dict[str, Any], code: str
) -> None:
    body = {"conversation_ids": [str(row.pk) for row in three], **more}
    answer = client_for(bob, "acme").post(BULK, body, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (400 if code == "invalid" else 422, code)
    assert states(three) == [("open", None)] * 3


def test_the_outsider_and_finance_change_nothing(
    three: list[Conversation], acme: Tenant, client_for: Clients, charlie: User
) -> None:
    frank = person_add(tenant=acme, email="frank@acme.test", role=Role.FINANCE, password="x" * 12).user
    for who in (None, charlie, frank):
        assert ask(client_for(who, "acme"), "resolve", three).status_code in (401, 403)
    for who in (frank, charlie):
        assert client_for(who, "acme").post("/desktop/bulk/resolve", {"ids": str(three[0].pk)}).status_code in (403, 404)
    answers = [row["code"] for row in ask(client_for(charlie, "globex"), "resolve", three).json()["results"]]
    assert answers == ["unknown_conversation"] * 3, "another company's ids are nobody's there"
    with tenant_context(acme):
        assert states(three) == [("open", None)] * 3


def test_the_toast_says_what_became_of_each_and_undoes_its_own(
    three: list[Conversation], client_for: Clients, bob: User, carol: User
) -> None:
    client = client_for(bob, "acme")
    conversation_claim(conversation_id=three[1].pk, user_id=carol.pk)
    said = page(client, "resolve", three, outcome="Solved")
    assert said["text"] == "2 resolved, 1 not: claimed by Carol."
    back = toast(client.post(said["undo"], headers={"hx-request": "true"}))
    assert back["text"] == "2 back as before."
    assert states(three) == [("open", None), ("open", carol.pk), ("open", None)]


def test_undo_leaves_what_others_have_gone_on_with(
    three: list[Conversation], client_for: Clients, alice: User, bob: User, carol: User
) -> None:
    said = page(client_for(bob, "acme"), "assign", three, assignee=str(carol.pk))
    assert said["text"] == "3 assigned to Carol."
    ask(client_for(alice, "acme"), "assign", [three[0]], assignee_id=str(alice.pk))
    back = toast(client_for(bob, "acme").post(said["undo"], headers={"hx-request": "true"}))
    assert back["text"] == "2 back as before, 1 not: others have gone on with it."
    assert states(three) == [("open", alice.pk), ("open", None), ("open", None)]


def test_undo_touches_only_what_changed(three: list[Conversation], client_for: Clients, alice: User, bob: User) -> None:
    conversation_resolve(conversation_id=three[0].pk, user_id=alice.pk)
    said = page(client_for(bob, "acme"), "resolve", three[:2])
    client_for(bob, "acme").post(said["undo"], headers={"hx-request": "true"})
    assert [status for status, _ in states(three[:2])] == ["resolved", "open"], "alice had resolved the first"


def test_reasons_are_counted_where_there_are_several(
    three: list[Conversation], client_for: Clients, bob: User, carol: User
) -> None:
    conversation_claim(conversation_id=three[0].pk, user_id=carol.pk)
    conversation_resolve(conversation_id=three[1].pk, user_id=bob.pk)
    until = (timezone.now() + timedelta(hours=1)).isoformat()
    said = page(client_for(bob, "acme"), "snooze", three, until=until)
    assert said["text"] == "1 snoozed until {at}, 2 not: 1 claimed by Carol; 1 resolved already."
    assert said["at"]


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_can_be_undone(three: list[Conversation], client_for: Clients, bob: User, carol: User, action: str) -> None:
    team_create(slug="sales", name="Sales")
    conversation_claim(conversation_id=three[0].pk, user_id=bob.pk)
    if action == "reopen":
        for conversation in three:
            conversation_resolve(conversation_id=conversation.pk, user_id=bob.pk, outcome="Solved")
    names = ("status", "assignee_id", "team_id", "snoozed_until", "claim_until", "waiting_since", "resolved_at", "outcome")
    before = list(Conversation.objects.order_by("pk").values(*names))
    until = (timezone.now() + timedelta(hours=1)).isoformat()
    said = page(client_for(bob, "acme"), action, three, assignee=str(carol.pk), team="sales", until=until)
    assert list(Conversation.objects.order_by("pk").values(*names)) != before
    assert toast(client_for(bob, "acme").post(said["undo"], headers={"hx-request": "true"}))["text"] == "3 back as before."
    assert list(Conversation.objects.order_by("pk").values(*names)) == before
    if action in ("assign", "team"):
        assert "You took that back" in client_for(bob, "acme").get(f"/desktop/{three[1].pk}/").content.decode()


@pytest.mark.parametrize("action", ["assign", "team", "snooze", "resolve"])
def test_each_dialog_has_its_choices(three: list[Conversation], client_for: Clients, bob: User, action: str) -> None:
    text = client_for(bob, "acme").get(f"/desktop/bulk/{action}").content.decode()
    assert "data-bulk-ids" in text and f'hx-post="/desktop/bulk/{action}"' in text


def test_nothing_selected_and_too_much(three: list[Conversation], client_for: Clients, bob: User) -> None:
    client = client_for(bob, "acme")
    assert page(client, "resolve", [])["text"] == "Select conversations first."
    ids = ",".join(str(uuid7()) for _ in range(101))
    answer = client.post("/desktop/bulk/resolve", {"ids": ids}, headers={"hx-request": "true"})
    assert toast(answer)["text"] == "At most 100 conversations at once. Select fewer."
    assert client.post("/desktop/bulk/delete", {"ids": ids}).status_code == 404
    assert client.post("/desktop/bulk/delete/undo?ids=").status_code == 404
    assert client.post("/desktop/bulk/resolve/undo?ids=%C3%A4", headers={"hx-request": "true"}).status_code == 404
