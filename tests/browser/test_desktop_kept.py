"""What a person wrote, attached or pressed at the desktop arrives once, or is kept and said."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from apps.desktop.models import Message
from tests.browser.test_desktop import acme_desk, open_desk, thread  # noqa: F401
from tests.pages.desk import PNG, Desk

pytestmark = [pytest.mark.browser, pytest.mark.slow]
AsPerson = Callable[..., Page]
Site = Callable[[str], str]
DROP = """({where, types}) => {
  const data = new DataTransfer(); data.items.add(new File(["x"], "plan.txt", {type: "text/plain"}));
  for (const type of types) document.querySelector(where)
    .dispatchEvent(new DragEvent(type, {dataTransfer: data, bubbles: true, cancelable: true}));
}"""


@pytest.fixture
def desk(acme_desk: Desk) -> Desk:  # noqa: F811
    return acme_desk


def test_what_could_not_be_sent_stands_before_what_was_begun_since(as_person: AsPerson, site: Site, desk: Desk) -> None:
    page = as_person("bob@acme.test", "acme")
    open_desk(page, site, desk.mine)
    held: list[Route] = []
    page.route("**/reply", lambda route: held.append(route))
    write = page.get_by_role("textbox", name="Write a reply…")
    write.fill("First")
    with page.expect_request("**/reply"):
        write.press("Enter")
    write.press_sequentially("Second")
    held[0].abort()
    expect(write).to_have_value("First\nSecond")


def test_a_draft_is_marked_in_the_list(as_person: AsPerson, site: Site, desk: Desk) -> None:
    page = as_person("bob@acme.test", "acme")
    open_desk(page, site, desk.mine)
    page.get_by_role("textbox", name="Write a reply…").fill("Half a thought")
    page.get_by_role("link", name="Maria Gonzales").click()
    expect(page.locator(f"#row-{desk.mine.pk}").get_by_text("Draft")).to_be_visible()
    page.get_by_role("link", name="Tom Becker").click()
    expect(page.locator(f"#row-{desk.mine.pk}").get_by_text("Draft")).to_be_hidden()


def test_a_message_does_not_leave_without_a_file_that_failed(as_person: AsPerson, site: Site, desk: Desk) -> None:
    page = as_person("bob@acme.test", "acme")
    open_desk(page, site, desk.mine)
    page.route("**/desktop/attachments", lambda route: route.fulfill(status=500))
    page.get_by_label("Attach files").set_input_files({"name": "plan.png", "mimeType": "image/png", "buffer": PNG})
    expect(page.locator(".composer-file[data-state=failed]")).to_be_visible()
    write = page.get_by_role("textbox", name="Write a reply…")
    write.fill("Here is the plan")
    write.press("Enter")
    expect(page.get_by_text("A file did not arrive.")).to_be_visible()
    expect(write).to_have_value("Here is the plan")
    page.get_by_role("button", name="Take this file out").click()
    write.press("Enter")
    expect(thread(page)).to_contain_text("Here is the plan")


def test_a_file_may_be_dropped_anywhere_in_the_conversation(as_person: AsPerson, site: Site, desk: Desk) -> None:
    page = as_person("bob@acme.test", "acme")
    open_desk(page, site, desk.mine)
    page.evaluate(DROP, {"where": ".thread", "types": ["dragover", "drop"]})
    expect(page.locator(".composer-file[data-state=here]")).to_contain_text("plan.txt")
    open_desk(page, site, desk.waiting)
    page.evaluate(DROP, {"where": ".thread", "types": ["dragover", "drop"]})
    expect(page.locator(".composer-file")).to_have_count(0)


def test_the_walk_goes_on_from_the_open_conversation(as_person: AsPerson, site: Site, desk: Desk) -> None:
    page = as_person("bob@acme.test", "acme")
    open_desk(page, site, desk.waiting)
    links = page.locator(".chat-link")
    names = [link.inner_text() for link in links.all()]
    place = names.index("Maria Gonzales")
    page.keyboard.press("k" if place else "j")
    expect(links.nth(place - 1 if place else 1)).to_be_focused()


@pytest.mark.parametrize(("key", "dialog", "first"), [("a", "Assign to a colleague", "Alice"), ("s", "Snooze", "In an hour")])
def test_a_key_opens_a_choice_with_the_first_marked(
    as_person: AsPerson, site: Site, desk: Desk, key: str, dialog: str, first: str
) -> None:
    page = as_person("bob@acme.test", "acme")
    open_desk(page, site, desk.mine)
    page.keyboard.press(key)
    expect(page.get_by_role("dialog", name=dialog).get_by_role("button", name=first)).to_be_focused()


def test_two_submissions_make_one_request(as_person: AsPerson, site: Site, desk: Desk) -> None:
    page = as_person("bob@acme.test", "acme")
    open_desk(page, site, desk.mine)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.url.endswith("/tags") else None)
    page.get_by_label("Add a tag").fill("vip")
    page.evaluate("const form = document.querySelector('#tag-new').form; form.requestSubmit(); form.requestSubmit()")
    expect(page.get_by_role("button", name="Remove the tag vip")).to_be_visible()
    assert len(sent) == 1


def test_enter_starts_a_line_on_a_phone(as_person: AsPerson, site: Site, desk: Desk) -> None:
    page = as_person("bob@acme.test", "acme", has_touch=True, is_mobile=True, viewport={"width": 390, "height": 844})
    open_desk(page, site, desk.mine)
    write = page.get_by_role("textbox", name="Write a reply…")
    write.press_sequentially("One")
    write.press("Enter")
    write.press_sequentially("Two")
    expect(write).to_have_value("One\nTwo")
    assert not Message.objects.filter(text__contains="One").exists()
    page.get_by_role("button", name="Send").click()
    expect(write).to_have_value("")


# The server takes what is posted, and its answer does not come back.
LOSE_REPLIES = """() => {
  const real = window.fetch;
  window.fetch = async (...given) => {
    const answer = await real(...given);
    if (window.lost !== false && String(given[0]).endsWith("/reply")) throw new TypeError("lost");
    return answer;
  };
}"""


def test_a_reply_whose_answer_was_lost_is_sent_again_and_arrives_once(as_person: AsPerson, site: Site, desk: Desk) -> None:
    page = as_person("bob@acme.test", "acme")
    open_desk(page, site, desk.mine)
    page.evaluate(LOSE_REPLIES)
    write = page.get_by_role("textbox", name="Write a reply…")
    write.fill("It is on its way")
    write.press("Enter")
    expect(page.get_by_text("it arrives only once")).to_be_visible()
    expect(write).to_have_value("It is on its way")
    page.evaluate("window.lost = false")
    write.press("Enter")
    expect(write).to_have_value("")
    expect(thread(page).get_by_text("It is on its way")).to_have_count(1)
    assert Message.objects.filter(text="It is on its way").count() == 1


def test_a_reply_that_arrived_after_all_leaves_the_field(as_person: AsPerson, site: Site, desk: Desk) -> None:
    page = as_person("bob@acme.test", "acme")
    open_desk(page, site, desk.mine)
    page.evaluate(LOSE_REPLIES)
    write = page.get_by_role("textbox", name="Write a reply…")
    write.fill("It is on its way")
    write.press("Enter")
    expect(page.get_by_text("it arrives only once")).to_be_visible()
    write.press("End")
    write.press("Shift+Enter")
    write.press_sequentially("Second")
    page.evaluate("document.dispatchEvent(new CustomEvent('changed'))")
    expect(page.get_by_text("Your message had arrived after all.")).to_be_visible()
    expect(write).to_have_value("Second")


def test_the_same_words_twice_on_purpose_are_two_messages(as_person: AsPerson, site: Site, desk: Desk) -> None:
    page = as_person("bob@acme.test", "acme")
    open_desk(page, site, desk.mine)
    write = page.get_by_role("textbox", name="Write a reply…")
    for count in (1, 2):
        write.fill("Ping")
        write.press("Enter")
        expect(thread(page).get_by_text("Ping")).to_have_count(count)
        expect(write).to_have_value("")
