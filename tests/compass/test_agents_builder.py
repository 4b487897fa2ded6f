"""What the agent builder stands on: versions, differences, documents, variables, prices, voices; and `/api/v1/agents`."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from django_tenants.utils import tenant_context
from hypothesis import given
from hypothesis import strategies as st

from agents_worker.phrases import phrase
from apps.billing.models import PriceBook
from apps.calls.models import Call
from apps.compass.catalogue import Unanswered, sample, voices
from apps.compass.costs import minute_cost, tokens_of
from apps.compass.diffs import configs_diff, lines_diff
from apps.compass.languages import LANGUAGES
from apps.compass.models import Agent, AgentVersion
from apps.compass.payloads import Config
from apps.compass.selectors import agent_config
from apps.compass.selectors.versions import version_head, version_published
from apps.compass.services import (
    DraftChanged,
    agent_create,
    agent_draft_save,
    agent_export,
    agent_import,
    agent_publish,
    credential_set,
    draft_discard,
    version_restore,
)
from apps.compass.services.starting import agent_start
from apps.compass.starters import STARTERS
from apps.compass.variables import prompt_filled, variables_in, variables_unknown
from apps.herald.handoff import phrase_in
from apps.tenants.models import Membership, Role, Tenant, User
from tests.compass.factories import CALL_ID, LOCAL, agent_published, bearer, public_get

pytestmark = pytest.mark.django_db
ClientFor = Callable[[User | None, str], Client]
WORDS = st.text(st.sampled_from("ab \nä€{}"), max_size=60)


def test_a_published_version_never_changes(in_acme: Tenant) -> None:
    agent = agent_published(prompt={"system": "One."})
    first = version_published(agent)
    assert first is not None
    agent_draft_save(agent=agent, config={**LOCAL, "prompt": {"system": "Two."}})
    agent_publish(agent=agent)
    agent_draft_save(agent=agent, config={**LOCAL, "prompt": {"system": "Three."}})
    assert [version.config["prompt"]["system"] for version in agent.versions.order_by("number")] == ["One.", "Two.", "Three."]
    assert agent.versions.get(number=1).state == AgentVersion.State.ARCHIVED
    restored = version_restore(agent=agent, number=1)
    assert (restored.number, restored.is_draft, restored.config) == (3, True, first.config)


@pytest.mark.parametrize("between", ["saved", "published"])
def test_a_save_from_an_older_base_is_told(in_acme: Tenant, between: str) -> None:
    agent = agent_create(slug="desk", name="Desk", config=LOCAL)
    base = version_head(agent).base
    if between == "saved":
        agent_draft_save(agent=agent, config={**LOCAL, "prompt": {"system": "Theirs."}}, base=base)
    else:
        agent_publish(agent=agent)
        agent_draft_save(agent=agent, config={**LOCAL, "prompt": {"system": "Theirs."}})
    with pytest.raises(DraftChanged) as told:
        agent_draft_save(agent=agent, config={**LOCAL, "prompt": {"system": "Mine."}}, base=base)
    assert told.value.theirs.config["prompt"]["system"] == "Theirs."
    assert version_head(agent).config["prompt"]["system"] == "Theirs."


def test_a_draft_made_anew_is_not_the_one_that_was_thrown_away(in_acme: Tenant) -> None:
    agent = agent_create(slug="desk", name="Desk", config=LOCAL)
    agent_publish(agent=agent)
    base = agent_draft_save(agent=agent, config=LOCAL).base
    draft_discard(agent=agent)
    theirs = agent_draft_save(agent=agent, config={**LOCAL, "prompt": {"system": "Theirs."}})
    with pytest.raises(DraftChanged):
        agent_draft_save(agent=agent, config=LOCAL, base=base)
    assert version_head(agent).config == theirs.config


def test_a_name_is_kept_where_the_rest_is_refused(in_acme: Tenant) -> None:
    agent = agent_create(slug="desk", name="Desk", config=LOCAL)
    base = version_head(agent).base
    agent_draft_save(agent=agent, config=LOCAL, base=base, name="Front desk")
    with pytest.raises(DraftChanged):
        agent_draft_save(agent=agent, config=LOCAL, base=base, name="Desk")
    agent.refresh_from_db()
    assert agent.name == "Front desk"


@given(old=WORDS, new=WORDS)
def test_a_difference_holds_both_texts(old: str, new: str) -> None:
    lines = list(lines_diff(old, new))
    told = {kind: [line for line in lines if line.kind in ("same", kind)] for kind in ("removed", "added")}
    if not any(line.kind == "gap" for line in lines):
        assert ["".join(part.text for part in line.parts) for line in told["removed"]] == old.splitlines()
        assert ["".join(part.text for part in line.parts) for line in told["added"]] == new.splitlines()
    assert (old.splitlines() == new.splitlines()) == all(line.kind in ("same", "gap") for line in lines)


def test_differences_are_named_by_field() -> None:
    old = Config().model_dump(mode="json")
    new = Config.model_validate({"llm": {"temperature": 0.7}, "handoff": {"phrases": ["human"]}}).model_dump(mode="json")
    assert [change.path for change in configs_diff(old, new)] == ["llm.temperature", "handoff.phrases"]
    assert configs_diff(old, old) == []


@pytest.mark.parametrize("starter", STARTERS.values(), ids=STARTERS)
def test_a_template_greets_in_the_languages_that_atlas_speaks_itself(starter: Any) -> None:
    english = starter.config("en")
    spoken = {code for code in LANGUAGES if phrase("filler", code) != phrase("filler", "en")}
    assert {"de", "de-CH", "pt-BR"} <= spoken
    for code in spoken:
        config = starter.config(code)
        assert config["prompt"]["greeting"] != english["prompt"]["greeting"]
        assert set(variables_in(config["prompt"]["greeting"])) == set(variables_in(english["prompt"]["greeting"]))
        assert set(config["handoff"]["phrases"]) > set(english["handoff"]["phrases"])
        assert Config.model_validate(config).handoff.phrases == config["handoff"]["phrases"]
    assert starter.config("ja") == english


def test_an_agent_without_a_template_greets_in_its_language(in_acme: Tenant) -> None:
    def greeting(slug: str, language: str, config: dict[str, Any]) -> str:
        made = agent_start(starter=None, slug=slug, name=slug, language=language, config=config)
        return str(version_head(made).config["prompt"]["greeting"])

    assert greeting("bern", "de-CH", LOCAL) == "Guten Tag, wie kann ich Ihnen helfen?"
    assert greeting("kyoto", "ja", LOCAL) == "Hello, how can I help you?"
    assert greeting("basel", "de", {**LOCAL, "prompt": {"greeting": "Grüezi!"}}) == "Grüezi!"


def test_a_german_agent_hears_who_wants_a_person() -> None:
    phrases = STARTERS["support"].config("de")["handoff"]["phrases"]
    assert phrase_in(["Kann ich bitte mit einem Menschen sprechen?"], phrases)
    assert phrase_in(["I want to speak to a person."], phrases)
    assert phrase_in(["Ich habe eine Frage zu meiner Rechnung."], phrases) is None


@pytest.mark.parametrize("starter", STARTERS.values(), ids=STARTERS)
def test_a_document_brings_an_agent_back(in_acme: Tenant, starter: Any) -> None:
    agent = agent_create(slug="desk", name="Desk", language="de", config=starter.config("de"))
    assert variables_unknown(version_head(agent).config) == []
    document = json.loads(json.dumps(agent_export(version_head(agent))))
    draft, notes = agent_import(document=document)
    assert (draft.config, draft.language, draft.agent.slug) == (version_head(agent).config, "de", "desk-2")
    assert notes == []
    again, _notes = agent_import(document={**document, "config": {**document["config"], "limits": {}}}, agent=draft.agent)
    assert again.pk == draft.pk


def test_a_document_holds_no_secret(in_acme: Tenant) -> None:
    tool = {
        "kind": "http",
        "name": "orders",
        "description": "Finds orders.",
        "http": {"url": "https://example.com/orders", "headers": {"Authorization": "Bearer canary", "X-Plan": "gold"}},
    }
    agent = agent_create(slug="desk", name="Desk", config={"tools": [tool]})
    credential_set(provider="openai", api_key="canary-key")
    document = agent_export(version_head(agent))
    assert "canary" not in json.dumps(document) and "gold" in json.dumps(document)
    assert document["secrets"] == ["orders_Authorization"]
    _draft, notes = agent_import(document={**document, "config": {**document["config"], "handoff": {"team": "sales"}}})
    assert any("sales" in note for note in notes) and any("orders_Authorization" in note for note in notes)


def test_variables_are_filled_in_once() -> None:
    config = {
        "prompt": {"system": "{{ who }} {{time}}{{x}}", "greeting": "", "greetings": {"de": "{{who}}"}},
        "variables": {"who": "me"},
    }
    filled = prompt_filled(config, {"time": "{{who}}"})
    assert filled["prompt"] == {"system": "me {{who}}", "greeting": "", "greetings": {"de": "me"}}
    assert variables_in("{{a}} {{ b }} {{a}}") == ["a", "b"]
    assert variables_unknown(config) == ["x"] and "{{not one}}" in variables_unknown({"prompt": {"system": "{{not one}}"}})


def test_atlas_gets_the_prompt_filled_in(acme: Tenant) -> None:
    with tenant_context(acme):
        agent = agent_published(
            prompt={
                "system": "{{agent}} of {{company}}, {{date}} {{time}}: {{caller_name}} {{caller_number}} by {{channel}} {{at}}.",
                "greeting": "Hello from {{company}}.",
                "greetings": {"de": "Hallo von {{company}}."},
            },
            variables={"at": "nine to five"},
        )
        Call.objects.create(
            pk=CALL_ID,
            channel="sip",
            room_name="r",
            from_number="+14155550123",
            caller_name="Maria",
            language="de",
            agent_id=agent.pk,
        )
    answer = public_get(f"/agents/{agent.pk}", bearer("acme", agent.pk)).json()
    system = answer["prompt"]["system"]
    assert "{{" not in system and system.startswith("Reception of Acme, ")
    assert "Maria +14155550123 by phone nine to five." in system
    assert answer["prompt"]["greeting"] == "Hallo von Acme."
    other = public_get(f"/agents/{agent.pk}", bearer("acme", agent.pk, call_id="0198c0de-0000-7000-8000-000000000009")).json()
    assert "Maria" not in other["prompt"]["system"] and other["prompt"]["greeting"] == "Hello from Acme."


def test_herald_gets_what_the_turn_knows(in_acme: Tenant) -> None:
    agent = agent_published(prompt={"system": "For {{caller_name}} on {{channel}}.", "greeting": "Hi"})
    version = version_published(agent)
    assert version is not None
    config = agent_config(version, subject="turn", known={"caller_name": "Maria", "channel": "WhatsApp"})
    assert config["prompt"]["system"] == "For Maria on WhatsApp."


def test_a_minute_has_a_price(in_acme: Tenant) -> None:
    assert PriceBook.objects.exists()
    config = Config.model_validate(LOCAL).model_dump(mode="json")
    estimate = minute_cost(config)
    assert estimate.unpriced == [] and 0 < estimate.total < 1
    dearer = minute_cost({**config, "prompt": {"system": "word " * 4000}})
    assert dearer.total > estimate.total
    assert minute_cost({**config, "llm": {**config["llm"], "model": "unheard-of"}}).unpriced == ["unheard-of"]
    assert tokens_of("") == 0 and tokens_of("abcd" * 10) == 10 and tokens_of("你好") == 2


def test_a_provider_that_does_not_answer_is_told(in_acme: Tenant) -> None:
    with pytest.raises(Unanswered, match="no API key"):
        voices("elevenlabs")
    with pytest.raises(Unanswered, match="did not answer"):
        sample(provider="openai", model="tts-1", voice="alloy", language="en")


API = "/api/v1/agents"


@pytest.fixture
def api(client_for: ClientFor, alice: User) -> Iterator[Callable[..., Any]]:
    client = client_for(alice, "acme")

    def call(method: str, path: str = "", body: Any = None) -> Any:
        return getattr(client, method)(f"{API}{path}", *([] if method == "get" else [body]), content_type="application/json")

    yield call


def test_an_agent_lives_through_the_api(acme: Tenant, api: Callable[..., Any]) -> None:
    made = api("post", "", {"name": "Front desk", "template": "booking", "config": LOCAL})
    assert made.status_code == 201 and made.json()["slug"] == "front-desk" and made.json()["published"] is None
    one = f"/{made.json()['id']}"
    base = made.json()["draft"]["base"]
    changed = api("patch", one, {"config": {"prompt": {"system": "Be brief."}}, "base": base, "name": "Desk"})
    assert changed.status_code == 200 and changed.json()["draft"]["config"]["llm"]["model"] == LOCAL["llm"]["model"]
    late = api("patch", one, {"config": {"prompt": {"system": "Late."}}, "base": base})
    assert (late.status_code, late.json()["code"]) == (409, "draft_changed")
    published = api("post", f"{one}/publish", {"note": "First"})
    assert published.status_code == 200 and published.json()["state"] == "published"
    assert api("post", f"{one}/publish", {}).status_code == 409
    api("patch", one, {"config": {"prompt": {"system": "Be kind."}}})
    diff = api("get", f"{one}/versions/2/diff").json()["changes"]
    assert {change["path"] for change in diff} >= {"prompt.system"}
    assert api("post", f"{one}/versions/1/restore").json()["config"]["prompt"]["system"] == "Be brief."
    assert [row["number"] for row in api("get", f"{one}/versions").json()["results"]] == [2, 1]
    document = api("get", f"{one}/export").json()
    imported = api("post", "/import", {"document": document})
    assert imported.status_code == 201 and imported.json()["slug"] == "front-desk-2"
    first = api("get", "?limit=1").json()
    assert len(first["results"]) == 1 and first["next"] and not first["previous"]
    assert api("patch", one, {"enabled": False}).json()["enabled"] is False
    assert api("delete", one).status_code == 204 and api("get", one).status_code == 404
    assert api("get").json()["results"][0]["slug"] == "front-desk-2"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"name": "A", "template": "nothing"}, 422),
        ({"name": "A", "config": {"llm": {"temperature": 9}}}, 422),
        ({"name": "A", "slug": "Not One"}, 409),
        ({"name": "A", "colour": "red"}, 422),
        ([], 422),
    ],
    ids=["empty", "template", "config", "slug", "unknown", "list"],
)
def test_what_cannot_be_leaves_as_a_problem(acme: Tenant, api: Callable[..., Any], body: Any, status: int) -> None:
    answer = api("post", "", body)
    assert answer.status_code == status and answer["Content-Type"] == "application/problem+json"
    with tenant_context(acme):
        assert not Agent.objects.exists()


def test_the_api_by_role_and_from_outside(client_for: ClientFor, acme: Tenant, alice: User, bob: User, charlie: User) -> None:
    with tenant_context(acme):
        one = f"{API}/{agent_published().pk}"
    for user in (bob, charlie, None):
        client = client_for(user, "acme")
        for path in (API, one, f"{one}/versions", f"{one}/export", f"{one}/versions/1"):
            assert client.get(path).status_code in (401, 403)
        assert client.delete(one).status_code in (401, 403)
    assert client_for(charlie, "globex").get(one).status_code == 404
    Membership.objects.filter(user=alice, tenant=acme).update(role=Role.SUPERVISOR)
    supervisor = client_for(alice, "acme")
    assert supervisor.get(one).status_code == 200 and supervisor.delete(one).status_code == 403
