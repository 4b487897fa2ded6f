"""/api/v1/whatsapp/numbers: mapped, changed in part, by role and scope, one company's only."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.test import Client
from django_tenants.utils import tenant_context

from apps.compass.services import agent_create
from apps.tenants.keys import api_key_create
from apps.tenants.models import Route, Tenant, User
from apps.whatsapp.models import AgentPhoneMapping
from tests.desktop.test_races import at_once
from tests.whatsapp.meta import Graph

pytestmark = pytest.mark.django_db
ClientFor = Callable[[User | None, str], Client]
JSON = "application/json"
AT = "/api/v1/whatsapp/numbers"
HOURS = {"mon": [["09:00", "12:00"], ["13:00", "17:00"]], "fri": [["09:00", "15:00"]]}
TOKEN = "EAAG-canary-0123456789"
OWN = {"access_token": TOKEN}


@pytest.fixture(autouse=True)
def meta(graph: Graph) -> Graph:
    """Meta, which shows the numbers of these tests to the company's token."""
    graph.seen_by = dict.fromkeys(("106540352242922", "1001", "1002", "1003"), TOKEN)
    return graph


def program(tenant: Tenant, *scopes: str) -> Client:
    _, key = api_key_create(tenant=tenant, name="sync", scopes=scopes)
    return Client(headers={"host": f"{tenant.schema_name}.localhost", "authorization": f"Api-Key {key}"})


@pytest.fixture
def key(acme: Tenant) -> Client:
    return program(acme, "numbers:write")


@pytest.fixture
def agent(acme: Tenant) -> str:
    with tenant_context(acme):
        return str(agent_create(slug="reception", name="Reception", language="en", config={}).pk)


@pytest.fixture
def made(key: Client, agent: str) -> dict[str, Any]:
    given = {"phone_number_id": "106540352242922", "agent_id": agent, "label": "Shop", "access_token": TOKEN}
    answer = key.post(AT, given, content_type=JSON)
    assert answer.status_code == 201
    return answer.json()


def test_a_number_is_mapped_and_its_token_never_answered(key: Client, acme: Tenant, made: dict[str, Any], agent: str) -> None:
    assert (made["agent_id"], made["has_access_token"], made["business_hours"]) == (agent, True, {})
    assert Route.objects.get(kind="whatsapp_number", external_id="106540352242922").tenant == acme
    for answer in (key.get(AT), key.get(f"{AT}/{made['id']}")):
        assert TOKEN not in answer.content.decode() and '"access_token"' not in answer.content.decode()


def test_hours_and_mapping_are_changed_and_the_rest_stays(key: Client, acme: Tenant, made: dict[str, Any]) -> None:
    change = {"business_hours": HOURS, "timezone": "Europe/Berlin", "out_of_hours": "message", "out_of_hours_text": "Closed."}
    answer = key.patch(f"{AT}/{made['id']}", change, content_type=JSON)
    assert answer.status_code == 200
    assert answer.json() == {**made, **change}
    key.patch(f"{AT}/{made['id']}", {"enabled": False}, content_type=JSON)
    with tenant_context(acme):
        row = AgentPhoneMapping.objects.get()
    assert (row.business_hours, row.timezone, row.enabled, row.access_token) == (HOURS, "Europe/Berlin", False, TOKEN)


def test_lists_go_by_pages(key: Client, agent: str) -> None:
    for number in ("1001", "1002", "1003"):
        key.post(AT, {"phone_number_id": number, "agent_id": agent, **OWN}, content_type=JSON)
    first = key.get(AT, {"limit": 2}).json()
    assert [one["phone_number_id"] for one in first["results"]] == ["1003", "1002"]
    assert [one["phone_number_id"] for one in key.get(first["next"]).json()["results"]] == ["1001"]


def test_a_deleted_number_is_free_again(key: Client, made: dict[str, Any]) -> None:
    assert key.delete(f"{AT}/{made['id']}").status_code == 204
    assert key.get(f"{AT}/{made['id']}").status_code == 404 and not Route.objects.exists()


