"""A tool from nothing to an agent's hands: made in the form, tried against a service, chosen in the editor."""

from collections.abc import Callable
from typing import Any

import pytest
from django_tenants.utils import tenant_context
from playwright.sync_api import Page, expect

from apps.compass.models import Agent, Tool
from apps.tenants.models import Tenant
from tests.browser.test_everyone import PHONE, sideways, violations
from tests.compass.factories import agent_published
from tests.compass.servers import ALLOWED, reply, serving

pytestmark = pytest.mark.browser
AsPerson = Callable[..., Page]
Site = Callable[[str], str]


def test_alice_makes_a_tool_and_gives_it_to_reception(as_person: AsPerson, site: Site, settings: Any) -> None:
    settings.TOOL_ALLOWED_NETWORKS = [f"{ALLOWED}/32"]
    acme = Tenant.objects.get(schema_name="acme")
    with tenant_context(acme):
        agent_published()
    page = as_person("alice@acme.test", "acme", viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    page.goto(f"{site('acme')}/compass/tools/")
    assert violations(page) == []
    page.get_by_role("link", name="New HTTP tool").click()
    page.get_by_label("Name", exact=True).first.fill("order_status")
    page.get_by_label("Description", exact=True).first.fill("Looks an order up by its number.")
    page.locator("[name=param_name]").fill("order_id")
    page.locator("[name=param_description]").fill("The number on the invoice.")
    page.get_by_role("button", name="Add a parameter").click()
    page.locator("[name=param_name]").nth(1).fill("detail")
    page.locator("[name=param_required]").nth(1).select_option("no")
    page.locator("[name=param_enum]").nth(1).fill("short, long")
    page.locator("[name=pick_name]").fill("state")
    page.locator("[name=pick_path]").fill("order.status")
    expect(page.get_by_label("Arguments")).to_have_value('{\n  "order_id": "some order_id",\n  "detail": "short"\n}')
    with serving(reply(body=b'{"order": {"status": "shipped", "secret": "internal"}}')) as shop:
        page.get_by_label("Address").fill(f"http://{ALLOWED}:{shop.port}/orders/{{order_id}}")
        page.get_by_role("button", name="Run the tool").click()
        expect(page.get_by_text("It works.")).to_be_visible()
        expect(page.locator("#trial-result")).to_have_text('{\n  "state": "shipped"\n}')
        assert shop.requests[0][1] == "/orders/some%20order_id?detail=short"
    assert violations(page) == []
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("link", name="order_status")).to_be_visible()
    page.goto(f"{site('acme')}/compass/agents/reception/")
    page.get_by_role("tab", name="Tools").click()
    page.get_by_role("checkbox", name="order_status").check()
    page.get_by_role("button", name="Save draft").click()
    expect(page.locator("[data-saved]")).to_have_text("Saved")
    assert violations(page) == []
    with tenant_context(acme):
        draft = Agent.objects.get().versions.get(state="draft")
        assert draft.config["tools"] == [{"kind": "http", "name": "order_status"}]
        tool = Tool.objects.get()
    page.set_viewport_size(PHONE)
    for path in ("tools/", f"tools/{tool.pk}", "tools/mcp/new", "providers/", "providers/openai", "providers/secrets/new"):
        page.goto(f"{site('acme')}/compass/{path}")
        assert sideways(page) <= 0, path
        assert violations(page) == [], path


def test_what_is_wrong_is_said_at_its_rows_and_no_schema_is_lost(as_person: AsPerson, site: Site) -> None:
    page = as_person("alice@acme.test", "acme", viewport=PHONE, reduced_motion="reduce")
    page.goto(f"{site('acme')}/compass/tools/new")
    schema = page.locator("[name=schema_json]")
    page.locator("[name=param_name]").fill("size")
    page.get_by_label("As JSON Schema").check()
    expect(schema).to_have_value('{\n  "type": "object",\n  "properties": {\n    "size": {\n      "type": "string"\n    }\n  },\n'
                                 '  "required": [\n    "size"\n  ],\n  "additionalProperties": false\n}')  # fmt: skip
    schema.fill('{"type": "object", "anyOf": []')
    page.get_by_label("As a form").check()
    page.get_by_label("As JSON Schema").check()
    expect(schema).to_have_value('{"type": "object", "anyOf": []')
    for label, text in (("Name", "order"), ("Description", "Finds it.")):
        page.get_by_label(label, exact=True).first.fill(text)
    page.get_by_label("Address").fill("https://shop.example/")
    page.locator("[name=header_value]").fill("no name")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(
        page.get_by_role("alert").filter(has_text="The JSON Schema cannot be read. It ends too early, in line 1")
    ).to_be_visible()
    expect(schema).to_have_value('{"type": "object", "anyOf": []')
    expect(page.locator("[name=header_value]")).to_have_value("no name")
    assert sideways(page) <= 0
    assert violations(page) == []
