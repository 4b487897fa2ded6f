"""/api/v1/calls: programs and people read calls, each what they may."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from django_tenants.utils import tenant_context

from apps.calls.models import Call
from apps.core.ids import uuid7
from apps.tenants.keys import api_key_create
from apps.tenants.models import Role, Tenant, User
from apps.tenants.services import person_add
from tests.pages.factories import TALK, bill, call_make, talk_make

pytestmark = pytest.mark.django_db
ClientFor = Callable[[User | None, str], Client]
CALLS = "/api/v1/calls"


@pytest.fixture
def talked(acme: Tenant) -> Call:
    with tenant_context(acme):
        call = call_make(caller_name="Maria Gonzales", from_number="+14155550123")
        talk_make(call)
        bill(call, acme)
        return call


@pytest.fixture
def program(acme: Tenant) -> Callable[..., Client]:
    def build(*scopes: str, tenant: Tenant = acme) -> Client:
        _, key = api_key_create(tenant=tenant, name="shop", scopes=list(scopes))
        return Client(headers={"host": "acme.localhost", "authorization": f"Api-Key {key}"})

    return build


def test_a_program_reads_a_call_whole(talked: Call, program: Callable[..., Client]) -> None:
    answer = program("calls:read", "billing:read").get(f"{CALLS}/{talked.pk}").json()
    assert (answer["id"], answer["agent"], answer["state"], answer["duration"]) == (
        str(talked.pk),
        "reception",
        "completed",
        61.4,
    )
    assert [(one["speaker"], one["text"]) for one in answer["said"]] == [(who, text) for who, text, _at in TALK]
    assert [one["sentiment"] for one in answer["said"]] == [None, -0.62, None, 0.78, None]
    assert [one["latency"] for one in answer["said"]] == [None, None, 0.92, None, 1.31]
    assert answer["said"][2]["interrupted"] is True
    [tool] = answer["tools"]
    assert (tool["name"], tool["ok"], tool["duration"], tool["error"]) == ("order_status", True, 0.21, None)
    assert answer["cost"]["total"] == "0.032122" and answer["cost"]["currency"] == "USD"
    assert answer["cost"]["parts"]["tts"] == "0.015500"


def test_words_and_money_are_for_those_who_may(talked: Call, program: Callable[..., Client], client_for: ClientFor) -> None:
    acme = Tenant.objects.get(schema_name="acme")
    fay = person_add(tenant=acme, email="fay@acme.test", role=Role.FINANCE).user
    seen = {}
    for name, client in {
        "alice": client_for(User.objects.get(email="alice@acme.test"), "acme"),
        "bob": client_for(User.objects.get(email="bob@acme.test"), "acme"),
        "fay": client_for(fay, "acme"),
        "key": program("calls:read"),
    }.items():
        answer = client.get(f"{CALLS}/{talked.pk}").json()
        seen[name] = (answer["said"] is not None, answer["tools"] is not None, answer["cost"] is not None)
    assert seen == {
        "alice": (True, True, True),
        "bob": (True, True, False),
        "fay": (False, False, True),
        "key": (True, True, False),
    }


def test_the_list_is_narrowed_and_paged(talked: Call, acme: Tenant, program: Callable[..., Client]) -> None:
    with tenant_context(acme):
        running = call_make(ago=60, lasted=None, channel="sip", from_number="+493012345678", agent_slug="sales")
        trial = call_make(ago=30, trial=True)
    client = program("calls:read")

    def ids(**query: str) -> list[str]:
        return [one["id"] for one in client.get(CALLS, query).json()["results"]]

    today = timezone.now().date()
    assert ids() == [str(running.pk), str(talked.pk)]
    assert ids(state="live") == ids(channel="sip") == ids(agent="sales") == ids(q="3012345") == [str(running.pk)]
    assert ids(q="maria") == ids(state="completed") == [str(talked.pk)]
    assert ids(channel="trial") == [str(trial.pk)]
    assert ids(until=str(today - timedelta(days=2))) == [] == ids(since=str(today + timedelta(days=2)))
    first = client.get(CALLS, {"limit": "1"}).json()
    assert [one["id"] for one in first["results"]] == [str(running.pk)] and first["previous"] is None
    second = client.get(first["next"]).json()
    assert [one["id"] for one in second["results"]] == [str(talked.pk)] and second["next"] is None


@pytest.mark.parametrize(
    "query", [{"state": "odd"}, {"since": "tomorrow"}, {"until": "9999-12-31"}, {"since": "2026-02-02", "until": "2026-02-01"}]
)
def test_what_cannot_be_asked_is_told(program: Callable[..., Client], query: dict[str, str]) -> None:
    answer = program("calls:read").get(CALLS, query)
    assert answer.status_code in (400, 422) and answer.json()["errors"]


def test_others_find_nothing(
    talked: Call, globex: Tenant, program: Callable[..., Client], client_for: ClientFor, charlie: User
) -> None:
    for path in (CALLS, f"{CALLS}/{talked.pk}"):
        assert client_for(charlie, "acme").get(path).status_code == 403
        assert client_for(None, "acme").get(path).status_code in (401, 403)
        assert program("calls:read", tenant=globex).get(path).status_code == 401
        assert program("numbers:write").get(path).json()["code"] == "scope_missing"
        assert program("calls:write").delete(path).status_code == 405
    assert client_for(charlie, "globex").get(f"{CALLS}/{talked.pk}").status_code == 404
    assert client_for(charlie, "globex").get(CALLS).json()["results"] == []
    assert program("calls:read").get(f"{CALLS}/{uuid7()}").status_code == 404


def test_a_day_that_has_no_next_one_is_left_out_of_the_page(client_for: ClientFor, alice: User, talked: Call) -> None:
    assert "Maria Gonzales" in client_for(alice, "acme").get("/calls/?until=9999-12-31").content.decode()
