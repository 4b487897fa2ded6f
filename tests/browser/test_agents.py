"""The agent builder: from a template to a published version and back, by mouse and keyboard."""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from django_tenants.utils import tenant_context
from playwright.sync_api import Page, expect

from apps.compass.models import Agent
from apps.compass.selectors.versions import version_head, version_published
from apps.compass.services import agent_draft_save
from apps.tenants.models import Tenant
from tests.compass.factories import LOCAL, agent_published

pytestmark = pytest.mark.browser
AsPerson = Callable[..., Page]
Site = Callable[[str], str]


def test_an_agent_is_made_changed_published_and_restored(as_person: AsPerson, site: Site, acme: Tenant) -> None:
    page = as_person("alice@acme.test", "acme")
    page.goto(f"{site('acme')}/compass/agents/")
    page.get_by_role("link", name="Make the first one").click()
    page.get_by_label("Name").fill("Front desk")
    page.get_by_text("Makes, moves and cancels appointments").click()
    page.get_by_role("button", name="Make the agent").click()
    prompt = page.get_by_role("textbox", name="Prompt")
    expect(prompt).to_contain_text("who makes appointments for {{company}}")
    with tenant_context(acme):
        agent = Agent.objects.get()
        agent_draft_save(agent=agent, config={**version_head(agent).config, **LOCAL})
    page.reload()
    prompt.fill("You are Otto. Say {{colour}}.\nBe brief.")
    expect(page.locator("[data-unknown]")).to_contain_text("colour")
    prompt.fill("You are Otto at ")
    page.get_by_role("button", name="{{company}}").click()
    expect(prompt).to_have_value("You are Otto at {{company}}")
    page.keyboard.press("Control+s")
    expect(page.locator("[data-saved]")).to_have_text("Saved")
    _clean(page)
    page.get_by_role("tab", name="Model").click()
    page.get_by_label("Temperature").fill("9")
    page.get_by_role("button", name="Save draft").click()
    expect(page.locator("[data-error-for=temperature]")).to_be_visible()
    page.get_by_label("Temperature").fill("0.5")
    page.get_by_role("link", name="Publish…").click()
    page.get_by_label("What did you change?").fill("Otto it is")
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.get_by_text("Published v1")).to_be_visible()
    with tenant_context(acme):
        first = version_published(agent)
        assert first is not None and first.config["llm"]["temperature"] == 0.5
    page.get_by_role("tab", name="Prompt").click()
    prompt.fill("You are Anna at {{company}}")
    page.get_by_role("link", name="Publish…").click()
    expect(page.locator(".diff-added mark").first).to_have_text("Anna")
    _clean(page)
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.get_by_text("Published v2")).to_be_visible()
    page.goto(f"{site('acme')}/compass/agents/front-desk/history")
    page.get_by_role("button", name="Restore").click()
    expect(prompt).to_have_value("You are Otto at {{company}}")
    page.get_by_role("button", name="Undo").click()
    expect(prompt).to_have_value("You are Anna at {{company}}")


def test_a_quicker_colleague_is_shown(as_person: AsPerson, site: Site, acme: Tenant) -> None:
    with tenant_context(acme):
        agent = agent_published()
    page = as_person("alice@acme.test", "acme")
    page.goto(f"{site('acme')}/compass/agents/reception/")
    page.get_by_role("textbox", name="Prompt").fill("Mine.")
    with tenant_context(acme):
        agent_draft_save(agent=agent, config={**LOCAL, "prompt": {"system": "Theirs."}})
    page.keyboard.press("Control+s")
    dialog = page.get_by_role("dialog", name="Somebody was quicker")
    expect(dialog).to_contain_text("Theirs")
    dialog.get_by_role("button", name="Overwrite with mine").click()
    expect(page.locator("[data-saved]")).to_have_text("Saved")
    with tenant_context(acme):
        assert version_head(agent).config["prompt"]["system"] == "Mine."


