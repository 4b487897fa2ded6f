"""The Agent Desktop in a browser: by mouse, by keyboard, on a phone, in both themes, and live in two windows."""

import re
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import uvicorn
from django.utils import timezone
from django_tenants.utils import tenant_context
from playwright.sync_api import Page, WebSocketRoute, expect
from pytest_django import Settings

from apps.desktop.models import Conversation
from apps.tenants.models import Tenant, User
from embedded.ports import ports_free
from tests.browser.test_everyone import PHONE, sideways, violations
from tests.pages.desk import PNG, WATCH_TYPISTS, Desk, chat, desk_channel, desk_make, file_of, hears, part, says

pytestmark = pytest.mark.browser
AsPerson = Callable[..., Page]
Site = Callable[[str], str]
WIDE = {"width": 1440, "height": 900}
# Keeps every socket that the page opens, so that a test can kill them.
KEEP_SOCKETS = """{const Real = WebSocket; window.sockets = [];
window.WebSocket = class extends Real { constructor(...args) { super(...args); window.sockets.push(this); } };}"""


@pytest.fixture
def acme_desk(transactional_db: None) -> Iterator[Desk]:
    acme = Tenant.objects.get(schema_name="acme")
    alice, bob = (User.objects.get(email=f"{name}@acme.test") for name in ("alice", "bob"))
    with desk_channel(), tenant_context(acme):
        made = desk_make(alice, bob)
        file_of(hears(made.mine, "The lamp", kind="image", attachments=part("image/png")), "lamp.png", "image/png", PNG)
        yield made


