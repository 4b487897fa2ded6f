"""One agent in two windows: each is told of the other, and nothing that somebody wrote is lost or silently replaced."""

from collections.abc import Callable, Iterator

import pytest
from django_tenants.utils import tenant_context
from playwright.sync_api import Dialog, Page, Route, expect

from apps.compass.models import Agent
from apps.compass.selectors.versions import version_head
from apps.compass.services import agent_draft_save
from apps.tenants.models import Role, Tenant, User
from apps.tenants.services import person_add
from tests.browser.test_desktop import realtime  # noqa: F401
from tests.browser.test_everyone import violations
from tests.compass.factories import LOCAL, agent_published
from tests.conftest import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("realtime")]
AsPerson = Callable[..., Page]
OTHERS = "This agent is open elsewhere too: {}."
OWN = "You have it open in another tab as well."
NEWER = "Somebody has saved a newer version."


@pytest.fixture
def agent(acme: Tenant, transactional_db: None) -> Agent:
    with tenant_context(acme):
        return agent_published()


@pytest.fixture
def path(site: Callable[[str], str], agent: Agent) -> str:
    return f"{site('acme')}/compass/agents/reception/"


@pytest.fixture
def dora(acme: Tenant, as_person: AsPerson, path: str) -> Iterator[Page]:
    """Another admin, with the agent open."""
    person_add(tenant=acme, email="dora@acme.test", role=Role.ADMIN, name="Dora", password=PASSWORD)
    page = as_person("dora@acme.test", "acme")
    page.goto(path)
    yield page
    with tenant_context(acme):  # whose audit log lets go of her
        acme.memberships.filter(user__email="dora@acme.test").delete()
        User.objects.filter(email="dora@acme.test").delete()


@pytest.fixture
def alice(as_person: AsPerson, path: str) -> Page:
    page = as_person("alice@acme.test", "acme", reduced_motion="reduce")
    page.goto(path)
    return page


def write(page: Page, text: str) -> None:
    page.get_by_role("textbox", name="Prompt", exact=True).fill(text)


def says(page: Page, text: str) -> None:
    expect(page.locator("[data-saved]")).to_have_text(text)


def stored(acme: Tenant, agent: Agent) -> str:
    with tenant_context(acme):
        text: str = version_head(agent).config["prompt"]["system"]
        return text


@pytest.mark.slow
def test_two_people_are_told_and_the_second_one_loses_nothing(dora: Page, alice: Page, acme: Tenant, agent: Agent) -> None:
    expect(alice.get_by_text(OTHERS.format("Dora"))).to_be_visible()
    expect(dora.get_by_text(OTHERS.format("Alice"))).to_be_visible()
    expect(alice.get_by_text(OWN)).to_be_hidden()
    write(alice, "Alice's words.")
    write(dora, "Dora's words.")
    dora.get_by_role("textbox", name="Name", exact=True).fill("Front desk")
    dora.keyboard.press("Control+s")
    says(dora, "Saved")
    expect(dora.get_by_role("heading", level=1)).to_have_text("Front desk")
    expect(alice.get_by_text(NEWER)).to_be_visible()
    expect(dora.get_by_text(NEWER)).to_be_hidden()
    assert violations(alice) == []
    alice.keyboard.press("Control+s")
    dialog = alice.get_by_role("dialog", name="Dora was quicker")
    expect(dialog).to_contain_text("Dora's words.")
    expect(dialog).to_contain_text("Alice's words.")
    expect(dialog.get_by_text("Front desk")).to_be_visible()
    assert violations(alice) == []
    with tenant_context(acme):
        agent.refresh_from_db()
    assert (stored(acme, agent), agent.name) == ("Dora's words.", "Front desk")
    alice.keyboard.press("Escape")
    expect(alice.get_by_role("textbox", name="Prompt", exact=True)).to_have_value("Alice's words.")
    alice.keyboard.press("Control+s")
    dialog.get_by_role("button", name="Overwrite with mine").click()
    says(alice, "Saved")
    assert stored(acme, agent) == "Alice's words."
    expect(dora.get_by_text(NEWER)).to_be_visible()
    dora.get_by_role("link", name="Load it").click()
    expect(dora.get_by_role("textbox", name="Prompt", exact=True)).to_have_value("Alice's words.")
    dora.goto("about:blank")
    expect(alice.get_by_text("open elsewhere too")).to_be_hidden()


