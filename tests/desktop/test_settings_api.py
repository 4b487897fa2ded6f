"""Teams and canned responses by API: who may change them, and what is said where it cannot be."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from apps.desktop.models import CannedResponse, Team
from apps.desktop.services.team import team_create
from apps.tenants.models import Tenant, User

ClientFor = Callable[[User | None, str], Client]
pytestmark = pytest.mark.django_db
TEAM = {"slug": "sales", "name": "Sales", "answer_seconds": 60, "members": ["bob@acme.test"]}


@pytest.fixture
def alice_asks(client_for: ClientFor, alice: User) -> Callable[..., Any]:
    client = client_for(alice, "acme")

    def ask(method: str, path: str, body: Any = None) -> Any:
        return getattr(client, method)(f"/api/v1/{path}", body, content_type="application/json")

    return ask


def test_a_team_is_made_changed_and_deleted(in_acme: Tenant, alice_asks: Callable[..., Any]) -> None:
    made = alice_asks("post", "teams", TEAM)
    assert (made.status_code, made.json()["members"], made.json()["claim_seconds"]) == (201, ["bob@acme.test"], 300)
    team_create(slug="support", name="Support")
    changed = alice_asks("patch", "teams/sales", {"next_team": "support", "members": ["alice@acme.test"]}).json()
    assert (changed["next_team"], changed["members"], changed["name"]) == ("support", ["alice@acme.test"], "Sales")
    assert alice_asks("patch", "teams/sales", {"next_team": None}).json()["next_team"] is None
    assert [team["slug"] for team in alice_asks("get", "teams").json()] == ["sales", "support"]
    assert alice_asks("delete", "teams/sales").status_code == 204
    assert alice_asks("get", "teams/sales").status_code == 404
    assert list(Team.objects.values_list("slug", flat=True)) == ["support"]


def test_what_cannot_be_is_said(in_acme: Tenant, alice_asks: Callable[..., Any]) -> None:
    strangers = alice_asks("post", "teams", {**TEAM, "members": ["charlie@globex.test"]})
    assert (strangers.status_code, "Not at this desktop: charlie@globex.test" in strangers.content.decode()) == (400, True)
    assert alice_asks("post", "teams", {**TEAM, "next_team": "none"}).status_code == 400
    alice_asks("post", "teams", TEAM)
    assert alice_asks("post", "teams", TEAM).status_code == 400
    circle = alice_asks("patch", "teams/sales", {"next_team": "sales"})
    assert (circle.status_code, "lead back to it" in circle.json()["detail"]) == (422, True)
    assert Team.objects.count() == 1


def test_a_canned_response_is_stored_and_deleted(in_acme: Tenant, alice_asks: Callable[..., Any]) -> None:
    for text in ("Hello {name}!", "Good day {name}!"):
        assert alice_asks("put", "canned-responses/hello", {"title": "Greeting", "text": text}).status_code == 200
    assert CannedResponse.objects.get().text == "Good day {name}!"
    assert [row["shortcut"] for row in alice_asks("get", "canned-responses").json()] == ["hello"]
    assert alice_asks("delete", "canned-responses/hello").status_code == 204
    assert alice_asks("delete", "canned-responses/hello").status_code == 404


def test_others_read_at_most(in_acme: Tenant, client_for: ClientFor, bob: User, charlie: User) -> None:
    team_create(slug="support", name="Support")
    at_desk, outside = client_for(bob, "acme"), client_for(charlie, "acme")
    assert at_desk.get("/api/v1/teams/support").status_code == 200
    for client, expected in ((at_desk, {403}), (outside, {403, 404})):
        for method, path in (
            ("post", "teams"),
            ("patch", "teams/support"),
            ("delete", "teams/support"),
            ("put", "canned-responses/a"),
        ):
            answer = getattr(client, method)(f"/api/v1/{path}", TEAM, content_type="application/json")
            assert answer.status_code in expected, (method, path)
    assert client_for(charlie, "globex").get("/api/v1/teams/support").status_code == 404
