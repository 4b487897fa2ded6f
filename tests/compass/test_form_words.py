"""What the editor and the checks say to values that cannot be: at the field, in words, with the line that is meant."""

from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.test import Client
from django_tenants.utils import tenant_context

from apps.compass.models import Agent, CheckScenario
from apps.tenants.models import Tenant
from tests.addresses import at
from tests.compass.factories import agent_published

pytestmark = pytest.mark.django_db
CHECK = {"name": "Hours", "customer": "", "lines": "When?", "turns": "6", "criteria": "Polite.", "pass_mark": "0.8"}


@pytest.fixture
def agent(acme: Tenant) -> Agent:
    with tenant_context(acme):
        return agent_published()


def saved(admin: Client, agent: Agent, **changes: Any) -> Any:
    """The editor's form as it stands, with these changes, sent."""
    form = admin.get(at("agent", agent.slug)).context["form"]
    values = {field.name: form[field.name].field.prepare_value(field.value()) for field in form}
    sent = {name: "on" if value is True else value for name, value in values.items() if value not in (False, None)}
    return admin.post(at("agent-save", agent.slug), {**sent, **changes})


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"min_delay": "5", "max_delay": "1"}, "max_delay", "Write at least as much as the shortest pause."),
        ({"fallbacks": "a\nb\nc\nd"}, "fallbacks", "At most 3 fit here."),
        ({"phrases": "a person\n" + "p" * 90}, "phrases", "Line 2: At most 80 characters fit here."),
        ({"greetings": "de: " + "x" * 1_001}, "greetings", "de: At most 1000 characters fit here."),
        ({"greetings": "german: Hallo"}, "greetings", "“german” is not a language code such as en or pt-BR."),
        ({"variables": "hours: nine\nhours: ten"}, "variables", "“hours” stands there twice. Take one out."),
        ({"tool_builtin": "transfer"}, "tools", "Nothing is written under “Whom callers can be put through to”"),
        (
            {"tool_builtin": "transfer", "option.transfer.targets": "Sales"},
            "tools",
            "“Sales” does not fit under “Whom callers can be put through to” of “Put through by phone”. One a line:",
        ),
        ({"tool_library": "http:gone"}, "tools", "There is no tool named gone in the library. Make it under Tools first."),
        ({"knowledge_choice": "none", "knowledge_top_k": "99"}, "knowledge_top_k", "Write a number up to 10."),
    ],
)
def test_the_editor_says_it_at_the_field(admin: Client, agent: Agent, changes: Any, field: str, words: str) -> None:
    answer = saved(admin, agent, **changes)
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == [field]
    assert answer.json()["errors"][field].startswith(words)


def test_there_is_a_place_for_what_the_tools_tab_says(admin: Client, agent: Agent) -> None:
    assert 'data-error-for="tools"' in admin.get(at("agent", agent.slug)).content.decode()


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"tool_answers": '{"book": 1'}, "tool_answers", "It ends too early, in line 1"),
        ({"tool_answers": "[1]"}, "tool_answers", "in braces"),
        ({"criteria": "short\n" + "c" * 401}, "criteria", "Line 2: At most 400 characters fit here."),
        ({"lines": "line\n" * 21}, "lines", "At most 20 fit here."),
        ({"lines": ""}, "__all__", "Say who the customer is"),
    ],
)
def test_a_check_says_it_at_the_field(admin: Client, acme: Tenant, agent: Agent, changes: Any, field: str, words: str) -> None:
    answer = admin.post(at("agent-check-new", agent.pk), {**CHECK, **changes})
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, [field])
    assert words in answer.context["form"].errors[field][0]
    with tenant_context(acme):
        assert not CheckScenario.objects.exists()


@pytest.mark.parametrize(
    ("sent", "field", "words"),
    [
        ({}, "__all__", "Choose the file that “Export” gave you, or paste"),
        ({"text": '{"a": 1,}'}, "text", "In line 1, at “}”: a name has to come here"),
        ({"file": ContentFile(b"\xff\xfe\xff", name="a.json")}, "file", "It is not a text in UTF-8."),
        ({"text": '{"meridian": "agent", "schema_version": 1, "name": "A", "config": {"llm": {"temperature": 9}}}'},
         "__all__", "llm.temperature: write a number up to 2."),
    ],
    ids=["nothing", "json", "bytes", "number"],
)  # fmt: skip
def test_an_import_says_what_it_cannot_read(admin: Client, acme: Tenant, sent: Any, field: str, words: str) -> None:
    answer = admin.post(at("agent-import"), sent)
    assert (answer.status_code, list(answer.context["uploads"].errors)) == (422, [field])
    assert words in answer.context["uploads"].errors[field][0]
    with tenant_context(acme):
        assert not Agent.objects.exists()


def test_less_than_one_answer_is_no_number_of_answers(admin: Client, acme: Tenant, agent: Agent) -> None:
    half = {**CHECK, "assertion-0-kind": "max_turns", "assertion-0-value": "0.5"}
    assert "Write a number from 1 to 1,000." in admin.post(at("agent-check-new", agent.pk), half).content.decode()
    with tenant_context(acme):
        assert not CheckScenario.objects.exists()
