"""Numbers: one list of both channels, phone numbers with hours, trunks with a check and a guide; by role and by API."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django_tenants.utils import tenant_context

from apps.calls import livekit as livekit_module
from apps.calls.models import Call, PhoneNumber, SipTrunk
from apps.calls.services.numbers import number_set
from apps.calls.services.trunk_setup import trunk_setup
from apps.desktop.services.team import team_create
from apps.tenants.keys import api_key_create
from apps.tenants.models import Membership, Role, Route, Tenant, User
from apps.whatsapp.models import AgentPhoneMapping
from apps.whatsapp.services.numbers import mapping_set
from tests.addresses import at
from tests.calls.fake_livekit import FakeLiveKit
from tests.compass.factories import agent_published

ClientFor = Callable[[User | None, str], Client]
FORM = {"number": "(212) 555-0100", "label": "Front desk", "ringback": "native", "tone": "us", "enabled": "on"}
TRUNK = {"name": "Head office", "way": "address", "addresses": "203.0.113.7\n", "numbers": "+12125550100\n8801"}


@pytest.fixture
def livekit(monkeypatch: pytest.MonkeyPatch) -> FakeLiveKit:
    fake = FakeLiveKit()
    monkeypatch.setattr(livekit_module, "client", lambda: fake)
    return fake


@pytest.fixture
def agent_id(acme: Tenant) -> str:
    with tenant_context(acme):
        return str(agent_published().pk)


def text(answer: Any) -> str:
    return str(answer.content.decode())


def test_both_channels_stand_in_one_list(admin: Client, acme: Tenant, agent_id: str) -> None:
    assert "No number yet" in text(admin.get(at("numbers")))
    with tenant_context(acme):
        team_create(slug="support", name="Support")
        number_set(number="+12125550100", agent_id=agent_id, label="Front desk")
        mapping = mapping_set(phone_number_id="1000000009", team="support", display_number="+4930123456", label="Shop")
    page = text(admin.get(at("numbers")))
    assert "+1 212-555-0100" in page and 'data-copy="+12125550100"' in page and "Reception" in page
    assert "+49 30 123456" in page and "Support" in page and page.index("Front desk") < page.index("Shop")
    assert admin.post(at("whatsapp-number-delete", mapping.pk)).status_code == 302
    with tenant_context(acme):
        assert not AgentPhoneMapping.objects.exists()
    assert not Route.objects.filter(external_id="1000000009").exists()


def test_a_phone_number_is_added_changed_and_deleted(admin: Client, acme: Tenant, agent_id: str) -> None:
    hours = {"limited": "on", "hours_mon": "9-17", "out_of_hours": "message", "out_of_hours_text": "We are closed."}
    assert admin.post(at("phone-number-new"), {**FORM, "agent": agent_id, **hours}).status_code == 302
    with tenant_context(acme):
        number = PhoneNumber.objects.get()
    assert (number.number, number.ringback, number.tone) == ("+12125550100", "native", "us")
    assert number.business_hours["mon"] == [["09:00", "17:00"]] and number.out_of_hours == "message"
    page = text(admin.get(at("phone-number-edit", number.pk)))
    assert "09:00-17:00" in page and "We are closed." in page
    taken = admin.post(at("phone-number-new"), {**FORM, "number": "+1 212 555 0100", "agent": agent_id})
    assert taken.status_code == 422 and "in the list already" in text(taken)
    assert admin.post(at("phone-number-edit", number.pk), {**FORM, "agent": agent_id, "label": "Desk"}).status_code == 302
    with tenant_context(acme):
        number.refresh_from_db()
    assert (number.label, number.business_hours, number.number) == ("Desk", {}, "+12125550100")
    assert admin.post(at("phone-number-delete", number.pk)).status_code == 302
    with tenant_context(acme):
        assert not PhoneNumber.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({}, "choose one of the two"),
        ({"number": "12 3"}, "is no number"),
        ({"limited": "on"}, "hours of at least one day"),
        ({"timezone": "Mars/North"}, "no time zone"),
        ({"limited": "on", "hours_mon": "9-17", "out_of_hours": "message"}, "what callers hear"),
    ],
    ids=["nobody", "number", "hours", "zone", "closed"],
)
def test_what_is_wrong_is_said_beside_the_form(admin: Client, acme: Tenant, agent_id: str, wrong: Any, says: str) -> None:
    agent = {} if not wrong else {"agent": agent_id}
    answer = admin.post(at("phone-number-new"), {**FORM, **agent, **wrong})
    assert answer.status_code == 422 and says in text(answer)
    with tenant_context(acme):
        assert not PhoneNumber.objects.exists()


def test_an_exchange_is_connected_checked_and_deleted(admin: Client, acme: Tenant, agent_id: str, livekit: FakeLiveKit) -> None:
    made = text(admin.post(at("trunk-new"), {**TRUNK, "agent": agent_id}))
    assert "203.0.113.7" in made and "+1 212-555-0100" in made and "never shown again" not in made
    with tenant_context(acme):
        trunk = SipTrunk.objects.get()
        assert set(PhoneNumber.objects.values_list("number", flat=True)) == {"+12125550100", "8801"}
    assert livekit.rules and list(livekit.trunks) == [trunk.trunk_id]
    check = text(admin.get(at("trunk-check", trunk.pk)))
    assert "The trunk is there" in check and "No call has come through it yet" in check
    with tenant_context(acme):
        Call.objects.create(channel="sip", room_name="call_acme_1", sip_trunk_id=trunk.trunk_id)
        PhoneNumber.objects.filter(number="8801").delete()
    check = text(admin.get(at("trunk-check", trunk.pk)))
    assert "A call came through it" in check and "Add 8801 under Numbers" in check
    livekit.down = True
    assert "does not answer" in text(admin.get(at("trunk-check", trunk.pk)))
    assert admin.post(at("trunk-delete", trunk.pk)).status_code == 302
    with tenant_context(acme):
        assert SipTrunk.objects.exists(), "nothing is forgotten while LiveKit still has it"
    livekit.down = False
    admin.post(at("trunk-delete", trunk.pk))
    assert not livekit.trunks and not Route.objects.filter(kind=Route.Kind.SIP_TRUNK).exists()


def test_a_password_is_made_and_shown_once(admin: Client, acme: Tenant, livekit: FakeLiveKit) -> None:
    made = text(admin.post(at("trunk-new"), {**TRUNK, "way": "password", "addresses": "", "username": "acme-pbx"}))
    with tenant_context(acme):
        trunk = SipTrunk.objects.get()
    assert trunk.auth_password and trunk.auth_password in made
    again = text(admin.get(at("trunk", trunk.pk)))
    assert trunk.auth_password not in again and "acme-pbx" in again


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"addresses": ""}, "Write the address"),
        ({"way": "password"}, "Write the user name"),
        ({"addresses": "nowhere"}, "no address"),
    ],
    ids=["address", "user", "host"],
)
def test_a_trunk_that_cannot_be(admin: Client, acme: Tenant, livekit: FakeLiveKit, wrong: Any, says: str) -> None:
    answer = admin.post(at("trunk-new"), {**TRUNK, **wrong})
    assert answer.status_code == 422 and says in text(answer)
    assert not livekit.trunks


def test_numbers_by_role(client_for: ClientFor, acme: Tenant, alice: User, bob: User, charlie: User, agent_id: str) -> None:
    with tenant_context(acme):
        number = number_set(number="8801", agent_id=agent_id)
    assert client_for(bob, "acme").get(at("numbers")).status_code == 403
    assert client_for(charlie, "acme").get(at("numbers")).status_code == 404
    assert client_for(None, "acme").get(at("numbers")).status_code == 302
    assert client_for(charlie, "globex").get(at("phone-number-edit", number.pk)).status_code == 404
    Membership.objects.filter(user=alice, tenant=acme).update(role=Role.SUPERVISOR)
    supervisor = client_for(alice, "acme")
    page = text(supervisor.get(at("numbers")))
    assert "8801" in page and at("phone-number-edit", number.pk) not in page and at("trunk-new") not in page
    assert supervisor.get(at("phone-number-edit", number.pk)).status_code == 403
    assert supervisor.post(at("phone-number-delete", number.pk)).status_code == 403


def test_a_trunk_is_changed(admin: Client, acme: Tenant, agent_id: str, livekit: FakeLiveKit) -> None:
    admin.post(at("trunk-new"), {**TRUNK, "agent": agent_id})
    with tenant_context(acme):
        trunk = SipTrunk.objects.get()
    edit = at("trunk-edit", trunk.pk)
    assert edit in text(admin.get(at("trunk", trunk.pk))) and "203.0.113.7" in text(admin.get(edit))
    given = {"name": "Factory", "addresses": "203.0.113.8\n10.0.0.0/8", "numbers": "8802, 8803"}
    assert admin.post(edit, given).status_code == 302
    made = livekit.trunks[trunk.trunk_id]
    assert (made.name, made.numbers, made.allowed_addresses) == ("Factory", ("8802", "8803"), ("203.0.113.8", "10.0.0.0/8"))
    assert "Factory" in text(admin.get(at("trunk", trunk.pk)))
    for wrong, says in ({"addresses": ""}, "Say who may call"), ({"numbers": "a b"}, "is no number"):
        refused = admin.post(edit, {**given, **wrong})
        assert refused.status_code == 422 and says in text(refused)
    livekit.down = True
    assert admin.post(edit, given).status_code == 422 and livekit.trunks[trunk.trunk_id] == made


def test_a_trunk_gets_a_new_password(admin: Client, acme: Tenant, client_for: Any, bob: User, livekit: FakeLiveKit) -> None:
    admin.post(at("trunk-new"), {**TRUNK, "way": "password", "addresses": "", "username": "acme-pbx"})
    with tenant_context(acme):
        trunk = SipTrunk.objects.get()
    renew = at("trunk-password", trunk.pk)
    assert renew in text(admin.get(at("trunk", trunk.pk)))
    assert client_for(bob, "acme").post(renew).status_code == 403
    livekit.down = True
    assert "LiveKit is down" in text(admin.post(renew, follow=True))
    livekit.down = False
    answer = admin.post(renew)
    made = livekit.trunks[trunk.trunk_id].auth_password
    assert made != trunk.auth_password and made in text(answer) and "no-store" in answer["Cache-Control"]
    assert made not in text(admin.get(at("trunk", trunk.pk)))


def test_the_api_of_numbers_and_trunks(acme: Tenant, globex: Tenant, agent_id: str, livekit: FakeLiveKit) -> None:
    client = program(acme)
    made = client.post("/api/v1/numbers", {"number": "8801", "agent_id": agent_id}, content_type="application/json")
    assert made.status_code == 201, made.content
    one = f"/api/v1/numbers/{made.json()['id']}"
    changed = client.patch(one, {"label": "Desk", "timezone": "Europe/Berlin"}, content_type="application/json").json()
    assert (changed["label"], changed["timezone"], changed["agent_id"]) == ("Desk", "Europe/Berlin", agent_id)
    assert [row["number"] for row in client.get("/api/v1/numbers").json()["results"]] == ["8801"]
    assert program(globex).get(one).json()["code"] == "unknown_number"
    assert client.delete(one).status_code == 204 and client.get(one).status_code == 404
    wish = {"name": "3CX", "numbers": ["8801"], "username": "pbx"}
    trunk = client.post("/api/v1/trunks", wish, content_type="application/json").json()
    assert trunk["password"] and "password" not in client.get(f"/api/v1/trunks/{trunk['id']}").json()
    again = client.post("/api/v1/trunks", wish, content_type="application/json")
    assert (again.status_code, again.json()["code"]) == (422, "refused") and "3CX" in again.json()["detail"]
    livekit.down = True
    assert client.delete(f"/api/v1/trunks/{trunk['id']}").json()["code"] == "livekit_unreachable"
    livekit.down = False
    assert client.delete(f"/api/v1/trunks/{trunk['id']}").status_code == 204


def test_a_trunk_leaves_numbers_of_others_alone(acme: Tenant, agent_id: str, livekit: FakeLiveKit) -> None:
    with tenant_context(acme):
        other = agent_published("other")
        number_set(number="8801", agent_id=other.pk)
        trunk_setup(name="3CX", numbers=["8801"], addresses=["203.0.113.7"], agent_id=agent_id)
        assert PhoneNumber.objects.get().agent_id == other.pk


def program(tenant: Tenant) -> Client:
    _, key = api_key_create(tenant=tenant, name="crm", scopes=["numbers:write"])
    return Client(headers={"host": f"{tenant.schema_name}.localhost", "authorization": f"Api-Key {key}"})