def test_a_number_is_mapped_once(key: Client, globex: Tenant, made: dict[str, Any], agent: str) -> None:
    again = key.post(AT, {"phone_number_id": "106540352242922", "agent_id": agent, **OWN}, content_type=JSON)
    assert (again.status_code, again.json()["code"]) == (409, "number_exists")
    with tenant_context(globex):
        theirs = str(agent_create(slug="desk", name="Desk", language="en", config={}).pk)
    stolen = program(globex, "numbers:write").post(
        AT, {"phone_number_id": "106540352242922", "agent_id": theirs, **OWN}, content_type=JSON
    )
    assert stolen.status_code == 422 and "another tenant" in stolen.json()["detail"]
    with tenant_context(globex):
        assert not AgentPhoneMapping.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_two_who_add_a_number_at_once_one_does(acme: Tenant, agent: str) -> None:
    clients = [program(acme, "numbers:write") for _ in range(4)]
    given = {"phone_number_id": "1001", "agent_id": agent, "label": "Shop", **OWN}
    answers = at_once(acme, *(partial(client.post, AT, given, content_type=JSON) for client in clients))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert {answer.json().get("code") for answer in answers} == {None, "number_exists"}
    with tenant_context(acme):
        assert AgentPhoneMapping.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_companies_that_add_a_number_at_once_one_does(acme: Tenant, globex: Tenant, agent: str) -> None:
    with tenant_context(globex):
        theirs = str(agent_create(slug="desk", name="Desk", language="en", config={}).pk)
    asks = [
        partial(program(tenant, "numbers:write").post, AT, {"phone_number_id": "1001", "agent_id": pk, **OWN}, content_type=JSON)
        for tenant, pk in ((acme, agent), (globex, theirs))
    ]
    assert sorted(answer.status_code for answer in at_once(acme, *asks)) == [201, 422]
    assert Route.objects.filter(external_id="1001").count() == 1


def test_the_same_request_with_the_same_key_is_done_once(key: Client, agent: str) -> None:
    given = {"phone_number_id": "1001", "agent_id": agent, **OWN}
    answers = [key.post(AT, given, content_type=JSON, headers={"Idempotency-Key": "n-1"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json() and answers[1]["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "Give the access token of a system user"),
        ({"access_token": "EAAG-of-somebody-else"}, "does not show this number"),
        ({"access_token": "the-access-token"}, "does not show this number"),
    ],
    ids=["no token", "another's", "the installation's"],
)
def test_a_number_that_is_not_proven_is_not_added(key: Client, agent: str, given: dict[str, Any], says: str) -> None:
    answer = key.post(AT, {"phone_number_id": "1001", "agent_id": agent, **given}, content_type=JSON)
    assert answer.status_code == 422 and says in answer.json()["detail"]
    assert not Route.objects.exists()


def test_without_an_answer_of_metas_no_number_is_added(key: Client, agent: str, meta_settings: Any) -> None:
    meta_settings.WHATSAPP_GRAPH_URL = "http://127.0.0.1:1"
    answer = key.post(AT, {"phone_number_id": "1001", "agent_id": agent, **OWN}, content_type=JSON)
    assert answer.status_code == 422 and "Try again in a minute" in answer.json()["detail"]
    assert not Route.objects.exists()


def test_the_installations_token_is_not_asked_with(key: Client, agent: str, meta: Graph) -> None:
    key.post(AT, {"phone_number_id": "1001", "agent_id": agent}, content_type=JSON)
    key.post(AT, {"phone_number_id": "../me", "agent_id": agent, **OWN}, content_type=JSON)
    assert meta.calls == []


def test_a_number_is_called_as_meta_writes_it(key: Client, made: dict[str, Any]) -> None:
    assert made["display_number"] == "+1 555 078 3881"


@pytest.mark.parametrize(
    "wrong",
    [
        {"phone_number_id": "+49 30 1"},
        {"agent_id": None},
        {"agent_id": "01a2238d-e8ad-75e8-9e75-e02f2d81f6cb"},
        {"team": "nobodys"},
        {"business_hours": {"someday": []}},
        {"business_hours": {"mon": [["9", "x"]]}},
        {"timezone": "Mars/Olympus"},
        {"out_of_hours": "message"},
        {"label": "a\x00b"},
    ],
)
def test_what_is_wrong_is_said(key: Client, acme: Tenant, agent: str, wrong: dict[str, Any]) -> None:
    answer = key.post(AT, {"phone_number_id": "1001", "agent_id": agent, **OWN, **wrong}, content_type=JSON)
    assert answer.status_code in (400, 422) and answer["Content-Type"] == "application/problem+json"
    with tenant_context(acme):
        assert not AgentPhoneMapping.objects.exists()


def test_scopes_and_roles(client_for: ClientFor, acme: Tenant, made: dict[str, Any], bob: User, alice: User) -> None:
    address = f"{AT}/{made['id']}"
    reader, other = program(acme, "numbers:read"), program(acme, "people:write")
    assert reader.get(address).status_code == 200
    for answer in (reader.patch(address, {"label": "x"}, content_type=JSON), other.get(AT)):
        assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
    assert client_for(bob, "acme").get(AT).status_code == 403
    assert client_for(alice, "acme").patch(address, {"label": "x"}, content_type=JSON).json()["label"] == "x"


def test_the_outsider(client_for: ClientFor, globex: Tenant, charlie: User, made: dict[str, Any]) -> None:
    address = f"{AT}/{made['id']}"
    assert client_for(charlie, "acme").get(AT).status_code == 403
    theirs = program(globex, "numbers:write")
    assert theirs.get(AT).json()["results"] == []
    for answer in (theirs.get(address), theirs.patch(address, {"label": "x"}, content_type=JSON), theirs.delete(address)):
        assert answer.status_code == 404
