"""The agent pages, by role and from outside: made, saved, published, compared, restored, moved and deleted."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django_tenants.utils import tenant_context

from apps.calls.models import PhoneNumber
from apps.compass.models import Agent, AgentVersion
from apps.compass.selectors.versions import version_head, version_published
from apps.compass.services import agent_draft_save
from apps.tenants.models import Membership, Role, Tenant, User
from tests.addresses import at
from tests.compass.factories import LOCAL, agent_published

pytestmark = pytest.mark.django_db
ClientFor = Callable[[User | None, str], Client]


@pytest.fixture
def agent(acme: Tenant) -> Agent:
    with tenant_context(acme):
        return agent_published()


def fields(admin: Client, agent: Agent) -> dict[str, Any]:
    """What the editor's form would send as it stands."""
    context = admin.get(at("agent", agent.slug)).context
    form = context["form"]
    values = {field.name: field.value() for field in form}
    values = {name: form[name].field.prepare_value(value) for name, value in values.items()}
    sent = {name: "on" if value is True else value for name, value in values.items() if value not in (False, None)}
    return {**sent, "base": context["row"].head.base}


def save(admin: Client, agent: Agent, **changes: Any) -> Any:
    return admin.post(at("agent-save", agent.slug), {**fields(admin, agent), **changes})


@pytest.mark.parametrize("name", ["tool_inline", "tool_partial"])
@pytest.mark.parametrize("value", ["", "{", "[1]", "1", "NaN", '"x"', "[" * 20_000, "9" * 5_000])
def test_a_tool_that_is_not_as_the_page_had_it_is_refused(admin: Client, agent: Agent, name: str, value: str) -> None:
    answer = save(admin, agent, **{name: value})
    assert answer.status_code == 422 and "Load the page again" in answer.json()["errors"][""]


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("greetings", "http: hello", "“http” is not a language code such as en or pt-BR."),
        ("variables", "1st: hello", "“1st” is no name: use letters without accents, digits and _,"),
        ("fallbacks", "x" * 121, "Line 1: At most 120 characters fit here."),
        ("phrases", "x" * 81, "Line 1: At most 80 characters fit here."),
    ],
)
def test_what_cannot_be_is_said_in_words_at_its_field(admin: Client, agent: Agent, field: str, value: str, says: str) -> None:
    answer = save(admin, agent, **{field: value})
    assert answer.status_code == 422 and says in answer.json()["errors"][field]


@pytest.mark.parametrize("value", ["9" * 5_000, "²", "99999999999999999999"])
def test_as_many_passages_as_nobody_can_count_are_refused(admin: Client, agent: Agent, value: str) -> None:
    answer = save(admin, agent, knowledge_choice="all", knowledge_top_k=value)
    assert answer.status_code == 422 and answer.json()["errors"]["knowledge_top_k"].startswith("Write a")


@pytest.mark.parametrize("starter", ["receptionist", "booking", "support", "survey", ""])
def test_an_agent_begins_with_a_template(admin: Client, acme: Tenant, starter: str) -> None:
    answer = admin.post(at("agent-new"), {"name": "Front desk", "starter": starter, "language": "de"})
    assert answer.status_code == 302 and answer["Location"] == at("agent", "front-desk")
    page = admin.get(answer["Location"])
    assert page.status_code == 200 and page.context["unknown"] == []
    with tenant_context(acme):
        version = Agent.objects.get().versions.get()
    assert version.state == "draft" and version.config["prompt"]["system"] and version.language == "de"
    assert "Draft, never published" in admin.get(at("agents")).content.decode()


def test_a_language_is_chosen_by_name(admin: Client, acme: Tenant, agent: Agent) -> None:
    assert '<option value="en" selected>English (en)</option>' in admin.get(at("agent-new")).content.decode()
    assert '<option value="pt-BR">Portuguese, Brazil (pt-BR)</option>' in admin.get(at("agent", agent.slug)).content.decode()
    assert save(admin, agent, language="pt-BR").status_code == 200
    with tenant_context(acme):
        assert version_head(agent).language == "pt-BR"
    changes = admin.get(at("agent-publish", agent.slug)).content.decode()
    assert "<del>English (en)</del>" in changes and "<ins>Portuguese, Brazil (pt-BR)</ins>" in changes