def test_one_person_in_two_tabs(alice: Page, path: str, acme: Tenant, agent: Agent) -> None:
    other = alice.context.new_page()
    other.goto(path)
    for page in (alice, other):
        expect(page.get_by_text(OWN)).to_be_visible()
        expect(page.get_by_text("open elsewhere too")).to_be_hidden()
    write(other, "From the second tab.")
    other.keyboard.press("Control+s")
    says(other, "Saved")
    expect(alice.get_by_text(NEWER)).to_be_visible()
    write(alice, "From the first.")
    alice.keyboard.press("Control+s")
    dialog = alice.get_by_role("dialog", name="You have saved this agent elsewhere")
    dialog.get_by_role("button", name="Take theirs").click()
    expect(alice.get_by_role("textbox", name="Prompt", exact=True)).to_have_value("From the second tab.")
    other.close()
    expect(alice.get_by_text(OWN)).to_be_hidden()


def test_what_was_saved_while_the_socket_was_away_is_told(alice: Page, acme: Tenant, agent: Agent) -> None:
    """Nobody hears a hint of it; the page says where it stands once it is connected again."""
    page = alice
    page.add_init_script(
        "{const Kept = WebSocket; window.sockets = [];"
        "window.WebSocket = class extends Kept { constructor(...args) { super(...args); window.sockets.push(this); } };}"
    )
    page.reload()
    page.wait_for_function("window.sockets.at(-1)?.readyState === 1")
    page.context.set_offline(True)
    page.evaluate("window.sockets.at(-1).close()")
    page.wait_for_function("window.sockets.at(-1).readyState !== 1")
    with tenant_context(acme):
        agent_draft_save(agent=agent, config={**LOCAL, "prompt": {"system": "Meanwhile."}})
    expect(page.get_by_text(NEWER)).to_be_hidden()
    page.context.set_offline(False)
    expect(page.get_by_text(NEWER)).to_be_visible()


def test_what_cannot_be_saved_stays_and_is_saved_afterwards(alice: Page, acme: Tenant, agent: Agent) -> None:
    alice.context.set_offline(True)
    write(alice, "Written on a train.")
    alice.keyboard.press("Control+s")
    expect(alice.locator("[data-saved]")).to_contain_text("What you wrote stays here")
    alice.keyboard.type(" In a tunnel.")
    expect(alice.locator("[data-saved]")).to_contain_text("Not saved")
    alice.context.set_offline(False)
    says(alice, "Saved")
    assert stored(acme, agent) == "Written on a train. In a tunnel."


def test_a_server_that_is_away_for_a_moment_is_asked_again(alice: Page, acme: Tenant, agent: Agent) -> None:
    refused: list[str] = []

    def once(route: Route) -> None:
        refused.append(route.request.url)
        route.fulfill(status=502, body="Bad gateway")

    alice.route("**/save", once, times=1)
    write(alice, "Through at last.")
    alice.get_by_role("button", name="Save draft").click()
    expect(alice.locator("[data-saved]")).to_contain_text("Not saved")
    says(alice, "Saved")
    assert len(refused) == 1 and stored(acme, agent) == "Through at last."


def test_who_was_logged_out_logs_in_beside_it_and_saves(
    alice: Page, acme: Tenant, agent: Agent, site: Callable[[str], str]
) -> None:
    write(alice, "Longer than the session.")
    alice.context.clear_cookies(name="sessionid")
    alice.keyboard.press("Control+s")
    expect(alice.locator("[data-saved]")).to_contain_text("Log in again in another tab")
    tab = alice.context.new_page()
    tab.goto(f"{site('acme')}/login")
    tab.get_by_label("E-mail").fill("alice@acme.test")
    tab.get_by_label("Password").fill(PASSWORD)
    tab.get_by_role("button", name="Log in").click()
    tab.wait_for_url(f"{site('acme')}/")
    alice.keyboard.press("Control+s")
    says(alice, "Saved")
    assert stored(acme, agent) == "Longer than the session."


def test_leaving_unsaved_words_asks(alice: Page, path: str) -> None:
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    alice.on("dialog", stay)
    write(alice, "Not yet saved.")
    alice.get_by_role("link", name="All agents").click()
    alice.wait_for_function("document.visibilityState === 'visible'")
    expect(alice.get_by_role("textbox", name="Prompt", exact=True)).to_have_value("Not yet saved.")
    assert asked == ["beforeunload"] and alice.url == path
    alice.keyboard.press("Control+s")
    says(alice, "Saved")
    alice.get_by_role("link", name="All agents").click()
    expect(alice).to_have_url(path.removesuffix("reception/"))
    assert asked == ["beforeunload"]
