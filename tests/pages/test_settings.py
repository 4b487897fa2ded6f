"""Settings: teams, canned responses and WhatsApp numbers, by role and from outside."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django_tenants.utils import tenant_context
from pytest_httpserver import HTTPServer

from apps.compass.services import agent_create
from apps.core.hours import spans_of
from apps.desktop.models import CannedResponse, Team
from apps.desktop.services.team import team_create
from apps.tenants.models import Membership, Role, Route, Tenant, User
from apps.whatsapp.models import AgentPhoneMapping
from apps.whatsapp.services.numbers import mapping_set
from tests.addresses import at
from tests.whatsapp.meta import Graph

ClientFor = Callable[[User | None, str], Client]
TEAM = {"name": "Field support", "answer_minutes": "3", "claim_minutes": "10", "next_team": ""}
NUMBER = {"phone_number_id": "1000000009", "label": "Shop", "display_number": "+15550100009", "enabled": "on"}
OWN = {"access_token": "secret-token"}


def test_a_team_is_made_and_changed(admin: Client, acme: Tenant, alice: User, bob: User) -> None:
    assert "No team yet" in admin.get(at("teams")).content.decode()
    answer = admin.post(at("team-new"), {**TEAM, "members": [str(bob.pk)]})
    assert answer.status_code == 302 and answer["Location"] == at("teams")
    with tenant_context(acme):
        team = Team.objects.get()
        assert (team.slug, team.answer_seconds, team.claim_seconds) == ("field-support", 180, 600)
        assert [member.user_id for member in team.members.all()] == [bob.pk]
    answer = admin.post(at("team-edit", team.pk), {**TEAM, "name": "Support", "members": [str(alice.pk), str(bob.pk)]})
    assert answer.status_code == 302
    with tenant_context(acme):
        team.refresh_from_db()
        assert (team.name, team.slug, team.members.count()) == ("Support", "field-support", 2)
    page = admin.get(at("teams")).content.decode()
    assert "Support" in page and "Alice" in page and "Bob" in page


def test_teams_of_one_name_get_slugs_of_their_own(admin: Client, acme: Tenant) -> None:
    for _ in range(2):
        assert admin.post(at("team-new"), TEAM).status_code == 302
    with tenant_context(acme):
        assert set(Team.objects.values_list("slug", flat=True)) == {"field-support", "field-support-2"}


def test_a_circle_of_teams_is_refused_in_words(admin: Client, acme: Tenant) -> None:
    with tenant_context(acme):
        first = team_create(slug="first", name="First")
        second = team_create(slug="second", name="Second", next_team=first)
    answer = admin.post(at("team-edit", first.pk), {**TEAM, "next_team": str(second.pk)})
    assert answer.status_code == 422 and "lead back to it" in answer.content.decode()
    with tenant_context(acme):
        assert Team.objects.get(pk=first.pk).next_team is None


def test_a_stranger_cannot_be_a_member(admin: Client, acme: Tenant, charlie: User) -> None:
    assert admin.post(at("team-new"), {**TEAM, "members": [str(charlie.pk)]}).status_code == 422
    with tenant_context(acme):
        assert not Team.objects.exists()


def test_a_team_is_deleted(admin: Client, acme: Tenant) -> None:
    with tenant_context(acme):
        team = team_create(slug="first", name="First")
    assert admin.get(at("team-delete", team.pk)).status_code == 405
    assert admin.post(at("team-delete", team.pk)).status_code == 302
    with tenant_context(acme):
        assert not Team.objects.exists()
    assert admin.get(at("team-edit", team.pk)).status_code == 404


def test_a_canned_response_is_made_changed_and_deleted(admin: Client, acme: Tenant) -> None:
    given = {"shortcut": "hours", "title": "Opening hours", "text": "Hello {name}, we are open nine to five."}
    assert admin.post(at("response-new"), given).status_code == 302
    with tenant_context(acme):
        canned = CannedResponse.objects.get()
    again = admin.post(at("response-new"), {**given, "text": "Something else."})
    assert again.status_code == 422 and "taken" in again.content.decode()
    assert admin.post(at("response-edit", canned.pk), {**given, "text": "From nine."}).status_code == 302
    with tenant_context(acme):
        canned.refresh_from_db()
        assert canned.text == "From nine."
    assert "/hours" in admin.get(at("responses")).content.decode()
    assert admin.post(at("response-delete", canned.pk)).status_code == 302
    with tenant_context(acme):
        assert not CannedResponse.objects.exists()


@pytest.fixture
def meta(httpserver: HTTPServer, settings: Any) -> Graph:
    """Meta, which shows the number to the company's own token."""
    settings.WHATSAPP_GRAPH_URL = httpserver.url_for("").rstrip("/")
    graph = Graph(httpserver)
    graph.seen_by = {NUMBER["phone_number_id"]: OWN["access_token"]}
    return graph


@pytest.fixture
def agent_id(acme: Tenant) -> str:
    with tenant_context(acme):
        return str(agent_create(slug="reception", name="Reception", language="en", config={}).pk)


