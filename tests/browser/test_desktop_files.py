"""A file on its way up from the desktop: how far it is, taking it out, and being told which files cannot be sent."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django_tenants.utils import tenant_context
from playwright.sync_api import CDPSession, Page, expect

from apps.desktop.models import Attachment, Conversation, Message
from apps.tenants.models import Tenant, User
from apps.whatsapp.channel import WhatsAppChannel
from tests.browser.test_desktop import open_desk, thread
from tests.pages.desk import Desk, DeskChannel, desk_channel, desk_make

pytestmark = pytest.mark.browser
AsPerson = Callable[..., Page]
Site = Callable[[str], str]
MB = 1024 * 1024
BIG = 6 * MB
SLOW, FREE = 256 * 1024, -1  # bytes a second
HALFWAY = """(least) => {
  const bar = document.querySelector(".composer-file progress");
  return bar && bar.value > least && bar.value < 100;
}"""
ZIP = {"name": "all.zip", "mimeType": "application/zip", "buffer": b"PK\x05\x06" + bytes(18)}


class CheckingChannel(DeskChannel):
    """Refuses what WhatsApp would, and sends nothing."""

    def message_send(self, message: Message) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("apps.whatsapp.channel.effect_enqueue", lambda **_: None)
            WhatsAppChannel().message_send(message)


@pytest.fixture
def mine(transactional_db: None) -> Iterator[Conversation]:
    """Bob's conversation with Tom."""
    alice, bob = (User.objects.get(email=f"{name}@acme.test") for name in ("alice", "bob"))
    with desk_channel(CheckingChannel()), tenant_context(Tenant.objects.get(schema_name="acme")):
        made: Desk = desk_make(alice, bob)
        yield made.mine


@pytest.fixture
def page(as_person: AsPerson, site: Site, mine: Conversation) -> Page:
    """Bob has it open."""
    page = as_person("bob@acme.test", "acme")
    open_desk(page, site, mine)
    return page


def upward(page: Page) -> Callable[[int], Any]:
    """Sets how many bytes a second leave the page's browser."""
    session: CDPSession = page.context.new_cdp_session(page)
    session.send("Network.enable")
    given = {"offline": False, "latency": 0, "downloadThroughput": FREE}
    return lambda rate: session.send("Network.emulateNetworkConditions", {**given, "uploadThroughput": rate})


def attach(page: Page, *files: Any) -> None:
    page.get_by_label("Attach files").set_input_files(list(files))


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    """A big PDF."""
    path = tmp_path / "plan.pdf"
    path.write_bytes(b"%PDF-1.7\n".ljust(BIG, b"x"))
    return path


def test_a_big_file_shows_how_far_it_is_and_leaves_with_the_message(page: Page, mine: Conversation, plan: Path) -> None:
    rate = upward(page)
    rate(SLOW)
    attach(page, plan)
    page.wait_for_function(HALFWAY, arg=0)
    seen = page.locator(".composer-file progress").evaluate("(bar) => bar.value")
    page.wait_for_function(HALFWAY, arg=seen)
    write = page.get_by_role("textbox", name="Write a reply…")
    write.fill("The plan")
    write.press("Enter")
    expect(page.get_by_text("A file is still on its way.")).to_be_visible()
    expect(write).to_have_value("The plan")
    rate(FREE)
    expect(page.locator(".composer-file[data-state=here]")).to_contain_text("plan.pdf", timeout=60_000)
    expect(page.locator(".composer-file progress")).to_have_count(0)
    write.press("Enter")
    expect(thread(page).get_by_role("link", name="plan.pdf")).to_be_visible()
    sent = Attachment.objects.get(name="plan.pdf")
    assert (sent.size, sent.mime, sent.message and sent.message.text) == (BIG, "application/pdf", "The plan")
    assert sent.file.read() == plan.read_bytes()


def test_a_file_that_is_taken_out_on_its_way_does_not_arrive(page: Page, mine: Conversation, plan: Path) -> None:
    upward(page)(SLOW)
    attach(page, plan)
    page.wait_for_function(HALFWAY, arg=0)
    with page.expect_event("requestfailed", lambda request: request.url.endswith("/desktop/attachments")):
        page.get_by_role("button", name="Take this file out").click()
    expect(page.locator(".composer-file")).to_have_count(0)
    page.get_by_role("textbox", name="Write a reply…").fill("Without a plan")
    page.keyboard.press("Enter")
    expect(thread(page)).to_contain_text("Without a plan")
    assert not Attachment.objects.exists()


def test_what_cannot_be_sent_is_told_and_nothing_written_is_lost(page: Page, mine: Conversation, tmp_path: Path) -> None:
    huge = tmp_path / "film.mp4"
    with huge.open("wb") as file:
        file.truncate(17 * MB)
    going: list[str] = []
    page.on("request", lambda request: going.append(request.url) if request.url.endswith("/attachments") else None)
    attach(page, huge)
    expect(page.get_by_text("film.mp4 is over 16 MB, the most for such a file.")).to_be_visible()
    attach(page, ZIP)
    expect(page.get_by_text("all.zip cannot be sent: this type of file is not taken.")).to_be_visible()
    expect(page.locator(".composer-file")).to_have_count(0)
    assert going == [], "nothing went up"
    attach(page, {"name": "empty.pdf", "mimeType": "application/pdf", "buffer": b""})
    expect(page.locator(".composer-file[data-state=failed]")).to_contain_text("This file is empty; choose another.")
    page.get_by_role("button", name="Take this file out").click()
    write = page.get_by_role("textbox", name="Write a reply…")
    write.fill("All of it")
    write.press("Enter")
    expect(thread(page)).to_contain_text("All of it")
    assert Message.objects.filter(conversation=mine, text="All of it").count() == 1
