"""The desktop's API: what sessions and keys may do, and how it says no."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.test import Client
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator

from apps.core.ids import uuid7
from apps.desktop.models import Conversation
from apps.desktop.services.conversations import conversation_claim, conversation_escalate
from apps.desktop.services.messages import attachment_upload
from apps.desktop.services.team import team_create
from apps.tenants.keys import api_key_create
from apps.tenants.models import Role, Tenant, User
from apps.tenants.services import person_add
from tests.desktop.factories import RecordingChannel, a_contact, a_conversation, says

ROOT = "/api/v1/conversations"
Clients = Callable[[User | None, str], Client]


@pytest.fixture
def waiting(desk: RecordingChannel, bob: User) -> Conversation:
    team_create(slug="support", name="Support", user_ids=[bob.pk])
    conversation = a_conversation(contact=a_contact(name="Dana"))
    says(conversation, "My parcel is lost")
    return conversation_escalate(conversation=conversation, reason="asked", team_slug="support")


@pytest.fixture
def key(desk: RecordingChannel, acme: Tenant) -> Client:
    _, secret = api_key_create(tenant=acme, name="shop", scopes=["conversations:write"])
    return Client(headers={"host": "acme.localhost", "authorization": f"Api-Key {secret}"})


def post(client: Client, path: str, body: dict[str, Any] | None = None, **headers: str) -> Any:
    return client.post(f"{ROOT}{path}", body or {}, content_type="application/json", headers=headers or None)


def refused(answer: Any, status: int, code: str) -> bool:
    assert answer.headers["Content-Type"] == "application/problem+json"
    return (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_conversation_is_claimed_answered_and_resolved(
    desk: RecordingChannel, waiting: Conversation, client_for: Clients, bob: User
) -> None:
    client = client_for(bob, "acme")
    one = f"/{waiting.pk}"
    assert client.get(f"{ROOT}?view=unassigned").json()["results"][0]["contact"]["name"] == "Dana"
    assert refused(post(client, f"{one}/messages", {"text": "Hi"}), 409, "not_assignee")
    claimed = post(client, f"{one}/claim").json()
    assert (claimed["assignee_id"], claimed["status"], claimed["team"]) == (str(bob.pk), "open", "support")
    asked = client.get(f"{ROOT}{one}/messages").json()["results"][0]
    sent = post(client, f"{one}/messages", {"text": "Found it.", "reply_to": asked["id"]})
    assert sent.status_code == 201 and sent.json()["status"] == "pending" and sent.json()["reply_to_id"] == asked["id"]
    assert [message.text for message in desk.sent] == ["Found it."]
    assert post(client, f"{one}/notes", {"text": "Was easy."}).json()["private"] is True
    assert post(client, f"{one}/read").json()["unread"] == 0
    assert post(client, f"{one}/resolve", {"outcome": "Found"}).json()["outcome"] == "Found"
    assert refused(post(client, f"{one}/messages", {"text": "Hi"}), 409, "resolved")
    assert post(client, f"{one}/reopen").json()["status"] == "open"


def test_a_conversation_is_handed_on(
    desk: RecordingChannel, waiting: Conversation, client_for: Clients, alice: User, bob: User
) -> None:
    client, one = client_for(alice, "acme"), f"/{waiting.pk}"
    assert post(client, f"{one}/assign", {"assignee_id": str(bob.pk)}).json()["assignee_id"] == str(bob.pk)
    assert refused(post(client, f"{one}/claim"), 409, "already_claimed")
    assert post(client, f"{one}/release").json()["assignee_id"] is None
    assert post(client, f"{one}/team", {"team_slug": ""}).json()["team"] is None
    assert refused(post(client, f"{one}/team", {"team_slug": "none"}), 422, "unknown_team")
    later = (timezone.now() + timedelta(hours=1)).isoformat()
    assert post(client, f"{one}/snooze", {"until": later}).json()["status"] == "snoozed"
    assert refused(post(client, f"{one}/snooze", {"until": "yesterday"}), 400, "invalid")
    assert refused(post(client, f"{one}/snooze", {"until": "2020-01-01T00:00:00Z"}), 422, "bad_time")
    assert post(client, f"{one}/ai").json()["status"] == "pending"
    assert desk.returned == [waiting]


def test_a_file_goes_with_a_reply(desk: RecordingChannel, waiting: Conversation, client_for: Clients, bob: User) -> None:
    conversation_claim(conversation_id=waiting.pk, user_id=bob.pk)
    file = attachment_upload(user_id=bob.pk, file=ContentFile(b"pdf"), name="a.pdf", mime="application/pdf")
    body = {"kind": "document", "attachments": [str(file.pk)]}
    sent = post(client_for(bob, "acme"), f"/{waiting.pk}/messages", body)
    assert sent.json()["attachments"][0]["name"] == "a.pdf"
    assert sent.json()["attachments"][0]["path"] == f"/desktop/attachments/{file.pk}"


def test_a_key_acts_for_a_colleague_it_names(key: Client, waiting: Conversation, bob: User, charlie: User) -> None:
    one = f"/{waiting.pk}"
    assert key.get(f"{ROOT}{one}").status_code == 200
    assert refused(post(key, f"{one}/claim"), 422, "user_required")
    assert refused(post(key, f"{one}/claim", None, **{"x-meridian-user": "charlie@globex.test"}), 422, "user_required")
    claimed = post(key, f"{one}/claim", None, **{"x-meridian-user": "Bob@acme.test"})
    assert claimed.json()["assignee_id"] == str(bob.pk)
    mine = key.get(f"{ROOT}?view=mine", headers={"x-meridian-user": "bob@acme.test"}).json()["results"]
    assert [row["id"] for row in mine] == [str(waiting.pk)]
    assert key.get(f"{ROOT}?view=mine").json()["results"] == []


def test_lists_come_in_pages_without_doubles(key: Client) -> None:
    at = timezone.now() - timedelta(hours=1)
    for number in range(7):
        says(a_conversation(), at=at + timedelta(minutes=number // 2))
    seen, url = [], f"{ROOT}?limit=3"
    while url:
        page = key.get(url).json()
        seen += [row["last_message_at"] for row in page["results"]]
        url = page["next"]
    assert len(seen) == 7 and seen == sorted(seen, reverse=True)


def test_who_has_waited_the_longest_comes_first_where_it_is_asked(key: Client, desk: RecordingChannel, bob: User) -> None:
    now = timezone.now()
    made = [a_conversation(agent=number != 4) for number in range(6)]  # all but one are with the AI agent
    for minutes, conversation in zip((50, 40, 30, 20, 10, 5), made, strict=True):
        says(conversation, at=now - timedelta(minutes=minutes))
    for place in (3, 1):
        conversation_escalate(conversation=made[place], reason="asked")
    seen, url = [], f"{ROOT}?view=all&sort=waiting&limit=2"
    while url:
        page = key.get(url).json()
        seen += [row["id"] for row in page["results"]]
        back, url = page["previous"], page["next"]
    assert seen == [str(made[place].pk) for place in (1, 3, 4, 5, 2, 0)]
    assert [row["id"] for row in key.get(back).json()["results"]] == seen[2:4]
    usual = [row["id"] for row in key.get(f"{ROOT}?view=unassigned").json()["results"]]
    assert usual == [str(made[place].pk) for place in (4, 3, 1)], "the latest first, unless it is asked for"


def test_the_orders_are_in_the_schema() -> None:
    schema = SchemaGenerator(urlconf="config.urls_schema").get_schema(public=True)
    given = schema["paths"]["/api/v1/conversations"]["get"]["parameters"]
    (sort,) = [one for one in given if one["name"] == "sort"]
    assert (sort["schema"]["enum"], sort["schema"]["default"]) == (["newest", "waiting"], "newest")
    assert "waited the longest" in sort["description"]


def test_messages_come_in_pages(key: Client) -> None:
    conversation = a_conversation()
    for number in range(5):
        says(conversation, f"{number}", at=timezone.now() - timedelta(minutes=9 - number))
    page = key.get(f"{ROOT}/{conversation.pk}/messages?limit=3").json()
    older = key.get(f"{ROOT}/{conversation.pk}/messages?limit=3&before={page['before']}").json()
    assert [row["text"] for row in [*older["results"], *page["results"]]] == ["0", "1", "2", "3", "4"]
    assert older["before"] is None


def test_counts_people_teams_and_events(key: Client, waiting: Conversation, client_for: Clients, bob: User) -> None:
    counts = client_for(bob, "acme").get(f"{ROOT}/counts").json()
    assert (counts["unassigned"], counts["unassigned_unread"], counts["mine"]) == (1, 1, 0)
    assert [row["name"] for row in key.get("/api/v1/colleagues").json()] == ["Alice", "Bob"]
    assert key.get("/api/v1/teams").json()[0] | {"member_count": 1, "slug": "support"} == key.get("/api/v1/teams").json()[0]
    events = key.get(f"{ROOT}/events").json()
    assert [event["type"] for event in events["results"]] == ["opened", "message", "escalated"]
    later = key.get(f"{ROOT}/events?after={events['last_event_id']}").json()
    assert later["last_event_id"] == events["last_event_id"]


@pytest.mark.parametrize(
    "query", ["view=everything", "sort=oldest", "status=lost", "q=" + "x" * 201, "view=all&team=" + "x" * 64]
)
def test_queries_that_make_no_sense(key: Client, query: str) -> None:
    assert refused(key.get(f"{ROOT}?{query}"), 400, "invalid")


def test_what_is_not_there(key: Client, waiting: Conversation) -> None:
    assert refused(key.get(f"{ROOT}/{uuid7()}"), 404, "unknown_conversation")
    assert refused(post(key, f"/{uuid7()}/claim", None, **{"x-meridian-user": "bob@acme.test"}), 404, "unknown_conversation")
    assert key.get(f"{ROOT}/not-an-id").status_code == 404


def test_bodies_that_are_refused(key: Client, waiting: Conversation) -> None:
    one, bob = f"/{waiting.pk}", {"x-meridian-user": "bob@acme.test"}
    post(key, f"{one}/claim", None, **bob)
    assert refused(post(key, f"{one}/messages", {"text": ""}, **bob), 422, "empty_message")
    assert refused(post(key, f"{one}/messages", {"text": "x" * 4097}, **bob), 400, "invalid")
    assert refused(post(key, f"{one}/messages", {"text": "a\x00b"}, **bob), 400, "invalid")
    assert refused(post(key, f"{one}/messages", {"kind": "x", "payload": {"a": ["\x00"]}}, **bob), 400, "invalid")
    assert refused(post(key, f"{one}/messages", {"kind": "x", "payload": {"a": "\ud800"}}, **bob), 400, "invalid")
    assert refused(post(key, f"{one}/assign", {"assignee_id": "bob"}, **bob), 400, "invalid")
    assert refused(post(key, f"{one}/assign", {"assignee_id": str(uuid7())}, **bob), 422, "not_colleague")
    broken = key.post(f"{ROOT}{one}/claim", "{", content_type="application/json", headers=bob)
    assert refused(broken, 400, "parse_error")


@pytest.mark.parametrize("who", ["nobody", "charlie", "frank"])
def test_outsiders_and_finance_are_refused(
    waiting: Conversation, acme: Tenant, client_for: Clients, charlie: User, who: str
) -> None:
    frank = person_add(tenant=acme, email="frank@acme.test", role=Role.FINANCE, password="x" * 12).user
    client = client_for({"nobody": None, "charlie": charlie, "frank": frank}[who], "acme")
    answers = [client.get(ROOT), client.get(f"{ROOT}/{waiting.pk}"), post(client, f"/{waiting.pk}/claim")]
    assert {answer.status_code for answer in answers} <= {401, 403}
    assert {answer.headers["Content-Type"] for answer in answers} == {"application/problem+json"}
    waiting.refresh_from_db()
    assert waiting.assignee_id is None


def test_a_session_without_its_csrf_token_changes_nothing(waiting: Conversation, bob: User) -> None:
    client = Client(enforce_csrf_checks=True, headers={"host": "acme.localhost"})
    client.force_login(bob)
    assert post(client, f"/{waiting.pk}/claim").status_code == 403


def test_the_published_schema_shows_the_tenants_api(client_for: Clients, db: None) -> None:
    schema = client_for(None, "").get("/api/schema/?format=json").json()
    claim = schema["paths"]["/api/v1/conversations/{conversation_id}/claim"]["post"]
    assert claim["summary"] == "Claim a conversation" and claim["tags"] == ["desktop"]
    assert "/api/v1/calls/token" in schema["paths"] and "/billing/calls" in schema["paths"]


def test_answers_are_as_the_schema_says(key: Client, waiting: Conversation) -> None:
    schema = SchemaGenerator(urlconf="config.urls_schema").get_schema(public=True)
    one = "/api/v1/conversations/{conversation_id}"
    for path, answer in (
        ("/api/v1/conversations", key.get(ROOT)),
        (one, key.get(f"{ROOT}/{waiting.pk}")),
        (f"{one}/messages", key.get(f"{ROOT}/{waiting.pk}/messages")),
        ("/api/v1/conversations/events", key.get(f"{ROOT}/events")),
        ("/api/v1/colleagues", key.get("/api/v1/colleagues")),
        ("/api/v1/teams", key.get("/api/v1/teams")),
        (one, key.get(f"{ROOT}/{uuid7()}")),
    ):
        promised = schema["paths"][path]["get"]["responses"][str(answer.status_code)]["content"]
        body = promised[answer.headers["Content-Type"]]["schema"]
        Draft202012Validator({**body, "components": schema["components"]}).validate(answer.json())
