"""/api/v1/trunks/{id}: a trunk is changed here and in LiveKit or not at all, and its check tells what is wrong."""

from typing import Any

import pytest
from auditlog.models import LogEntry
from django.db import DatabaseError
from django.test import Client
from django_tenants.utils import tenant_context

from apps.calls.livekit import InboundTrunk
from apps.calls.models import SipTrunk
from apps.calls.services.numbers import number_set
from apps.calls.services.trunks import sip_trunk_create, sip_trunk_password_renew
from apps.compass.models import Agent
from apps.tenants.access import ADMINS, MANAGERS
from apps.tenants.models import Tenant
from tests.calls.fake_livekit import FakeLiveKit
from tests.pages.factories import call_make
from tests.programs import ask, only_for, program

pytestmark = pytest.mark.django_db
CANARY = "s3cret-s3cret"


@pytest.fixture
def trunk(acme: Tenant, livekit: FakeLiveKit) -> SipTrunk:
    with tenant_context(acme):
        return sip_trunk_create(
            name="3CX", numbers=["801"], allowed_addresses=["10.1.2.3"], auth_user="pbx", auth_password=CANARY
        )


@pytest.fixture
def key(acme: Tenant) -> Client:
    return program(acme, "numbers:write")


def at(trunk: SipTrunk, more: str = "") -> str:
    return f"/api/v1/trunks/{trunk.pk}{more}"


def test_it_is_changed_here_and_in_livekit(key: Client, acme: Tenant, trunk: SipTrunk, livekit: FakeLiveKit) -> None:
    body = {"name": " Office ", "numbers": ["(212) 555-0100", "801", "801"], "allowed_addresses": ["10.1.2.3/8"]}
    answer = ask(key, "PATCH", at(trunk), body)
    assert (answer.status_code, answer.json()) == (200, key.get(at(trunk)).json())
    assert livekit.trunks == {trunk.trunk_id: InboundTrunk("Office", ("+12125550100", "801"), ("10.0.0.0/8",), "pbx", CANARY)}
    with tenant_context(acme):
        kept = SipTrunk.objects.get()
        assert (kept.name, kept.numbers, kept.allowed_addresses) == ("Office", ["+12125550100", "801"], ["10.0.0.0/8"])
        assert (kept.trunk_id, kept.rule_id, kept.auth_password) == (trunk.trunk_id, trunk.rule_id, CANARY)
    assert CANARY not in answer.content.decode()


def test_what_is_left_out_stays(key: Client, trunk: SipTrunk, livekit: FakeLiveKit) -> None:
    assert ask(key, "PATCH", at(trunk), {"name": "3CX"}).status_code == 200
    assert ask(key, "PATCH", at(trunk), {"allowed_addresses": []}).json()["numbers"] == ["801"]
    assert livekit.trunks[trunk.trunk_id] == InboundTrunk("3CX", ("801",), (), "pbx", CANARY)


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"name": "Other"}, 422, "choose another name"),
        ({"numbers": ["a b"]}, 422, "is no number"),
        ({"numbers": []}, 400, "numbers"),
        ({"allowed_addresses": ["10.0.0.300"]}, 422, "is no address"),
    ],
)
def test_what_cannot_be_is_told(
    key: Client, acme: Tenant, trunk: SipTrunk, livekit: FakeLiveKit, body: dict[str, Any], status: int, words: str
) -> None:
    with tenant_context(acme):
        sip_trunk_create(name="Other", numbers=["802"], allowed_addresses=["10.1.2.3"])
    before = dict(livekit.trunks)
    answer = ask(key, "PATCH", at(trunk), body)
    assert answer.status_code == status and words in answer.content.decode()
    assert livekit.trunks == before


def test_the_last_way_in_is_not_taken_away(key: Client, acme: Tenant, livekit: FakeLiveKit) -> None:
    with tenant_context(acme):
        by_address = sip_trunk_create(name="Office", numbers=["803"], allowed_addresses=["10.1.2.3"])
    refused = ask(key, "PATCH", at(by_address), {"allowed_addresses": []})
    assert refused.status_code == 422 and "Say who may call" in refused.json()["detail"]
    assert livekit.trunks[by_address.trunk_id].allowed_addresses == ("10.1.2.3",)


