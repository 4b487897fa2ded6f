"""The form of a tool: each sentence at its rows, what was typed kept, and JSON that is wrong told without a word of Python."""

import re
from typing import Any

import pytest
from django.test import Client
from django_tenants.utils import tenant_context

from apps.compass.forms_tools import rows_of
from apps.compass.models import Tool, ToolSecret
from apps.compass.words import json_fault
from apps.core.payloads import json_read
from apps.tenants.models import Tenant
from tests.addresses import at

pytestmark = pytest.mark.django_db
FORM = {
    "name": "order",
    "description": "Finds it.",
    "method": "GET",
    "url": "https://api.example.com/",
    "timeout": "5",
    "retries": "0",
    "enabled": "on",
    "schema_mode": "form",
    "header_name": ["X-Key"],
    "header_value": ["secret"],
}


def row(**values: str) -> dict[str, list[str]]:
    """A row of parameters as it is posted."""
    given = {"name": "", "type": "string", "description": "", "required": "yes", "enum": "", **values}
    return {f"param_{name}": [value] for name, value in given.items()}


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"header_name": ["Host"]}, "headers", "The header Host cannot be set"),
        ({"header_name": [""], "header_value": ["kept value"]}, "headers", "A row has no name"),
        ({"header_name": ["A", "A"], "header_value": ["kept value", "2"]}, "headers", "Two rows are named “A”"),
        ({"pick_name": ["a"], "pick_path": ["kept..value"]}, "pick", "“kept..value” is no path"),
        (row(description="kept value"), "parameters", "A row has no name"),
        (row(name="size", type="integer", enum="kept value"), "parameters", "“kept value” among the choices of size"),
        (row(name="size", type="number", enum="1, inf", description="kept value"), "parameters", "“inf” among the choices"),
        ({"schema_mode": "json", "schema_json": '["kept value"]'}, "parameters", "has to be an object"),
        ({"schema_mode": "json", "schema_json": '{"kept value" 1}'}, "parameters", "In line 1, at “1}”: a colon is missing"),
        ({"url": "https://api.example.com/{kept}value"}, "url", "add a parameter of that name"),
        ({"method": "POST", "retries": "3", "description": "kept value"}, "retries", "safe to send twice"),
    ],
)
def test_a_sentence_stands_at_its_rows_and_what_was_typed_is_kept(
    admin: Client, acme: Tenant, changes: Any, field: str, words: str
) -> None:
    answer = admin.post(at("tool-new"), {**FORM, **changes})
    page = answer.content.decode()
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, [field])
    assert words in answer.context["form"].errors[field][0]
    assert f'id="id_{field}_error"' in page
    assert "kept value" in page or "{kept}value" in page or "kept..value" in page or 'value="Host"' in page
    with tenant_context(acme):
        assert not Tool.objects.exists()


def test_an_mcp_server_says_it_at_the_headers_and_at_the_address(admin: Client) -> None:
    form = {"name": "crm", "url": "http://10.0.0.1/mcp", "timeout": "5", "header_name": [""], "header_value": ["kept value"]}
    answer = admin.post(at("mcp-new"), form)
    assert "A row has no name" in answer.context["form"].errors["headers"][0]
    assert 'value="kept value"' in answer.content.decode()
    answer = admin.post(at("mcp-new"), {**form, "header_name": ["X-Key"]})
    assert "a network that tools may not reach" in answer.context["form"].errors["url"][0]


def test_a_refused_form_begins_at_what_is_wrong(admin: Client) -> None:
    assert "autofocus" not in admin.get(at("tool-new")).content.decode()
    page = admin.post(at("tool-new"), {**FORM, "timeout": "99", "retries": "9"}).content.decode()
    assert re.findall(r'name="(\w+)"[^>]* autofocus', page) == ["timeout", "retries"]
    page = admin.post(at("tool-new"), {**FORM, "header_name": ["Host"]}).content.decode()
    assert re.findall(r'id="(\w+)"[^>]*\sautofocus', page) == ["id_headers_error"]


def test_trying_says_which_field_is_wrong_and_why(admin: Client) -> None:
    page = admin.post(at("tool-test"), {**FORM, "timeout": "99"}).content.decode()
    assert "Seconds to wait: Ensure this value is less than or equal to 15." in page


def test_a_secret_says_it_at_its_field_and_keeps_its_name(admin: Client, acme: Tenant) -> None:
    for name, value, field in (("two words", "x", "name"), ("SHOP", "é", "value")):
        assert list(admin.post(at("secret-new"), {"name": name, "value": value}).context["form"].errors) == [field]
    admin.post(at("secret-new"), {"name": "SHOP", "value": "one"})
    assert admin.post(at("secret-edit", "SHOP"), {"name": "OTHER", "value": "two"}).status_code == 302
    with tenant_context(acme):
        assert [(secret.name, secret.value) for secret in ToolSecret.objects.all()] == [("SHOP", "two")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "It ends too early, in line 1"),
        ('{\n  "a": 1\n', "It ends too early, in line 3"),
        ('{"a": 1,}', "In line 1, at “}”: a name has to come here, in double quotes"),
        ("{'a': 1}", "In line 1, at “'a': 1}”: a name has to come here"),
        ('{"a":\n 1\n "b": 2}', 'In line 3, at “"b": 2}”: a comma is missing'),
        ('{"a": "x\n"}', "In line 1: a text goes on in the next line"),
        ('{"a": "x}', 'In line 1, at “"x}”: this text has no double quote at its end'),
        ('{"a": "\\q"}', "a backslash in a text is written twice"),
        ("{} more", "at “more”: this stands behind the last bracket"),
        ('{"a": yes}', "at “yes}”: here belongs a value: a text in double quotes"),
        ('{"a": NaN}', "NaN is no number in JSON"),
        ("[" * 101 + "]" * 101, "It is nested too deeply"),
    ],
)
def test_json_that_is_wrong_is_told_in_words(text: str, words: str) -> None:
    with pytest.raises(ValueError) as caught:
        json_read(text)
    said = json_fault(caught.value)
    assert words in said
    assert said.endswith(".") and not {"char", "column", "delimiter"} & set(said.split())


@pytest.mark.parametrize(
    "one",
    [
        True,
        {},
        {"type": ["string", "null"]},
        {"type": "string", "enum": ["Berlin, Mitte", "Hamburg"]},
        {"type": "string", "enum": []},
        {"type": "boolean", "enum": [True]},
        {"type": "string", "enum": ["a", None]},
    ],
)
def test_a_schema_that_rows_would_change_is_shown_as_json(one: Any) -> None:
    assert rows_of({"type": "object", "properties": {"a": one}}) is None


def test_what_rows_can_say_is_shown_as_rows() -> None:
    properties = {"a": {"type": "string", "description": "", "enum": ["x", "y"]}, "b": {"type": "number", "enum": [1, 2.5]}}
    rows = rows_of({"type": "object", "properties": properties, "required": ["a"]}) or []
    assert [(one["name"], one["required"], one["enum"]) for one in rows] == [("a", True, "x, y"), ("b", False, "1, 2.5")]
    assert rows_of({"type": "object", "properties": properties, "required": ["c"]}) is None
    assert rows_of({"type": "object", "properties": {" a": {"type": "string"}}}) is None
