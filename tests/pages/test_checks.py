"""Checks on the page and by API, by role and from outside."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from django_tenants.utils import tenant_context

from apps.compass.models import Agent, CheckPolicy, CheckRun, CheckScenario
from apps.compass.payloads_checks import ScenarioIn
from apps.compass.services.checks import run_begin, scenario_save
from apps.compass.services.checks_running import run_work
from apps.core.ids import uuid7
from apps.tenants.models import Tenant, User
from tests.addresses import at
from tests.herald.factories import text_agent
from tests.herald.sides import model_running
from tests.standins.openai import Answer, OpenAIStandin

pytestmark = pytest.mark.django_db
ClientFor = Callable[[User | None, str], Client]
HTMX = {"HX-Request": "true"}
GIVEN = {"name": "Hours", "lines": ["When do you open?"], "assertions": [{"kind": "contains", "value": "nine"}]}
FORM = {
    "name": "Hours",
    "customer": "",
    "lines": "When do you open?\n\nAnd on Sunday?",
    "turns": "6",
    "criteria": "It is polite.",
    "pass_mark": "0.8",
    "tool_answers": '{"book": {"ok": true}}',
    "assertion-0-kind": "contains",
    "assertion-0-value": "nine",
    "assertion-1-kind": "tool",
    "assertion-1-value": "book",
    "assertion-1-arguments": "day: Monday\nguests: 2",
}
NAMES = ("kind", "value", "arguments")


@pytest.fixture
def model() -> Iterator[OpenAIStandin]:
    with model_running() as standin:
        yield standin


@pytest.fixture
def agent(acme: Tenant, model: OpenAIStandin) -> Agent:
    with tenant_context(acme):
        return text_agent(model)


@pytest.fixture
def scenario(acme: Tenant, agent: Agent) -> CheckScenario:
    with tenant_context(acme):
        return scenario_save(agent=agent, given=ScenarioIn.model_validate(GIVEN))


def test_a_check_is_written_changed_and_deleted(admin: Client, acme: Tenant, agent: Agent) -> None:
    assert "No check yet" in admin.get(at("agent-checks", agent.pk)).content.decode()
    assert admin.post(at("agent-check-new", agent.pk), FORM).status_code == 302
    with tenant_context(acme):
        kept = CheckScenario.objects.get()
        assert (kept.lines, kept.criteria, kept.pass_mark) == (["When do you open?", "And on Sunday?"], ["It is polite."], 0.8)
        assert kept.assertions[1] == {"kind": "tool", "value": "book", "arguments": {"day": "Monday", "guests": "2"}}
        assert kept.tool_answers == {"book": {"ok": True}}
    page = admin.get(at("agent-check-edit", agent.pk, kept.pk)).content.decode()
    assert "And on Sunday?" in page and "day: Monday\nguests: 2</textarea>" in page
    assert admin.post(at("agent-check-edit", agent.pk, kept.pk), {**FORM, "name": "Times"}).status_code == 302
    assert "Times" in admin.get(at("agent-checks", agent.pk)).content.decode()
    assert admin.post(at("agent-check-delete", agent.pk, kept.pk)).status_code == 302
    with tenant_context(acme):
        assert not CheckScenario.objects.exists()


DEEP = "[" * 20_000


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"lines": ""}, "who the customer is"),
        ({"criteria": "", "assertion-0-kind": "", "assertion-1-kind": ""}, "what has to hold"),
        ({"tool_answers": "{"}, "It ends too early, in line 1"),
        ({"tool_answers": DEEP}, "It is nested too deeply"),
        ({"assertion-1-arguments": DEEP}, "This is no JSON object"),
        ({"assertion-1-arguments": "[1]"}, "This is no JSON object"),
        ({"assertion-1-arguments": "Monday"}, "“Monday” is no argument"),
        ({"assertion-0-value": " "}, "Write the words."),
        ({"assertion-0-kind": "max_turns", "assertion-0-value": "few"}, "Write a number from 1 to 1,000."),
        ({"assertion-0-kind": "language", "assertion-0-value": ""}, "Choose a language."),
        ({"assertion-0-kind": "matches", "assertion-0-value": "(a"}, "not a regular expression"),
        ({"assertion-0-kind": "sings"}, "Choose what has to hold."),
        ({"name": ""}, "required"),
    ],
    ids=[
        "nobody",
        "nothing",
        "json",
        "deep",
        "deep arguments",
        "array",
        "pair",
        "words",
        "number",
        "language",
        "pattern",
        "kind",
        "name",
    ],
)
def test_what_cannot_be_is_said(admin: Client, acme: Tenant, agent: Agent, given: dict[str, str], says: str) -> None:
    answer = admin.post(at("agent-check-new", agent.pk), {**FORM, **given})
    assert answer.status_code == 422 and says in answer.content.decode()
    with tenant_context(acme):
        assert not CheckScenario.objects.exists()


def test_a_mistake_is_marked_at_its_field(admin: Client, acme: Tenant, agent: Agent) -> None:
    wrong = {"assertion-0-value": "", "assertion-1-arguments": "Monday"}
    page = admin.post(at("agent-check-new", agent.pk), {**FORM, **wrong}).content.decode()
    marked = [re.search(r'name="([^"]+)"', tag)[1] for tag in re.findall(r'<[^>]*aria-invalid="true"[^>]*>', page)]  # type: ignore[index]
    assert marked == ["assertion-0-value", "assertion-1-arguments"]


def test_each_kind_has_fields_of_its_own(admin: Client, acme: Tenant, agent: Agent, scenario: CheckScenario) -> None:
    with tenant_context(acme):
        scenario.assertions = [
            {"kind": "lacks", "value": "sorry", "arguments": {}},
            {"kind": "tool", "value": "book", "arguments": {"guests": 2}},
            {"kind": "handoff", "value": "gone", "arguments": {}},
            {"kind": "language", "value": "de-AT", "arguments": {}},
            {"kind": "no_handoff", "value": "", "arguments": {}},
        ]
        scenario.save()
    answer = admin.get(at("agent-check-edit", agent.pk, scenario.pk))
    page = answer.content.decode()
    for number, control in enumerate(["text", "tool", "team", "language"]):
        assert re.search(rf'name="assertion-{number}-value"[^>]*data-value="{control}"', page)
    assert 'name="assertion-4-value"' not in page
    assert re.search(r'<option value="gone"\s+selected>gone<', page)
    assert re.search(r'<option value="de-AT"\s+selected>German \(de-AT\)<', page)
    assert "{&quot;guests&quot;: 2}</textarea>" in page  # a number stays one
    with tenant_context(acme):
        shown = {
            f"assertion-{row.number}-{name}": getattr(row, name)
            for row in answer.context["form"].assertion_rows
            for name in NAMES
        }
        assert admin.post(at("agent-check-edit", agent.pk, scenario.pk), {**FORM, **shown}).status_code == 302
        assert CheckScenario.objects.get().assertions == scenario.assertions


def test_a_run_is_watched_and_read(
    admin: Client, acme: Tenant, agent: Agent, scenario: CheckScenario, model: OpenAIStandin
) -> None:
    page = admin.post(at("agent-checks-run", agent.pk), headers=HTMX).content.decode()
    assert "every 1500ms" in page and "0 of 1" in page
    assert "running already" in admin.post(at("agent-checks-run", agent.pk), headers=HTMX).content.decode()
    model.answers = [Answer("From ten.")]
    with tenant_context(acme):
        run = CheckRun.objects.get()
        run_work(run_id=run.pk)
    page = admin.get(at("agent-checks", agent.pk), headers=HTMX).content.decode()
    assert "every 1500ms" not in page and "Failed" in page and "0 of 1 passed" in page
    page = admin.get(at("agent-checks-result", agent.pk, run.pk)).content.decode()
    assert "From ten." in page and "No reply says it." in page and "The prompt as sent" in page


def test_a_run_is_cancelled(admin: Client, acme: Tenant, agent: Agent, scenario: CheckScenario) -> None:
    admin.post(at("agent-checks-run", agent.pk), headers=HTMX)
    with tenant_context(acme):
        run = CheckRun.objects.get()
    page = admin.post(at("agent-checks-cancel", agent.pk, run.pk), headers=HTMX).content.decode()
    assert "Cancelled" in page and "every 1500ms" not in page


def test_the_policy_is_kept(admin: Client, acme: Tenant, agent: Agent) -> None:
    page = admin.post(at("agent-checks-policy", agent.pk), {"require_green": "on", "judge_model": " big "}).content.decode()
    assert "Saved" in page and 'value="big"' in page
    with tenant_context(acme):
        kept = CheckPolicy.objects.get()
        assert (kept.require_green, kept.judge_model, kept.customer_model) == (True, "big", "")


def test_checks_by_role(
    client_for: ClientFor, acme: Tenant, bob: User, charlie: User, agent: Agent, scenario: CheckScenario
) -> None:
    with tenant_context(acme):
        run = run_begin(agent=agent)
    gets = [
        at("agent-checks", agent.pk),
        at("agent-check-new", agent.pk),
        at("agent-check-edit", agent.pk, scenario.pk),
        at("agent-checks-result", agent.pk, run.pk),
    ]
    posts = [
        at("agent-checks-run", agent.pk),
        at("agent-checks-policy", agent.pk),
        at("agent-checks-cancel", agent.pk, run.pk),
        at("agent-check-delete", agent.pk, scenario.pk),
    ]
    for client, status in ((client_for(bob, "acme"), 403), (client_for(charlie, "acme"), 404), (client_for(None, "acme"), 302)):
        assert {client.get(url).status_code for url in gets} == {status}
        assert {client.post(url).status_code for url in posts} == {status}
    assert {client_for(charlie, "globex").get(url).status_code for url in gets} == {404}


def api(client: Client, method: str, path: str, body: Any = None) -> Any:
    return getattr(client, method)(f"/api/v1/agents/{path}", body, content_type="application/json")


def test_checks_by_api(admin: Client, acme: Tenant, agent: Agent, model: OpenAIStandin) -> None:
    made = api(admin, "post", f"{agent.pk}/checks", GIVEN)
    assert made.status_code == 201 and made.json()["turns"] == 6
    one = f"{agent.pk}/checks/{made.json()['id']}"
    assert api(admin, "put", one, {**GIVEN, "name": "Times"}).json()["name"] == "Times"
    assert [row["name"] for row in api(admin, "get", f"{agent.pk}/checks").json()] == ["Times"]
    odd = api(admin, "post", f"{agent.pk}/checks", {**GIVEN, "name": "A\x00b\ud800"}).json()
    assert odd["name"].startswith("Ab") and api(admin, "delete", f"{agent.pk}/checks/{odd['id']}").status_code == 204
    wrong = api(admin, "post", f"{agent.pk}/checks", {"name": "x"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid") and wrong.json()["errors"]
    begun = api(admin, "post", f"{agent.pk}/runs")
    assert (begun.status_code, begun.json()["state"], begun.json()["total"]) == (202, "queued", 1)
    assert api(admin, "post", f"{agent.pk}/runs").status_code == 409
    model.answers = [Answer("At nine.")]
    with tenant_context(acme):
        run_work(run_id=begun.json()["id"])
    told = api(admin, "get", f"{agent.pk}/runs/{begun.json()['id']}").json()
    assert (told["state"], told["passed"], told["results"][0]["turns"][0]["reply"]) == ("done", 1, "At nine.")
    assert api(admin, "delete", f"{agent.pk}/runs/{begun.json()['id']}").json()["state"] == "done"
    assert len(api(admin, "get", f"{agent.pk}/runs").json()) == 1
    assert api(admin, "delete", one).status_code == 204 and api(admin, "get", one).status_code == 404


def test_the_api_by_role(client_for: ClientFor, acme: Tenant, bob: User, charlie: User, agent: Agent) -> None:
    paths = [f"{agent.pk}/checks", f"{agent.pk}/runs", f"{agent.pk}/checks/{uuid7()}", f"{agent.pk}/runs/{uuid7()}"]
    for client in (client_for(bob, "acme"), client_for(charlie, "acme"), client_for(None, "acme")):
        assert {api(client, "get", path).status_code for path in paths} <= {401, 403, 404}
        assert api(client, "post", f"{agent.pk}/checks", GIVEN).status_code in (401, 403, 404)
    assert {api(client_for(charlie, "globex"), "get", path).status_code for path in paths} == {404}