def test_nothing_is_changed_by_halves(
    key: Client, acme: Tenant, trunk: SipTrunk, livekit: FakeLiveKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    livekit.down = True
    away = ask(key, "PATCH", at(trunk), {"name": "Office"})
    assert (away.status_code, away.json()["code"]) == (503, "livekit_unreachable")
    livekit.down = False

    def broken(*_: Any, **__: Any) -> None:
        raise DatabaseError("The database is away.")

    with monkeypatch.context() as patch, pytest.raises(DatabaseError):
        patch.setattr(SipTrunk, "save", broken)
        ask(key, "PATCH", at(trunk), {"name": "Office"})
    assert livekit.trunks[trunk.trunk_id].name == "3CX" == key.get(at(trunk)).json()["name"]
    livekit.trunks.clear()
    lost = ask(key, "PATCH", at(trunk), {"name": "Office"})
    assert lost.status_code == 422 and "make it again" in lost.json()["detail"]


def test_the_check_tells_what_is_wrong(
    key: Client, acme: Tenant, trunk: SipTrunk, livekit: FakeLiveKit, reception: Agent
) -> None:
    told = key.get(at(trunk, "/check")).json()
    assert (told["ok"], [one["state"] for one in told["findings"]]) == (False, ["good", "good", "bad", "open"])
    assert "Add 801 under Numbers" in told["findings"][2]["next"]
    with tenant_context(acme):
        number_set(number="801", agent_id=reception.pk)
        call = call_make(channel="sip", sip_trunk_id=trunk.trunk_id)
    told = key.get(at(trunk, "/check")).json()
    assert (told["ok"], {one["state"] for one in told["findings"]}) == (True, {"good"})
    assert told["findings"][-1]["at"] == call.started_at.isoformat().replace("+00:00", "Z")
    livekit.down = True
    assert key.get(at(trunk, "/check")).json()["findings"][0]["title"] == "LiveKit's SIP service does not answer"


def test_whose_trunks_they_are(acme: Tenant, globex: Tenant, trunk: SipTrunk, livekit: FakeLiveKit) -> None:
    only_for(acme, globex, [("PATCH", at(trunk))], scope="numbers", roles=ADMINS)
    only_for(acme, globex, [("GET", at(trunk, "/check"))], scope="numbers", roles=MANAGERS)
    theirs = program(globex, "numbers:write")
    assert ask(theirs, "PATCH", at(trunk), {"name": "Mine"}).status_code == 404 == theirs.get(at(trunk, "/check")).status_code
    assert livekit.trunks[trunk.trunk_id].name == "3CX"


def test_a_new_password_is_answered_once_and_the_old_one_is_over(
    key: Client, acme: Tenant, trunk: SipTrunk, livekit: FakeLiveKit
) -> None:
    answer = ask(key, "POST", at(trunk, "/password"))
    made = answer.json()["password"]
    assert answer.status_code == 200 and len(made) == 24 and made != CANARY
    assert livekit.trunks == {trunk.trunk_id: InboundTrunk("3CX", ("801",), ("10.1.2.3",), "pbx", made)}
    with tenant_context(acme):
        assert SipTrunk.objects.get().auth_password == made
        told = [str(entry.changes) for entry in LogEntry.objects.get_for_model(SipTrunk)]
    assert told and all(made not in one and CANARY not in one for one in told)
    assert made not in key.get(at(trunk)).content.decode()


def test_a_new_password_that_does_not_come_about_leaves_the_old_one(
    key: Client, acme: Tenant, trunk: SipTrunk, livekit: FakeLiveKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    livekit.down = True
    assert ask(key, "POST", at(trunk, "/password")).status_code == 503
    livekit.down = False

    def fails(*args: Any, **kwargs: Any) -> None:
        raise DatabaseError("The disk is full.")

    with monkeypatch.context() as broken, tenant_context(acme), pytest.raises(DatabaseError):
        broken.setattr(SipTrunk, "save", fails)
        sip_trunk_password_renew(trunk=trunk)
    assert livekit.trunks[trunk.trunk_id].auth_password == CANARY
    with tenant_context(acme):
        assert SipTrunk.objects.get().auth_password == CANARY


def test_a_trunk_by_address_has_no_password(key: Client, acme: Tenant, livekit: FakeLiveKit) -> None:
    with tenant_context(acme):
        trunk = sip_trunk_create(name="PBX", numbers=["801"], allowed_addresses=["10.1.2.3"])
    answer = ask(key, "POST", at(trunk, "/password"))
    assert answer.status_code == 422 and "no user name" in answer.json()["detail"]


def test_who_makes_a_new_password(acme: Tenant, globex: Tenant, trunk: SipTrunk) -> None:
    only_for(acme, globex, [("POST", at(trunk, "/password"))], scope="numbers", roles=ADMINS)
    assert ask(program(acme, "numbers:read"), "POST", at(trunk, "/password")).status_code == 403