def test_a_number_goes_to_an_agent(admin: Client, acme: Tenant, agent_id: str, meta: Graph) -> None:
    hours = {"limited": "on", "hours_mon": "9-12, 13:00-17:30", "timezone": "Europe/Berlin", "out_of_hours": "message"}
    answer = admin.post(
        at("whatsapp-number-new"),
        {**NUMBER, **hours, "agent": agent_id, "out_of_hours_text": "We are closed.", **OWN},
    )
    assert answer.status_code == 302
    with tenant_context(acme):
        mapping = AgentPhoneMapping.objects.get()
        assert str(mapping.agent_id) == agent_id and mapping.access_token == "secret-token"
        assert mapping.business_hours["mon"] == [["09:00", "12:00"], ["13:00", "17:30"]] and mapping.business_hours["tue"] == []
    assert Route.objects.get(kind=Route.Kind.WHATSAPP_NUMBER).tenant == acme
    page = admin.get(at("whatsapp-number-edit", mapping.pk)).content.decode()
    assert "secret-token" not in page and "09:00-12:00, 13:00-17:30" in page
    assert "Reception" in admin.get(at("numbers")).content.decode()


def test_a_saved_number_keeps_its_token_and_its_id(admin: Client, acme: Tenant, agent_id: str) -> None:
    with tenant_context(acme):
        mapping = mapping_set(phone_number_id="1000000009", agent_id=agent_id, access_token="secret-token")
    given = {**NUMBER, "phone_number_id": "77", "agent": agent_id, "label": "Other"}
    assert admin.post(at("whatsapp-number-edit", mapping.pk), given).status_code == 302
    with tenant_context(acme):
        kept = AgentPhoneMapping.objects.get()
        assert (kept.phone_number_id, kept.label, kept.access_token) == ("1000000009", "Other", "secret-token")
    taken = admin.post(at("whatsapp-number-new"), {**NUMBER, "agent": agent_id})
    assert taken.status_code == 422 and "mapped already" in taken.content.decode()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"agent": ""}, "Say who answers"),
        ({"access_token": ""}, "shows that the number is yours"),
        ({"access_token": "another"}, "does not show this number"),
        ({"limited": "on"}, "hours of at least one day"),
        ({"hours_mon": "nine to five", "limited": "on"}, "09:00-17:00"),
        ({"timezone": "Mars/Olympus"}, "no time zone"),
        ({"phone_number_id": "+1 555"}, "digits only"),
        ({"limited": "on", "hours_mon": "9-17", "out_of_hours": "message"}, "told out of hours"),
    ],
    ids=["nobody", "no-token", "other-token", "no-hours", "hours", "zone", "id", "no-text"],
)
def test_what_cannot_be_is_said(
    admin: Client, acme: Tenant, agent_id: str, meta: Graph, given: dict[str, Any], says: str
) -> None:
    answer = admin.post(at("whatsapp-number-new"), {**NUMBER, **OWN, "agent": agent_id, **given})
    assert answer.status_code == 422 and says in answer.content.decode()
    with tenant_context(acme):
        assert not AgentPhoneMapping.objects.exists()


def test_another_tenants_number_cannot_be_taken(admin: Client, acme: Tenant, globex: Tenant, agent_id: str, meta: Graph) -> None:
    with tenant_context(globex):
        mapping_set(phone_number_id="1000000009", team=team_create(slug="all", name="All").slug)
    answer = admin.post(at("whatsapp-number-new"), {**NUMBER, **OWN, "agent": agent_id})
    assert answer.status_code == 422 and "another tenant" in answer.content.decode()
    assert Route.objects.get(kind=Route.Kind.WHATSAPP_NUMBER).tenant == globex


def test_spans_are_read() -> None:
    assert spans_of("") == []
    assert spans_of("9-17") == [["09:00", "17:00"]]
    assert spans_of("22:00-24:00") == [["22:00", "24:00"]]
    for wrong in ("25:00-26:00", "9", "9-9", "09:61-10:00"):
        with pytest.raises(ValueError):
            spans_of(wrong)


PAGES = ("teams", "team-new", "responses", "response-new", "whatsapp-number-new")


@pytest.mark.parametrize("name", PAGES)
def test_settings_by_role(client_for: ClientFor, acme: Tenant, alice: User, bob: User, charlie: User, name: str) -> None:
    assert client_for(alice, "acme").get(at(name)).status_code == 200
    assert client_for(bob, "acme").get(at(name)).status_code == 403
    assert client_for(bob, "acme").post(at(name), TEAM).status_code in (403, 405)
    assert client_for(charlie, "acme").get(at(name)).status_code in (302, 403, 404)
    assert client_for(None, "acme").get(at(name)).status_code == 302
    Membership.objects.filter(user=alice, tenant=acme).update(role=Role.SUPERVISOR)
    assert client_for(alice, "acme").get(at(name)).status_code == (403 if name.startswith("whatsapp") else 200)