@pytest.fixture
def realtime(settings: Settings) -> Iterator[None]:
    """The realtime process as a thread of this one, over the suite's own Redis."""
    from config.asgi import application

    (port,) = ports_free(1)
    settings.REALTIME_URL = f"ws://{{host}}:{port}"
    server = uvicorn.Server(uvicorn.Config(application, port=port, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    yield
    server.should_exit = True
    thread.join(timeout=10)


def open_desk(page: Page, site: Site, conversation: Conversation | None = None, view: str = "all") -> None:
    path = f"{conversation.pk}/" if conversation else ""
    page.goto(f"{site('acme')}/desktop/{path}?view={view}")


def thread(page: Page) -> Any:
    return page.get_by_role("log", name="Messages")


def connected(page: Page) -> None:
    """Waits until the page's last socket has been told that it is subscribed."""
    page.wait_for_function("() => window.sockets?.at(-1)?.readyState === 1 && window.registered >= 1")


LISTEN = """
{const Kept = WebSocket; window.registered = 0;
window.WebSocket = class extends Kept { constructor(...args) { super(...args);
this.addEventListener("message", (event) => { if (event.data.includes('"registered"')) window.registered += 1; }); } };}"""


def test_from_the_list_to_an_answer(as_person: AsPerson, site: Site, acme_desk: Desk) -> None:
    page = as_person("bob@acme.test", "acme")
    open_desk(page, site, view="unassigned")
    page.get_by_role("link", name="Maria Gonzales").click()
    expect(page.get_by_role("heading", name="Maria Gonzales")).to_be_visible()
    expect(page).to_have_url(f"{site('acme')}/desktop/{acme_desk.waiting.pk}/?view=unassigned")
    expect(page).to_have_title("(1) Maria Gonzales · Desktop · Acme · Meridian")
    expect(page.get_by_text("Order A-4711 is late")).to_be_visible()
    page.get_by_role("button", name="Claim", exact=True).click()
    expect(page.get_by_text("The conversation is yours.")).to_be_visible()
    write = page.get_by_role("textbox", name="Write a reply…")
    write.fill("Hello Maria")
    write.press("Shift+Enter")
    write.press_sequentially("it is on its way")
    write.press("Enter")
    expect(thread(page)).to_contain_text("it is on its way")
    expect(write).to_have_value("")
    page.go_back()
    expect(page.get_by_text("No conversation is open")).to_be_visible()
    page.go_forward()
    expect(thread(page)).to_contain_text("it is on its way")


def test_what_was_written_is_kept_until_it_is_sent(as_person: AsPerson, site: Site, acme_desk: Desk) -> None:
    page = as_person("bob@acme.test", "acme")
    open_desk(page, site, acme_desk.mine)
    write = page.get_by_role("textbox", name="Write a reply…")
    write.fill("Half a sent")
    page.get_by_role("link", name="Maria Gonzales").click()
    expect(page.get_by_role("heading", name="Maria Gonzales")).to_be_visible()
    page.get_by_role("link", name="Tom Becker").click()
    expect(write).to_have_value("Half a sent")
    page.reload()
    expect(write).to_have_value("Half a sent")
    page.route("**/reply", lambda route: route.abort())
    write.press("Enter")
    expect(page.get_by_text("The server could not be reached")).to_be_visible()
    expect(write).to_have_value("Half a sent")


@pytest.mark.slow
def test_by_keyboard(as_person: AsPerson, site: Site, acme_desk: Desk) -> None:
    page = as_person("bob@acme.test", "acme")
    page.keyboard.press("g")
    page.keyboard.press("i")
    page.wait_for_url("**/desktop/")
    page.locator("#view-all").click()
    expect(page.locator(".chat-row")).to_have_count(3)
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Tom Becker")).to_be_visible()
    page.keyboard.press("r")
    expect(page.get_by_role("textbox", name="Write a reply…")).to_be_focused()
    page.keyboard.type("/thanks")
    expect(page.locator("#canned").get_by_role("option")).to_contain_text("Thank you, Tom.")
    page.keyboard.press("Enter")
    expect(page.get_by_role("textbox", name="Write a reply…")).to_have_value("Thank you, Tom. Have a good day!")
    page.keyboard.press("Enter")
    expect(thread(page)).to_contain_text("Thank you, Tom. Have a good day!")
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    page.keyboard.type("A kind man")
    page.keyboard.press("Enter")
    expect(thread(page).locator(".said-note")).to_contain_text("A kind man")
    page.keyboard.press("Escape")
    page.keyboard.press("a")
    expect(page.get_by_role("dialog", name="Assign to a colleague")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("e")
    expect(page.get_by_role("dialog", name="Resolve")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Resolved.", exact=True)).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Open again.")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_text("No conversation is open")).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_contain_text("Private note")


@pytest.mark.slow
def test_files_emoji_and_a_picture_in_large(as_person: AsPerson, site: Site, acme_desk: Desk) -> None:
    page = as_person("bob@acme.test", "acme")
    open_desk(page, site, acme_desk.mine)
    page.get_by_role("link", name="lamp.png").click()
    expect(page.get_by_role("dialog", name="Photo")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_label("Attach files").set_input_files({"name": "plan.png", "mimeType": "image/png", "buffer": PNG})
    expect(page.locator(".composer-file[data-state=here]")).to_contain_text("plan.png")
    page.get_by_role("button", name="Emoji").click()
    page.get_by_role("menuitem", name="grinning face", exact=False).first.click()
    page.get_by_role("button", name="Send").click()
    expect(thread(page).get_by_role("img", name="plan.png")).to_be_visible()
    expect(page.locator(".composer-file")).to_have_count(0)


@pytest.mark.slow
def test_a_template_with_its_preview(as_person: AsPerson, site: Site, acme_desk: Desk) -> None:
    page = as_person("bob@acme.test", "acme")
    Conversation.objects.filter(pk=acme_desk.mine.pk).update(window_until=timezone.now() - timedelta(hours=1))
    open_desk(page, site, acme_desk.mine)
    expect(page.get_by_text("WhatsApp takes only a template now")).to_be_visible()
    page.get_by_role("button", name="Choose a template").click()
    page.get_by_text("order_arrived").click()
    for label, text in (("{{1}} in the heading", "you"), ("{{1}}", "Tom"), ("{{2}}", "A-4711")):
        page.get_by_label(label, exact=True).fill(text)
    dialog = page.get_by_role("dialog", name="Templates")
    expect(dialog).to_contain_text("Hello Tom, your order A-4711 has arrived.")
    assert violations(page) == []
    dialog.get_by_role("button", name="Send this template").click()
    expect(thread(page)).to_contain_text("your order A-4711 has arrived")


@pytest.mark.slow
def test_older_messages_come_while_one_scrolls_up(as_person: AsPerson, site: Site, acme_desk: Desk) -> None:
    long = chat("Long Talker")
    for number in range(110):
        hears(long, f"Message {number:03}", ago=2000 - number)
    Conversation.objects.filter(pk=long.pk).update(unread=0)
    page = as_person("bob@acme.test", "acme")
    open_desk(page, site, long)
    expect(thread(page).get_by_text("Message 109")).to_be_in_viewport()
    expect(thread(page).get_by_text("Message 059")).to_have_count(0)
    thread(page).evaluate("(box) => { box.scrollTop = 0 }")
    expect(thread(page).get_by_text("Message 010")).to_have_count(1)
    page.wait_for_function("(box) => box.scrollTop > 500", arg=thread(page).element_handle())  # the place was kept


def test_rows_do_not_move_under_the_pointer(as_person: AsPerson, site: Site, acme_desk: Desk) -> None:
    page = as_person("bob@acme.test", "acme")
    open_desk(page, site)
    rows, changed = page.locator(".chat-row"), page.get_by_role("button", name="The list has changed")
    expect(rows.first).to_contain_text("Tom Becker")
    rows.nth(1).hover()
    hears(acme_desk.mine, "One more thing")
    hint(page)
    expect(rows.first).to_contain_text("One more thing")
    hears(acme_desk.waiting, "Are you there?")
    hint(page)
    expect(changed).to_be_visible()
    expect(rows.first).to_contain_text("Tom Becker")
    page.mouse.move(900, 300)
    expect(rows.first).to_contain_text("Are you there?")
    expect(changed).to_be_hidden()


def test_a_filter_that_is_set_is_seen(as_person: AsPerson, site: Site, acme_desk: Desk) -> None:
    page = as_person("bob@acme.test", "acme")
    open_desk(page, site)
    filters, look = page.locator("#desk-filters > summary"), "(button) => getComputedStyle(button).color"
    plain = filters.evaluate(look)
    filters.click()
    page.locator("#filter-team").select_option("Support")
    expect(page.locator(".chat-row")).to_have_count(1)
    assert filters.evaluate(look) != plain
    assert violations(page) == []
    middle = "(part) => { const box = part.getBoundingClientRect(); return (box.top + box.bottom) / 2 }"
    box = page.get_by_label("Where I am mentioned")
    assert abs(box.evaluate(middle) - box.locator("..").evaluate(middle)) < 2, "the box stands beside its words"


def hint(page: Page) -> None:
    """What the page does when a hint comes."""
    page.evaluate("document.querySelector('#desk-list').dispatchEvent(new CustomEvent('live'))")


@pytest.mark.slow
def test_the_contact_on_a_smaller_screen(as_person: AsPerson, site: Site, acme_desk: Desk) -> None:
    page = as_person("bob@acme.test", "acme", viewport={"width": 1100, "height": 800})
    open_desk(page, site, acme_desk.mine)
    panel = page.get_by_role("complementary", name="Contact")
    expect(panel).to_be_hidden()
    page.get_by_role("button", name="Show the contact").last.click()
    panel.get_by_label("Add a tag").fill("vip")
    panel.get_by_label("Add a tag").press("Enter")
    expect(panel.get_by_role("button", name="Remove the tag vip")).to_be_visible()
    panel.get_by_role("button", name="Edit the contact").click()
    drawer = page.get_by_role("dialog", name="Edit the contact")
    drawer.get_by_label("What you keep about them").fill("Customer: 4711")
    drawer.get_by_role("button", name="Save").click()
    expect(panel).to_contain_text("4711")
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()


@pytest.mark.slow
def test_on_a_phone(as_person: AsPerson, site: Site, acme_desk: Desk) -> None:
    page = as_person("bob@acme.test", "acme", viewport=PHONE)
    open_desk(page, site)
    assert sideways(page) <= 0
    page.get_by_role("link", name="Tom Becker").click()
    expect(page.get_by_role("heading", name="Tom Becker")).to_be_visible()
    expect(page.get_by_role("link", name="Maria Gonzales")).to_be_hidden()
    assert sideways(page) <= 0
    assert violations(page) == []
    page.get_by_role("textbox", name="Write a reply…").fill("From my phone")
    page.get_by_role("button", name="Send").click()
    expect(thread(page)).to_contain_text("From my phone")
    page.get_by_role("link", name="Back to the list").click()
    expect(page.get_by_role("link", name="Maria Gonzales")).to_be_visible()
    expect(page).to_have_url(f"{site('acme')}/desktop/?view=all")


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(as_person: AsPerson, site: Site, acme_desk: Desk, theme: str) -> None:
    bob = User.objects.get(email="bob@acme.test")
    says(acme_desk.mine, "Here it is", by=bob)
    page = as_person(
        "bob@acme.test", "acme", color_scheme=theme, reduced_motion="reduce", viewport={"width": 1440, "height": 900}
    )
    found: dict[str, list[str]] = {}
    for conversation in (None, acme_desk.waiting, acme_desk.mine, acme_desk.with_ai):
        open_desk(page, site, conversation)
        found[str(conversation)] = violations(page)
    open_desk(page, site, view="resolved")
    found["empty"] = violations(page)
    open_desk(page, site, acme_desk.mine)
    for key in ("a", "e"):
        page.keyboard.press(key)
        found[key] = violations(page)
        page.keyboard.press("Escape")
        expect(page.locator("dialog[open]")).to_have_count(0)
    page.keyboard.press("/")
    expect(page.locator("#canned")).to_be_visible()
    found["canned"] = violations(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Emoji").click()
    expect(page.locator("emoji-picker")).to_be_visible()
    found["emoji"] = violations(page)
    assert {where: list_ for where, list_ in found.items() if list_} == {}


def live_page(as_person: AsPerson, site: Site, name: str, conversation: Conversation) -> Page:
    page = as_person(f"{name}@acme.test", "acme")
    page.context.add_init_script(KEEP_SOCKETS + LISTEN)
    open_desk(page, site, conversation)
    connected(page)
    return page


def test_two_windows_see_each_other_live(realtime: None, as_person: AsPerson, site: Site, acme_desk: Desk) -> None:
    alice = live_page(as_person, site, "alice", acme_desk.waiting)
    bob = live_page(as_person, site, "bob", acme_desk.waiting)
    bob.get_by_role("button", name="Claim", exact=True).click()
    expect(alice.get_by_text("with Bob")).to_be_visible()
    expect(thread(alice)).to_contain_text("Bob claimed the conversation")
    expect(alice.get_by_role("button", name="Claim", exact=True)).to_have_count(0)
    write = bob.get_by_role("textbox", name="Write a reply…")
    alice.evaluate(WATCH_TYPISTS)
    write.press_sequentially("Hello")
    alice.wait_for_function("() => window.typist?.includes('Bob is typing…')")
    write.press("Enter")
    expect(thread(alice)).to_contain_text("Hello")
    expect(alice.locator(f"#row-{acme_desk.waiting.pk}")).to_contain_text("Hello")


def test_a_message_comes_in_and_somebody_is_asked(realtime: None, as_person: AsPerson, site: Site, acme_desk: Desk) -> None:
    bob = live_page(as_person, site, "bob", acme_desk.mine)
    alice = live_page(as_person, site, "alice", acme_desk.waiting)
    alice.get_by_role("button", name="Assign").click()
    alice.get_by_role("dialog", name="Assign to a colleague").get_by_role("button", name="Bob").click()
    expect(bob.get_by_text("Maria Gonzales is yours")).to_be_visible()
    bob.get_by_role("link", name="Open").click()
    expect(bob.get_by_role("heading", name="Maria Gonzales")).to_be_visible()


@pytest.mark.slow
def test_a_connection_that_is_gone_without_a_word_is_given_up(
    realtime: None, as_person: AsPerson, site: Site, acme_desk: Desk
) -> None:
    page = as_person("bob@acme.test", "acme")
    lines: list[WebSocketRoute] = []
    gone: set[int] = set()

    def through(line: WebSocketRoute) -> None:
        server, number = line.connect_to_server(), len(lines)
        lines.append(line)
        line.on_message(lambda text: None if number in gone else server.send(text))
        server.on_message(lambda text: None if number in gone else line.send(text))

    page.route_web_socket(re.compile("/ws/desktop/"), through)
    page.context.add_init_script(LISTEN)
    open_desk(page, site, acme_desk.mine)
    page.wait_for_function("() => window.registered >= 1")
    gone.update(range(len(lines)))
    before, registered = len(lines), page.evaluate("window.registered")
    hears(acme_desk.mine, "Nobody was told of this")
    page.evaluate("dispatchEvent(new Event('online'))")
    page.wait_for_function("(before) => window.registered > before", arg=registered, timeout=30_000)
    expect(thread(page)).to_contain_text("Nobody was told of this")
    assert len(lines) > before


def test_after_a_lost_socket_the_page_catches_up(realtime: None, as_person: AsPerson, site: Site, acme_desk: Desk) -> None:
    page = live_page(as_person, site, "bob", acme_desk.mine)
    page.evaluate("window.registered = 0; window.sockets.at(-1).close()")
    hears(acme_desk.mine, "While you were away")
    expect(thread(page)).to_contain_text("While you were away")
    connected(page)
    assert page.evaluate("window.sockets.length") >= 2
