"""From a search to the message that was found, however old it is, and from there on to both ends."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from apps.desktop.models import Conversation, Message
from apps.desktop.services.conversations import conversation_claim
from apps.desktop.services.messages import message_send, note_add
from apps.tenants.models import User
from tests.browser.test_desktop import acme_desk, live_page, open_desk, realtime, thread  # noqa: F401
from tests.browser.test_everyone import PHONE, sideways, violations
from tests.pages.desk import Desk, chat, hears, talks

pytestmark = [pytest.mark.browser, pytest.mark.slow]
AsPerson = Callable[..., Page]
Site = Callable[[str], str]
LATEST = "There are newer messages. Go to the latest"
# Notes which messages are marked, and how.
MARKS = """{const real = Element.prototype.animate; window.marks = [];
Element.prototype.animate = function (frames, how) {
  const line = this.closest('.said'); if (line) window.marks.push([line.id, how.easing]);
  return real.call(this, frames, how); };}"""


@pytest.fixture
def long(acme_desk: Desk) -> tuple[Conversation, list[Message]]:  # noqa: F811
    """Bob's, with 150 messages; the words `blue parcel` are in the 21st and in the 41st."""
    talk = chat("Long Talker", agent=False)
    made = talks(talk, 150)
    Message.objects.filter(pk__in=[made[20].pk, made[40].pk]).update(text="It is a blue parcel")
    bob = User.objects.get(email="bob@acme.test")
    return conversation_claim(conversation_id=talk.pk, user_id=bob.pk), made


def line(page: Page, message: Message) -> Locator:
    return page.locator(f"#message-{message.pk}")


def search(page: Page, words: str) -> None:
    page.get_by_placeholder("Search conversations").fill(words)
    expect(page.locator(".chat-row")).to_have_count(1)
    page.get_by_role("link", name="Long Talker").click()


def read_to_the_end(as_person: AsPerson, site: Site, long: tuple[Conversation, list[Message]]) -> Page:
    """Bob's page with the conversation open, as it is when nothing was searched for."""
    conversation, made = long
    page = as_person("bob@acme.test", "acme")
    open_desk(page, site, conversation)
    expect(line(page, made[149])).to_be_in_viewport()
    return page


@pytest.mark.parametrize(("motion", "easing"), [("no-preference", "ease-out"), ("reduce", "steps(1, end)")])
def test_a_search_opens_the_message_and_marks_it(
    as_person: AsPerson, site: Site, long: tuple[Conversation, list[Message]], motion: str, easing: str
) -> None:
    conversation, made = long
    page = as_person("bob@acme.test", "acme", reduced_motion=motion)
    page.add_init_script(MARKS)
    open_desk(page, site)
    search(page, "blue parcel")
    expect(line(page, made[40])).to_be_in_viewport()
    expect(line(page, made[149])).to_have_count(0)
    assert page.evaluate("window.marks") == [[f"message-{made[40].pk}", easing]]
    expect(page).to_have_url(f"{site('acme')}/desktop/{conversation.pk}/?view=all&q=blue+parcel&at={made[40].pk}")
    page.reload()
    expect(line(page, made[40])).to_be_in_viewport()


def test_from_there_one_scrolls_on_and_comes_to_the_latest(
    as_person: AsPerson, site: Site, long: tuple[Conversation, list[Message]]
) -> None:
    conversation, made = long
    page = as_person("bob@acme.test", "acme")
    open_desk(page, site)
    search(page, "blue parcel")
    expect(line(page, made[65])).to_have_count(1)
    thread(page).evaluate("(box) => { box.scrollTop = box.scrollHeight }")
    expect(line(page, made[115])).to_have_count(1)
    expect(line(page, made[65])).to_be_in_viewport()
    thread(page).evaluate("(box) => { box.scrollTop = 0 }")
    expect(line(page, made[0])).to_have_count(1)
    page.get_by_role("button", name=LATEST).click()
    expect(line(page, made[149])).to_be_in_viewport()
    expect(page.get_by_role("button", name=LATEST)).to_have_count(0)
    expect(page).to_have_url(f"{site('acme')}/desktop/{conversation.pk}/?view=all&q=blue+parcel")


@pytest.mark.usefixtures("realtime")
def test_what_comes_meanwhile_waits_at_the_end_unread(
    as_person: AsPerson,
    site: Site,
    acme_desk: Desk,  # noqa: F811
    long: tuple[Conversation, list[Message]],
) -> None:
    conversation, made = long
    page = live_page(as_person, site, "bob", acme_desk.mine)
    search(page, "blue parcel")
    expect(line(page, made[40])).to_be_in_viewport()
    new = hears(conversation, "And where is it?")
    expect(page.locator(".chat-new")).to_contain_text("151")
    expect(line(page, made[40])).to_be_in_viewport()
    expect(page.get_by_role("button", name="New messages")).to_have_count(0)
    page.get_by_role("button", name=LATEST).click()
    expect(line(page, new)).to_be_in_viewport()
    expect(page.locator(".chat-new")).to_have_count(0)


