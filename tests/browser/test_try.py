"""docs/first-agent.md, walked exactly: who follows it has a talking agent of their own. The microphone is fed from a WAV."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from embedded.stack import Stack
from tests.browser.test_everyone import sideways, violations
from tests.browser.test_real_call import HEARS, LOUD, PATIENCE, UNDERSTOOD, new_page, question, stack

pytestmark = [pytest.mark.browser, pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(900)]
__all__ = ["new_page", "question", "stack"]

GUIDE = Path(__file__).parents[2] / "docs" / "first-agent.md"


class Guide:
    """The document's words in their order; a step that it does not name next is a step that a reader would not find."""

    def __init__(self, page: Page, stack: Stack) -> None:
        self.page, text = page, GUIDE.read_text()
        self._words = re.findall(r"\*\*(.+?)\*\*", text)
        self._blocks = [block.strip() for block in re.findall(r"```\n(.*?)```", text, re.DOTALL)]
        self._addresses = iter(re.findall(r"<(http\S+?)>", text))
        self._site = stack.tenant_url("acme")
        self.name = re.findall(r"Call it `(.+?)`", text)[0]
        self.email, self.password = re.findall(r"as `(.+?)`,\s+password `(.+?)`", text)[0]

    def next(self, word: str) -> str:
        assert self._words.pop(0) == word
        return word

    def press(self, word: str, *, role: str = "button", within: Locator | None = None) -> None:
        """Presses what the document names next."""
        place = within or self.page
        place.get_by_role(role, name=self.next(word), exact=True).first.click()  # type: ignore[arg-type]

    def open(self) -> None:
        """Opens the address that the document gives next, on this stack's port."""
        path = next(self._addresses).partition("localhost:8000")[2]
        self.page.goto(f"{self._site}{path}")

    @property
    def greeting(self) -> str:
        return self._blocks[1]


def test_the_first_agent(stack: Stack, new_page: Callable[[], Page]) -> None:
    page = new_page()
    guide = Guide(page, stack)
    guide.open()
    page.get_by_label("E-mail").fill(guide.email)
    page.get_by_label("Password").fill(guide.password)
    page.get_by_role("button", name="Log in").click()

    guide.press("Agents", role="link")
    guide.press("New agent", role="link")
    page.get_by_label("Name").fill(guide.name)
    guide.press("Make the agent")
    page.get_by_label(guide.next("Greeting"), exact=True).fill(guide.greeting)

    guide.press("Talk")
    guide.press("Talk to the draft")
    trial = page.locator(".call-trial")
    theirs = trial.locator(".turn:not(.turn-caller)")
    expect(theirs.first).to_contain_text("this is the front desk", timeout=PATIENCE)
    page.wait_for_function(HEARS, arg=LOUD, timeout=PATIENCE)
    expect(trial.locator(".turn-caller").filter(has_text=UNDERSTOOD).first).to_be_visible(timeout=PATIENCE)
    expect(theirs.nth(1)).to_be_visible(timeout=PATIENCE)
    assert violations(page) == []
    guide.press("Hang up")
    expect(trial.get_by_text("You hung up")).to_be_visible()
    expect(trial.get_by_role("link", name="Everything about this call")).to_be_visible(timeout=PATIENCE)
    trial.get_by_text("The prompt as sent").click()
    expect(trial.locator("#trial-prompt pre")).to_contain_text("You ")
    assert violations(page) == []

    guide.press("Chat")
    page.get_by_label("Your message as a customer").fill("When do you open?")
    page.get_by_role("button", name="Send").click()
    answer = page.locator("[data-turn] .bubble")
    expect(answer.first).to_be_visible(timeout=PATIENCE)
    page.locator(".try-behind summary").first.click()
    expect(page.locator("[data-turn]").get_by_text("The prompt as sent").first).to_be_visible()
    assert violations(page) == []

    guide.press("Publish…", role="link")
    guide.press("Publish")
    guide.open()
    guide.press("Talk")
    expect(page.locator(".turn").first).to_contain_text("this is the front desk", timeout=PATIENCE)
    page.get_by_role("button", name="Hang up").click()
    expect(page.get_by_text("You hung up")).to_be_visible()


def test_checks_run_before_the_eyes(stack: Stack, new_page: Callable[[], Page]) -> None:
    page = new_page()
    acme = stack.tenant_url("acme")
    page.goto(f"{acme}/login")
    page.get_by_label("E-mail").fill("alice@acme.test")
    page.get_by_label("Password").fill("meridian-demo")
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{acme}/")
    page.goto(f"{acme}/compass/agents/reception/#tab-checks")
    page.get_by_role("link", name="New check").first.click()
    page.get_by_label("Name").fill("Opening hours")
    page.get_by_label("Or what they say").fill("When do you open?")
    page.get_by_role("button", name="Add a condition").click()
    page.get_by_role("combobox", name="Condition", exact=True).select_option("max_turns")
    page.get_by_label("Answers", exact=True).fill("1")
    assert violations(page) == []
    page.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Run checks").click()
    expect(page.get_by_text("1 of 1 passed").first).to_be_visible(timeout=PATIENCE)
    assert violations(page) == []
    page.get_by_text("1 of 1 passed").first.click()
    expect(page.get_by_text("When do you open?").first).to_be_visible()
    assert violations(page) == []
    page.set_viewport_size({"width": 360, "height": 740})
    assert sideways(page) <= 0
