"""The documents' pages, their API and the agents' tool, by role and from outside."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django_tenants.utils import tenant_context
from pytest_django import Settings

from apps.compass.models import Document
from apps.tenants.models import Membership, Role, Tenant, User
from tests.compass.factories import agent_published, bearer, public_get, public_post
from tests.compass.knowledge_side import HOURS, embeddings_serving, indexed, picture, upload

pytestmark = pytest.mark.django_db
ClientFor = Callable[[User | None, str], Client]
PAGE = "/compass/knowledge/"


@pytest.fixture(scope="module")
def embeddings() -> Iterator[str]:
    with embeddings_serving() as address:
        yield address


@pytest.fixture(autouse=True)
def _local(settings: Settings, embeddings: str, tmp_path: Path) -> None:
    settings.EMBEDDING_MODEL = "all-minilm-l6-v2"
    settings.EMBEDDING_DEFAULTS = {"api_key": "local", "base_url": embeddings}
    settings.MEDIA_ROOT = str(tmp_path)
    settings.MULTITENANT_RELATIVE_MEDIA_ROOT = "%s"  # its change is what has the storage look again


@pytest.fixture
def ready(acme: Tenant) -> Document:
    with tenant_context(acme):
        return indexed()


def as_role(client_for: ClientFor, person: User, role: Role) -> Client:
    Membership.objects.filter(user=person).update(role=role)
    return client_for(person, "acme")


def file(name: str = "hours.md", data: bytes = HOURS) -> dict[str, Any]:
    return {"file": SimpleUploadedFile(name, data)}


def test_the_list_says_what_to_do_first(client_for: ClientFor, alice: User) -> None:
    page = client_for(alice, "acme").get(PAGE).content.decode()
    assert "No document yet" in page
    assert "Upload documents" in page


def test_an_upload_is_listed_and_shown_as_read(client_for: ClientFor, alice: User, ready: Document) -> None:
    client = client_for(alice, "acme")
    assert "hours" in client.get(PAGE).content.decode()
    page = client.get(f"{PAGE}{ready.pk}/").content.decode()
    assert "Acme › Parking" in page
    assert "two hours are free" in page


def test_a_script_uploads_and_hears_why_not(client_for: ClientFor, alice: User, acme: Tenant) -> None:
    client = client_for(alice, "acme")
    told = {"x-requested-with": "XMLHttpRequest"}
    assert client.post(f"{PAGE}upload", file(), headers=told).status_code == 201
    refused = client.post(f"{PAGE}upload", file("a.png", picture()), headers=told)
    assert refused.status_code == 422
    assert "picture" in refused.json()["error"]
    with tenant_context(acme):
        assert [document.created_by for document in Document.objects.all()] == [alice.pk]


def test_the_search_shows_score_words_and_source(client_for: ClientFor, alice: User, ready: Document) -> None:
    page = client_for(alice, "acme").get(f"{PAGE}search", {"q": "are you open on Sundays?"}).content.decode()
    assert '<mark class="hit">Sundays</mark>' in page
    assert "Acme › Opening hours" in page
    assert "Score" in page
    nothing = client_for(alice, "acme").get(f"{PAGE}search", {"q": "xylophone"}).content.decode()
    assert "would find nothing" in nothing


def test_a_name_from_outside_is_only_text(client_for: ClientFor, alice: User, acme: Tenant) -> None:
    with tenant_context(acme):
        document = indexed("x.txt", b"<script>alert(1)</script> is what it says about parking.")
    client = client_for(alice, "acme")
    for path in (f"{PAGE}{document.pk}/", f"{PAGE}search?q=parking"):
        assert "<script>alert" not in client.get(path).content.decode()


@pytest.mark.parametrize(
    ("action", "state"), [("reindex", "queued"), ("stop", "ready"), ("save", "ready"), ("delete", None)], ids=str
)
def test_admins_change_documents(
    client_for: ClientFor, alice: User, acme: Tenant, ready: Document, action: str, state: str
) -> None:
    client = client_for(alice, "acme")
    assert client.post(f"{PAGE}{ready.pk}/{action}", {"name": "New name"}).status_code == 302
    with tenant_context(acme):
        found = Document.objects.filter(pk=ready.pk).first()
        assert (found.state if found else None) == state


@pytest.mark.parametrize("role", [Role.SUPERVISOR, Role.AGENT, Role.FINANCE])
def test_others_change_nothing(client_for: ClientFor, bob: User, acme: Tenant, ready: Document, role: Role) -> None:
    client = as_role(client_for, bob, role)
    assert client.get(PAGE).status_code == (200 if role == Role.SUPERVISOR else 403)
    assert client.post(f"{PAGE}upload", file()).status_code == 403
    assert client.post(f"{PAGE}{ready.pk}/delete").status_code == 403
    assert client.delete(f"/api/v1/knowledge/{ready.pk}").status_code == 403
    assert client.get("/api/v1/knowledge").status_code == (200 if role == Role.SUPERVISOR else 403)


def test_the_outsider_sees_nothing(client_for: ClientFor, charlie: User, ready: Document) -> None:
    assert client_for(charlie, "acme").get(PAGE).status_code == 404
    globex = client_for(charlie, "globex")
    assert globex.get(f"{PAGE}{ready.pk}/").status_code == 404
    assert globex.get(f"/api/v1/knowledge/{ready.pk}").status_code == 404
    assert globex.get("/api/v1/knowledge/search", {"query": "opening hours"}).json()["passages"] == []


def test_programs_add_search_and_delete(client_for: ClientFor, alice: User, acme: Tenant) -> None:
    client = client_for(alice, "acme")
    made = client.post("/api/v1/knowledge", file())
    assert made.status_code == 201
    assert made.json()["state"] == "queued"
    one = f"/api/v1/knowledge/{made.json()['id']}"
    assert client.post(f"{one}/reindex").status_code == 202
    assert client.get("/api/v1/knowledge").json()["results"][0]["name"] == "hours"
    assert client.delete(one).status_code == 204
    assert client.get(one).status_code == 404
    assert client.post("/api/v1/knowledge", {}).status_code == 400
    refused = client.post("/api/v1/knowledge", {"address": "nowhere"})
    assert (refused.status_code, refused.json()["code"]) == (422, "refused")


def test_an_agent_searches_and_names_its_source(acme: Tenant, ready: Document) -> None:
    with tenant_context(acme):
        knowledge = {"documents": [str(ready.pk)], "mode": "tool", "top_k": 1}
        agent = agent_published("knowing", knowledge=knowledge)
    headers = bearer("acme", agent.pk)
    offered = public_get(f"/agents/{agent.pk}", headers).json()["tools"]
    assert [tool["name"] for tool in offered] == ["search_knowledge"]
    path = f"/agents/{agent.pk}/tools/search_knowledge"
    answer = public_post(path, {"arguments": {"query": "open on Sunday"}}, headers).json()
    passage = answer["result"]["passages"][0]
    assert "closed on Sundays" in passage["text"]
    assert passage["source"]["document"] == "hours"
    assert passage["source"]["heading"] == "Acme › Opening hours"


def test_an_agent_that_looks_up_before_each_turn_can_still_be_asked(acme: Tenant, ready: Document) -> None:
    with tenant_context(acme):
        agent = agent_published("knowing", knowledge={"documents": "all"})
    headers = bearer("acme", agent.pk)
    config = public_get(f"/agents/{agent.pk}", headers).json()
    assert config["tools"] == []
    assert config["knowledge"] == {"documents": "all", "mode": "always", "top_k": 4}
    path = f"/agents/{agent.pk}/tools/search_knowledge"
    assert public_post(path, {"arguments": {"query": "garage"}}, headers).json()["result"]["passages"]


def test_an_agent_without_documents_has_no_search(acme: Tenant, ready: Document) -> None:
    with tenant_context(acme):
        agent = agent_published("plain")
    answer = public_post(f"/agents/{agent.pk}/tools/search_knowledge", {"arguments": {"query": "x"}}, bearer("acme", agent.pk))
    assert answer.status_code == 404


def test_the_list_names_the_agents_that_use_a_document(client_for: ClientFor, alice: User, acme: Tenant) -> None:
    with tenant_context(acme):
        document = upload("hours.md", HOURS)
        agent_published("knowing", knowledge={"documents": [str(document.pk)]})
    assert "Knowing" in client_for(alice, "acme").get(PAGE).content.decode()


def test_the_editors_tab_offers_the_documents_and_reads_the_choice(acme: Tenant, ready: Document, alice: User) -> None:
    from django.http import HttpRequest, QueryDict
    from django.template.loader import render_to_string

    from apps.compass.editor import Editing, tabs_all

    tab = next(tab for tab in tabs_all() if tab.name == "knowledge")
    assert tab.context is not None
    assert tab.read is not None
    with tenant_context(acme):
        agent = agent_published("knowing", knowledge={"documents": [str(ready.pk)], "mode": "tool"})
        version = agent.versions.get()
        editing = Editing(HttpRequest(), agent, version, version.config, True)
        shown = render_to_string(tab.template, {"tab": tab.context(editing), "editing": editing})
    assert f'value="{ready.pk}"' in shown
    assert 'value="tool"' in shown
    posted = QueryDict(f"knowledge_choice=chosen&knowledge_documents={ready.pk}&knowledge_mode=tool&knowledge_top_k=3")
    assert tab.read(posted) == {"knowledge": {"documents": [str(ready.pk)], "mode": "tool", "top_k": 3}}
    assert tab.read(QueryDict("knowledge_choice=all"))["knowledge"]["documents"] == "all"
    assert tab.read(QueryDict("")) == {}