def test_variables_are_completed_and_what_is_unsaved_is_marked(as_person: AsPerson, site: Site, acme: Tenant) -> None:
    with tenant_context(acme):
        agent_published(variables={"opening_hours": "nine to five"})
    page = as_person("alice@acme.test", "acme", reduced_motion="reduce")
    page.goto(f"{site('acme')}/compass/agents/reception/")
    prompt, offered = page.get_by_role("textbox", name="Prompt", exact=True), page.get_by_role("listbox", name="Variables")
    prompt.fill("")
    prompt.press_sequentially("Call {{ca")
    expect(offered.get_by_role("option")).to_have_count(2)
    expect(page.locator("[data-saved]")).to_have_text("Unsaved changes")
    expect(page.get_by_role("tab", name="Prompt")).to_have_attribute("data-unsaved", "")
    _clean(page)
    prompt.press("ArrowDown")
    prompt.press("Enter")
    expect(prompt).to_have_value("Call {{caller_name}}")
    expect(offered).to_be_hidden()
    prompt.press_sequentially(" at {{open")
    prompt.press("Tab")
    expect(prompt).to_have_value("Call {{caller_name}} at {{opening_hours}}")
    prompt.press_sequentially(" {{da")
    prompt.press("Escape")
    expect(offered).to_be_hidden()
    expect(prompt).to_be_focused()
    page.get_by_role("tab", name="Limits").click()
    page.get_by_label("Longest call").fill("0")
    page.get_by_role("tab", name="Prompt").click()
    page.keyboard.press("Control+s")
    expect(page.get_by_label("Longest call")).to_be_focused()
    expect(page.get_by_label("Longest call")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Longest call").fill("60")
    page.keyboard.press("Control+s")
    expect(page.locator("[data-saved]")).to_have_text("Saved")
    expect(page.locator("[data-unsaved], [data-wrong]")).to_have_count(0)


def test_a_model_is_looked_for_and_chosen(as_person: AsPerson, site: Site, acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"model-{number}" for number in range(9)]
    monkeypatch.setattr("apps.compass.views.agents.offers.language_models", lambda: names)
    monkeypatch.setattr("apps.compass.views.agents.offers.speech_models", lambda provider: ["whisper-1"])
    with tenant_context(acme):
        agent_published()
    page = as_person("alice@acme.test", "acme", reduced_motion="reduce")
    page.goto(f"{site('acme')}/compass/agents/reception/#tab-model")
    page.get_by_label("Find a model").fill("el-7")
    expect(page.locator("[data-choose=llm_model]:visible")).to_have_count(1)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    chosen = page.get_by_role("button", name="model-7")
    expect(chosen).to_have_attribute("aria-pressed", "true")
    expect(chosen).to_be_focused()
    expect(page.get_by_label("Language model", exact=True)).to_have_value("model-7")
    page.get_by_label("Find a model").fill("nothing")
    expect(page.get_by_text("No model of this name.").first).to_be_visible()
    _clean(page)


def _clean(page: Page) -> None:
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_conditions_of_a_check_come_and_go_by_keyboard(as_person: AsPerson, site: Site, acme: Tenant) -> None:
    with tenant_context(acme):
        agent = agent_published()
    page = as_person("alice@acme.test", "acme")
    page.goto(f"{site('acme')}/compass/agents/{agent.pk}/checks/new")
    page.get_by_label("Name").fill("Hours")
    page.get_by_label("Or what they say").fill("When do you open?")
    add, conditions = page.get_by_role("button", name="Add a condition"), page.get_by_role("group", name="Condition", exact=True)
    add.press("Enter")
    kind = conditions.last.get_by_label("Condition", exact=True)
    expect(kind).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.type("nine")
    kind.select_option("lacks")
    expect(conditions.last.get_by_label("Words")).to_have_value("nine")  # alike, so it stays
    add.press("Enter")
    kind.select_option("tool")
    conditions.last.get_by_label("Tool").fill("book")
    conditions.last.get_by_label("Called with").fill("day: Monday")
    add.press("Enter")
    kind.select_option("no_handoff")
    expect(conditions).to_have_count(3)
    _clean(page)
    conditions.first.get_by_role("button", name="Remove this condition").press("Enter")
    expect(conditions.first.get_by_label("Condition", exact=True)).to_be_focused()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("“Hours” is saved.")).to_be_visible()
    with tenant_context(acme):
        kept = agent.scenarios.get().assertions
    assert [(one["kind"], one["value"]) for one in kept] == [("tool", "book"), ("no_handoff", "")]
    assert kept[0]["arguments"] == {"day": "Monday"}