@pytest.mark.parametrize(("code", "name"), [("de-AT", "German (de-AT)"), ("pt-br", "Portuguese, Brazil (pt-br)"), ("tlh", "tlh")])
def test_a_language_that_the_api_set_stays(admin: Client, acme: Tenant, agent: Agent, code: str, name: str) -> None:
    with tenant_context(acme):
        agent_draft_save(agent=agent, config=LOCAL, language=code)
    page = admin.get(at("agent", agent.slug)).content.decode()
    assert f'<option value="{code}" selected>{name}</option>' in page
    assert page.lower().count(f'value="{code.lower()}"') == 1 and "maxlength" not in re.findall("<select[^>]*>", page)[0]
    assert save(admin, agent).status_code == 200
    with tenant_context(acme):
        assert version_head(agent).language == code


def test_what_the_editor_shows_is_saved_unchanged(admin: Client, acme: Tenant, agent: Agent) -> None:
    with tenant_context(acme):
        before = version_published(agent)
        assert before is not None
    answer = save(admin, agent)
    assert answer.status_code == 200, answer.content
    with tenant_context(acme):
        head = version_head(agent)
    assert head.is_draft and {**head.config, "media_bot": None} == {**before.config, "media_bot": None}


def test_a_change_is_saved_published_compared_and_restored(admin: Client, acme: Tenant, agent: Agent, alice: User) -> None:
    saved = save(admin, agent, prompt="You are Otto.\nBe brief.", team="", phrases="a person\na human")
    assert saved.status_code == 200 and "Unpublished changes" in saved.json()["facts"]
    page = admin.get(at("agent-publish", agent.slug)).content.decode()
    assert "Otto" in page and "a human" in page
    answer = admin.post(at("agent-publish", agent.slug), {"note": "Otto it is", "base": saved.json()["base"]})
    assert answer.status_code == 302
    with tenant_context(acme):
        published = version_published(agent)
        assert published is not None and published.number == 2
        assert (published.note, published.published_by) == ("Otto it is", alice.pk)
    listed = admin.get(at("agent-history", agent.slug)).content.decode()
    assert "Otto it is" in listed and "Alice" in listed
    assert "<mark>Otto</mark>" in admin.get(at("agent-version", agent.slug, 2)).content.decode()
    assert admin.get(at("agent-version", agent.slug, 1), {"with": "2"}).context["changes"]
    assert admin.post(at("agent-restore", agent.slug, 1)).status_code == 302
    with tenant_context(acme):
        head = version_head(agent)
        assert head.is_draft and head.config == agent.versions.get(number=1).config
    undo = admin.get(at("agent", agent.slug)).content.decode()
    assert f'action="{at("agent-discard", agent.slug)}"' in undo
    admin.post(at("agent-discard", agent.slug))
    with tenant_context(acme):
        assert version_head(agent).number == 2


def test_who_was_quicker_is_told(admin: Client, acme: Tenant, agent: Agent, bob: User) -> None:
    mine = fields(admin, agent)
    with tenant_context(acme):
        agent_draft_save(agent=agent, config={"prompt": {"system": "Bob was here."}}, created_by=bob.pk)
    refused = admin.post(at("agent-save", agent.slug), {**mine, "prompt": "Alice was here."})
    assert refused.status_code == 409
    dialog = refused.json()["dialog"]
    assert "Bob was quicker" in dialog and "Alice" in dialog
    with tenant_context(acme):
        assert version_head(agent).config["prompt"]["system"] == "Bob was here."
    again = admin.post(at("agent-save", agent.slug), {**mine, "prompt": "Alice was here.", "base": refused.json()["base"]})
    assert again.status_code == 200
    with tenant_context(acme):
        assert version_head(agent).config["prompt"]["system"] == "Alice was here."


def test_publishing_something_else_than_was_seen_is_refused(admin: Client, acme: Tenant, agent: Agent) -> None:
    base = save(admin, agent, prompt="One.").json()["base"]
    save(admin, agent, prompt="Two.")
    answer = admin.post(at("agent-publish", agent.slug), {"base": base})
    assert answer.status_code == 409 and "Somebody else" in answer.content.decode()
    with tenant_context(acme):
        assert version_published(agent).number == 1  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"temperature": "7"}, "temperature"),
        ({"variables": "no colon here"}, "variables"),
        ({"min_delay": "5", "max_delay": "1"}, "max_delay"),
        ({"language": "not a language"}, "language"),
        ({"llm_model": ""}, "llm_model"),
    ],
    ids=["temperature", "variables", "delays", "language", "model"],
)
def test_what_cannot_be_is_said_at_its_field(
    admin: Client, acme: Tenant, agent: Agent, change: dict[str, str], place: str
) -> None:
    answer = save(admin, agent, **change)
    assert answer.status_code == 422 and answer.json()["errors"][place]
    with tenant_context(acme):
        assert not agent.versions.filter(state=AgentVersion.State.DRAFT).exists()


