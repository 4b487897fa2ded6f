"""Checks go with their agent: from a template, into a copy, and through a document."""

import pytest
from django.test import Client

from apps.compass.models import Agent
from apps.compass.payloads_checks import ScenarioIn
from apps.compass.services import agent_duplicate, agent_export, agent_import
from apps.compass.services.checks import MOST_SCENARIOS, scenario_save, scenarios_add
from apps.compass.services.config import ConfigInvalid
from apps.compass.services.starting import agent_start
from apps.compass.starters import STARTERS
from apps.tenants.models import Tenant
from tests.compass.factories import LOCAL

PERSON = ScenarioIn.model_validate(
    {"name": "A person", "lines": ["A person, please."], "assertions": [{"kind": "handoff"}], "tool_answers": {"book": {"ok": 1}}}
)
PRICE = ScenarioIn.model_validate({"name": "A price", "customer": "You want a price.", "criteria": ["No price is named."]})


@pytest.fixture
def agent(in_acme: Tenant) -> Agent:
    made = agent_start(starter=None, slug="checked", name="Checked", language="en", config=LOCAL)
    scenarios_add(agent=made, given=[PERSON, PRICE])
    return made


def told(agent: Agent) -> list[dict[str, object]]:
    return [scenario.snapshot() for scenario in agent.scenarios.all()]


@pytest.mark.parametrize("key", list(STARTERS))
def test_every_template_brings_checks_that_can_be_run(in_acme: Tenant, key: str) -> None:
    made = agent_start(starter=STARTERS[key], slug=f"from-{key}", name=key, language="en", config=LOCAL)
    assert [row["name"] for row in told(made)] == [check["name"] for check in STARTERS[key].checks]
    assert len(told(made)) >= 2


def test_a_copy_has_checks_of_its_own(agent: Agent) -> None:
    copy = agent_duplicate(agent=agent, name="Copy")
    assert told(copy) == told(agent)
    copy.scenarios.all()[0].delete()
    assert agent.scenarios.count() == 2


def test_a_document_carries_them_and_adds_only_what_is_new(agent: Agent) -> None:
    head = agent.versions.order_by("-number")[0]
    document = agent_export(head)
    draft, notes = agent_import(document=document)
    assert told(draft.agent) == told(agent) and "2 checks came with it." in notes
    changed = PERSON.model_copy(update={"lines": ["Somebody human."]})
    scenario_save(agent=agent, given=changed, scenario=agent.scenarios.get(name="A person"))
    agent.scenarios.get(name="A price").delete()
    _, notes = agent_import(document=document, agent=agent)
    assert "1 check came with it." in notes
    assert [(row["name"], row["lines"]) for row in told(agent)] == [("A person", ["Somebody human."]), ("A price", [])]


def test_a_document_with_a_check_that_makes_no_sense_changes_nothing(agent: Agent) -> None:
    document = agent_export(agent.versions.order_by("-number")[0])
    broken = {**document, "checks": [{"name": "Nothing is asked", "lines": ["Hello"]}]}
    agents = Agent.objects.count()
    with pytest.raises(ConfigInvalid, match="what has to hold"):
        agent_import(document=broken)
    many = [{**PERSON.model_dump(mode="json"), "name": f"Check {number}"} for number in range(MOST_SCENARIOS)]
    with pytest.raises(ConfigInvalid, match="at most 50 checks"):
        agent_import(document={**document, "checks": many}, agent=agent)
    assert Agent.objects.count() == agents and agent.scenarios.count() == 2


def test_the_api_makes_an_agent_with_its_templates_checks(in_acme: Tenant, client_for: "object", alice: "object") -> None:
    client: Client = client_for(alice, "acme")  # type: ignore[operator]
    body = {"name": "Front desk", "template": "receptionist", "config": LOCAL}
    made = client.post("/api/v1/agents", body, content_type="application/json")
    assert made.status_code == 201
    assert told(Agent.objects.get(pk=made.json()["id"]))[0]["name"] == "Somebody wants a person"