def test_in_the_open_conversation_what_is_being_written_stays(
    as_person: AsPerson, site: Site, long: tuple[Conversation, list[Message]]
) -> None:
    _, made = long
    page = read_to_the_end(as_person, site, long)
    write = page.get_by_role("textbox", name="Write a reply…")
    write.fill("I look for your parcel")
    search(page, "blue parcel")
    expect(line(page, made[40])).to_be_in_viewport()
    expect(write).to_have_value("I look for your parcel")
    write.press("Enter")
    expect(thread(page).get_by_text("I look for your parcel")).to_be_in_viewport()
    expect(page.get_by_role("button", name=LATEST)).to_have_count(0)


def test_an_answer_leads_to_what_it_answers_also_where_that_is_old(
    as_person: AsPerson, site: Site, long: tuple[Conversation, list[Message]]
) -> None:
    conversation, made = long
    bob = User.objects.get(email="bob@acme.test")
    message_send(conversation=conversation, author="person", user_id=bob.pk, text="On it", reply_to_id=made[40].pk)
    page = as_person("bob@acme.test", "acme")
    page.add_init_script(MARKS)
    open_desk(page, site, conversation)
    thread(page).get_by_role("link", name="It is a blue parcel").click()
    expect(line(page, made[40])).to_be_in_viewport()
    assert [marked for marked, _ in page.evaluate("window.marks")] == [f"message-{made[40].pk}"]


def test_a_note_that_names_one_opens_and_is_marked_and_read(
    as_person: AsPerson, site: Site, long: tuple[Conversation, list[Message]]
) -> None:
    conversation, made = long
    alice, bob = (User.objects.get(email=f"{name}@acme.test") for name in ("alice", "bob"))
    note = note_add(conversation_id=conversation.pk, user_id=alice.pk, text=f"@{bob} can we refund this?")
    Message.objects.filter(pk=note.pk).update(at=made[30].at)
    page = as_person("bob@acme.test", "acme")
    page.add_init_script(MARKS)
    open_desk(page, site)
    page.locator("#mentions").click()
    expect(page.locator(".chat-row")).to_have_count(1)
    expect(page.locator(".chat-row")).to_contain_text(f"Alice: @{bob} can we refund this?")
    with page.expect_response(re.compile(f"/{conversation.pk}/read")):
        page.get_by_role("link", name="Long Talker").click()
    expect(line(page, note)).to_be_in_viewport()
    assert [marked for marked, _ in page.evaluate("window.marks")] == [f"message-{note.pk}"]
    expect(page.get_by_role("button", name=LATEST)).to_be_visible()
    page.reload()
    expect(line(page, note)).to_be_in_viewport()
    expect(page.locator("#mentions")).to_have_count(0)


def test_a_change_that_comes_while_older_messages_do_takes_none_of_them_away(
    as_person: AsPerson, site: Site, long: tuple[Conversation, list[Message]]
) -> None:
    conversation, made = long
    page = read_to_the_end(as_person, site, long)

    def told_meanwhile(route: Route) -> None:
        page.evaluate("document.querySelector('#conversation').dispatchEvent(new CustomEvent('live'))")
        route.continue_()

    page.route(re.compile(rf"/{conversation.pk}/\?from={made[50].pk}"), told_meanwhile, times=1)
    with page.expect_response(lambda answer: answer.request.headers.get("hx-source") == "div#conversation") as answered:
        thread(page).evaluate("(box) => { box.scrollTop = 0 }")
    assert f"from={made[50].pk}" in answered.value.url
    expect(line(page, made[50])).to_have_count(1)


def test_who_scrolls_on_at_the_top_does_not_ask_for_the_same_again(
    as_person: AsPerson, site: Site, long: tuple[Conversation, list[Message]]
) -> None:
    conversation, made = long
    page = read_to_the_end(as_person, site, long)
    asked: list[str] = []

    def scrolls_on(route: Route) -> None:
        asked.append(route.request.url)
        thread(page).evaluate("(box) => { for (let n = 0; n < 5; n += 1) box.dispatchEvent(new Event('scroll')) }")
        route.continue_()

    page.route(re.compile(rf"/{conversation.pk}/\?from={made[50].pk}"), scrolls_on)
    thread(page).evaluate("(box) => { box.scrollTop = 0 }")
    expect(line(page, made[50])).to_have_count(1)
    assert len(asked) == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone(as_person: AsPerson, site: Site, long: tuple[Conversation, list[Message]], scheme: str) -> None:
    _, made = long
    page = as_person("bob@acme.test", "acme", viewport=PHONE, has_touch=True, color_scheme=scheme)
    open_desk(page, site)
    search(page, "blue parcel")
    expect(line(page, made[40])).to_be_in_viewport()
    latest = page.get_by_role("button", name=LATEST)
    expect(latest).to_be_in_viewport(ratio=1)
    assert latest.evaluate("(button) => button.scrollHeight <= button.clientHeight"), "all its words stand in it"
    assert sideways(page) == 0 and violations(page) == []