def test_unknown_variables_are_named(admin: Client, agent: Agent) -> None:
    answer = save(admin, agent, prompt="Hello {{company}} {{colour}} {{mood}}", variables="mood: good")
    assert "colour" in answer.json()["facts"] and "mood" not in answer.json()["facts"]


def test_it_moves_to_another_tenant(client_for: ClientFor, admin: Client, globex: Tenant, charlie: User, agent: Agent) -> None:
    save(admin, agent, prompt="Moved.")
    sent = admin.get(at("agent-export", agent.slug))
    assert sent["Content-Disposition"].endswith('.agent.json"')
    other = client_for(charlie, "globex")
    answer = other.post(at("agent-import"), {"text": sent.content.decode()})
    assert answer.status_code == 302
    with tenant_context(globex):
        assert version_head(Agent.objects.get()).config["prompt"]["system"] == "Moved."


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("{", 'id="id_text_error"'),
        ("[]", 'role="alert"'),
        ("{}", 'role="alert"'),
        ('{"meridian": "agent"}', 'role="alert"'),
        (json.dumps({"meridian": "agent", "schema_version": 9}), 'role="alert"'),
    ],
)
def test_a_wrong_document_gets_a_sentence(admin: Client, acme: Tenant, text: str, place: str) -> None:
    answer = admin.post(at("agent-import"), {"text": text})
    assert answer.status_code == 422 and place in answer.content.decode()
    with tenant_context(acme):
        assert not Agent.objects.exists()


def test_it_is_duplicated_disabled_and_deleted(admin: Client, acme: Tenant, agent: Agent) -> None:
    assert admin.post(at("agent-duplicate", agent.slug)).status_code == 302
    admin.post(at("agent-switch", agent.slug))
    with tenant_context(acme):
        agent.refresh_from_db()
        assert not agent.enabled and Agent.objects.count() == 2
        PhoneNumber.objects.create(number="+14155550100", agent_id=agent.pk)
    listed = admin.get(at("agents")).content.decode()
    assert "Disabled" in listed and "+1 415-555-0100" in listed
    refused = admin.post(at("agent-delete", agent.slug), follow=True).content.decode()
    assert "still answers phone +14155550100" in refused
    with tenant_context(acme):
        PhoneNumber.objects.all().delete()
    assert admin.post(at("agent-delete", agent.slug)).status_code == 302
    with tenant_context(acme):
        assert [one.name for one in Agent.objects.all()] == [f"Copy of {agent.name}"]


LOOKS = ("agents", "agent", "agent-history", "agent-export", "agent-voices", "agent-models")
ACTS = ("agent-new", "agent-import", "agent-save", "agent-publish", "agent-delete", "agent-switch", "agent-duplicate")


def _args(name: str, agent: Agent) -> list[str]:
    return [] if name in ("agents", "agent-new", "agent-import", "agent-voices", "agent-models") else [agent.slug]


@pytest.mark.parametrize("name", LOOKS + ACTS)
def test_by_role(client_for: ClientFor, acme: Tenant, agent: Agent, alice: User, bob: User, charlie: User, name: str) -> None:
    path = at(name, *_args(name, agent))
    for user, allowed in ((bob, False), (charlie, False), (None, False)):
        client = client_for(user, "acme")
        assert (client.get(path).status_code < 300 or client.post(path).status_code < 300) is allowed
    Membership.objects.filter(user=alice, tenant=acme).update(role=Role.SUPERVISOR)
    supervisor = client_for(alice, "acme")
    assert supervisor.get(path).status_code == (
        200 if name in LOOKS else 405 if name not in ("agent-new", "agent-publish") else 403
    )
    if name in ACTS:
        assert supervisor.post(path).status_code == 403
    with tenant_context(acme):
        assert Agent.objects.count() == 1 and agent.versions.count() == 1
