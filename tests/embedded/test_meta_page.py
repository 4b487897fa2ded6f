"""The phone page in Chromium: what a contact taps arrives, what a company sends is shown, and axe finds nothing."""

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright
from pywa import WhatsApp
from pywa.types import Button, Section, SectionList, SectionRow
from pywa.types.templates import BodyText, TemplateLanguage

from tests.browser.conftest import chromium_flags, chromium_path
from tests.embedded.product import Product
from tests.embedded.test_meta import ANN, client
from tests.embedded.waiting import wait_until
from tests.standins.meta import Meta

pytestmark = pytest.mark.browser
VOICE = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    with Product() as product:
        yield product


@pytest.fixture(scope="module")
def running(product: Product) -> Iterator[Meta]:
    with Meta(product.url) as meta:
        yield meta


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=chromium_path(), args=chromium_flags(*VOICE))
        yield chromium
        chromium.close()


@pytest.fixture
def meta(running: Meta, product: Product) -> Meta:
    running.ask("POST", "/reset")
    wait_until(lambda: not running.log["pending"])
    product.bodies.clear()
    return running


@pytest.fixture
def page(meta: Meta, browser: Browser) -> Iterator[Page]:
    problems: list[str] = []
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda entry: problems.append(entry.text) if entry.type == "error" else None)
    page.goto(meta.graph_url)
    expect(page.get_by_text("Meridian is connected.")).to_be_visible()
    yield page
    page.close()
    assert problems == []


@pytest.fixture
def wa(meta: Meta) -> WhatsApp:
    return client(meta)


def write(page: Page, text: str) -> None:
    page.get_by_label("Message", exact=True).fill(text)
    page.keyboard.press("Enter")
    expect(page.locator(".mine .words", has_text=text)).to_be_visible()


def arrived(product: Product, kind: str) -> dict:
    wait_until(lambda: any(message["type"] == kind for message in product.messages))
    return next(message for message in product.messages if message["type"] == kind)


def test_a_question_is_read_and_answered(page: Page, meta: Meta, product: Product, wa: WhatsApp) -> None:
    page.get_by_role("button", name="Do you deliver?").click()
    message = arrived(product, "text")
    expect(page.get_by_role("img", name="delivered")).to_be_visible()
    wa.indicate_typing(message["id"])
    expect(page.locator("#typing")).to_be_visible()
    expect(page.get_by_role("img", name="read")).to_be_visible()
    wa.send_message(ANN, "Yes, it is *free*.")
    expect(page.locator(".message:not(.mine) strong")).to_have_text("free")
    expect(page.locator("#typing")).to_be_hidden()
    wait_until(lambda: any(status["status"] == "read" for status in product.statuses))


def test_buttons_lists_and_templates_can_be_tapped(page: Page, product: Product, wa: WhatsApp) -> None:
    write(page, "Hello")
    wait_until(lambda: bool(product.messages))
    wa.send_message(ANN, "Shall we?", buttons=[Button("Yes, please", "yes")])
    page.get_by_role("button", name="Yes, please").click()
    assert arrived(product, "interactive")["interactive"]["button_reply"] == {"id": "yes", "title": "Yes, please"}
    product.bodies.clear()
    wa.send_message(ANN, "When?", buttons=SectionList("Times", [Section("Friday", [SectionRow("At nine", "9", "Early")])]))
    page.get_by_role("button", name="Times").click()
    page.get_by_role("button", name="At nine").click()
    reply = arrived(product, "interactive")["interactive"]["list_reply"]
    assert reply == {"id": "9", "title": "At nine", "description": "Early"}
    wa.send_template(ANN, "order_shipped", TemplateLanguage.ENGLISH, [BodyText.params("Ann", "A-1", "Friday")])
    page.get_by_role("button", name="Where is it?").click()
    assert arrived(product, "button")["button"]["text"] == "Where is it?"


def test_files_voices_places_replies_and_reactions(page: Page, product: Product) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Attach").click()
        page.get_by_role("menuitem", name="Document").click()
    chooser.value.set_files({"name": "plan.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7"})
    assert arrived(product, "document")["document"]["filename"] == "plan.pdf"
    page.get_by_role("button", name="Attach").click()
    page.get_by_role("menuitem", name="Location").click()
    page.get_by_role("button", name="Central Station").click()
    assert arrived(product, "location")["location"]["name"] == "Central Station"
    page.get_by_role("button", name="Record a voice note").click()
    expect(page.locator("#recording")).to_contain_text(re.compile(r"\d:(0[1-9]|[1-5]\d)"))
    page.get_by_role("button", name="Send the voice note").click()
    assert arrived(product, "audio")["audio"]["mime_type"] == "audio/ogg; codecs=opus"
    page.get_by_role("button", name="React to “plan.pdf”").or_(page.get_by_role("button", name="React to “document”")).click()
    page.get_by_role("menuitem", name="👍").click()
    assert arrived(product, "reaction")["reaction"]["emoji"] == "👍"
    page.get_by_role("button", name="Reply to “document”").click()
    write(page, "About the plan")
    assert arrived(product, "text")["context"]["id"] == arrived(product, "document")["id"]


def test_the_company_answers_from_its_app(page: Page, product: Product) -> None:
    page.get_by_role("button", name="Trouble", exact=True).click()
    page.get_by_label("What the company says there").fill("We are open.")
    page.get_by_role("button", name="Answer from the app").click()
    said = page.locator("#chat .bubble")
    expect(said.get_by_text("We are open.")).to_be_visible()
    page.get_by_label("What the company says there").fill("We are open until six.")
    page.get_by_role("button", name="Change its last message").click()
    expect(said.get_by_text("We are open until six.")).to_be_visible()
    page.get_by_role("button", name="Delete its last message").click()
    expect(said.get_by_text("This message was deleted.")).to_be_visible()
    wait_until(
        lambda: [row["type"] for value in product.values for row in value.get("message_echoes", [])] == ["text", "edit", "revoke"]
    )
    assert Axe().run(page).violations_count == 0


def test_another_person_another_company_and_trouble(page: Page, meta: Meta, product: Product) -> None:
    page.get_by_text("Noor", exact=True).click()
    page.get_by_text("Globex", exact=True).click()
    write(page, "Hello Globex")
    message = arrived(product, "text")
    assert "from" not in message
    assert product.values[0]["metadata"]["phone_number_id"] == "1000000002"
    page.get_by_role("button", name="Trouble", exact=True).click()
    page.get_by_label("Come twice").check()
    wait_until(lambda: meta.ask("GET", "/faults")["duplicate"])
    product.bodies.clear()
    write(page, "Twice")
    wait_until(lambda: len(product.messages) == 2)
    page.get_by_label("My phone is off").check()
    expect(page.get_by_text("phone is off", exact=True)).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_axe_finds_nothing_and_nothing_sticks_out(meta: Meta, browser: Browser, wa: WhatsApp, scheme: str, width: int) -> None:
    sent = meta.write("ann", "Hello")
    meta.write("ann", type="reaction", reaction={"message_id": sent["id"], "emoji": "👍"})
    wa.send_message(ANN, "Shall we?", reply_to_message_id=sent["id"], buttons=[Button("Yes", "yes")], footer="Acme")
    wa.indicate_typing(sent["id"])
    page = browser.new_page(
        viewport={"width": width, "height": 740}, color_scheme=scheme, bypass_csp=True, reduced_motion="reduce"
    )
    page.goto(meta.graph_url)
    expect(page.locator(".taps")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    _axe(page)
    page.get_by_role("button", name="Trouble", exact=True).click()
    _axe(page)
    page.close()


def _axe(page: Page) -> None:
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
