"""The trial chat in a browser: words and tools appear as they come, and Stop and Escape end the answer."""

from collections.abc import Callable, Iterator

import pytest
from django_tenants.utils import tenant_context
from playwright.sync_api import Page, expect

from apps.tenants.models import Tenant
from tests.browser.test_everyone import violations
from tests.herald.factories import text_agent
from tests.herald.sides import model_running
from tests.standins.openai import Answer, OpenAIStandin

pytestmark = pytest.mark.browser
AsPerson = Callable[..., Page]


@pytest.fixture
def model() -> Iterator[OpenAIStandin]:
    with model_running() as standin:
        yield standin


@pytest.fixture
def page(as_person: AsPerson, site: Callable[[str], str], acme: Tenant, model: OpenAIStandin) -> Page:
    """The editor of an agent whose model is the stand-in."""
    with tenant_context(acme):
        text_agent(model)
    page = as_person("alice@acme.test", "acme", reduced_motion="reduce")
    page.goto(f"{site('acme')}/compass/agents/reception/")
    return page


def ask(page: Page, text: str) -> None:
    page.get_by_label("Your message as a customer").fill(text)
    page.keyboard.press("Enter")


def test_words_are_shown_as_they_come_and_stop_keeps_them(page: Page, model: OpenAIStandin) -> None:
    model.answers = [Answer("Nine until", ends="stalls"), Answer("Half past", ends="stalls"), Answer("From nine until five.")]
    log = page.get_by_role("log", name="Trial chat")
    stop, send = page.get_by_role("button", name="Stop"), page.get_by_role("button", name="Send")
    ask(page, "When do you open?")
    expect(log.locator("[data-try-answering] .bubble")).to_contain_text("Nine")
    expect(log.get_by_text("first word after")).to_be_visible()
    expect(log).to_have_attribute("aria-busy", "true")
    expect(send).to_be_hidden()
    assert violations(page) == []
    stop.click()
    expect(log.get_by_text("You stopped the answer here")).to_be_visible()
    expect(log.locator("[data-turn] .bubble")).to_have_text("Agent:Nine")
    expect(log).to_have_attribute("aria-busy", "false")
    expect(page.get_by_label("Your message as a customer")).to_be_focused()
    ask(page, "And on Monday?")
    expect(log.locator("[data-try-answering] .bubble")).to_contain_text("Half")
    page.keyboard.press("Escape")
    expect(log.get_by_text("You stopped the answer here")).to_have_count(2)
    ask(page, "On Friday, then?")
    expect(log.locator("[data-turn] .bubble").last).to_have_text("Agent:From nine until five.")
    expect(stop).to_be_hidden()
    said = [(message["role"], message["content"]) for message in model.chats[-1].body["messages"][1:]]
    assert said[:2] == [("user", "When do you open?"), ("assistant", "Nine")] and said[-1] == ("user", "On Friday, then?")
    assert violations(page) == []


def test_the_pages_clock_leaves_an_answer_under_way_alone(page: Page, model: OpenAIStandin) -> None:
    """Every half minute and after each swap the page writes its times anew; the answer's own element once looked like one."""
    model.answers = [Answer("Nine until", ends="stalls")]
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    log = page.get_by_role("log", name="Trial chat")
    ask(page, "When do you open?")
    expect(log.locator("[data-try-answering] .bubble")).to_contain_text("Nine")
    page.evaluate("document.dispatchEvent(new CustomEvent('htmx:after:swap'))")
    expect(log.locator("[data-try-answering] .bubble")).to_contain_text("Nine")
    page.get_by_role("button", name="Stop").click()
    expect(log.locator("[data-turn] .bubble")).to_have_text("Agent:Nine")
    assert failures == []


def test_tools_are_shown_while_they_run(page: Page, model: OpenAIStandin) -> None:
    model.answers = [Answer("One moment.", tool_calls=[("look", {"day": "Monday"})]), Answer("It is", ends="stalls")]
    log = page.get_by_role("log", name="Trial chat")
    ask(page, "Are you there on Monday?")
    waiting = log.locator("[data-try-answering]")
    expect(waiting.locator(".bubble")).to_have_count(2)
    expect(waiting.get_by_text("look", exact=True)).to_be_visible()
    expect(waiting.get_by_text('{"day":"Monday"}')).to_be_visible()
    expect(waiting.get_by_text("failed")).to_be_visible()
    expect(page.locator("[data-try-status]")).to_contain_text("It uses a tool")
    page.get_by_role("button", name="Start over").click()
    expect(log.locator("*")).to_have_count(0)


def test_an_answer_that_breaks_off_is_told(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: object, **_: object) -> None:
        raise RuntimeError("It broke.")

    monkeypatch.setattr("apps.herald.trial.HeraldChat.turn", broken)
    ask(page, "When?")
    log = page.get_by_role("log", name="Trial chat")
    expect(log.get_by_text("The answer broke off. Send it again.")).to_be_visible()
    expect(page.get_by_label("Your message as a customer")).to_have_value("When?")
