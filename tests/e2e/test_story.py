"""The whole story in Chromium: a contact asks, Herald answers, the contact asks for a person, and bob takes over.

Alice sees all of it live, and charlie of another company nothing.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.e2e.chat import NUMBERS, Colleague
from tests.e2e.waiting import until
from tests.e2e.windows import Window, windows_open
from tests.e2e.world import World
from tests.pages.desk import PNG, WATCH_TYPISTS
from tests.standins.openai import Answer, last_user_text

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.timeout(400), pytest.mark.asyncio(loop_scope="session")]
NAME = "Mira Lindqvist"
HOURS = "We are open from nine to five."
# Remembers that the company typed, however short a while.
WATCH_TYPING = """() => {
  const typing = document.querySelector("#typing");
  new MutationObserver(() => (window.typed ||= !typing.hidden)).observe(typing, { attributes: true });
}"""
UNREAD = re.compile(r"^\(\d+\) Desktop ")


async def test_a_contact_is_answered_by_herald_and_then_by_bob(world: World) -> None:
    agent_id = await world.agent(
        "story", lambda body: Answer(text=HOURS, delay=1.0), handoff={"team": "support", "phrases": ["a person"]}
    )
    await world.office.ask("whatsapp", tenant="acme", phone_number_id=NUMBERS["acme"], agent_id=agent_id)
    async with windows_open(world) as windows, Colleague(world, "charlie@globex.test") as charlie:
        phone = await windows.phone(NAME)
        alice, bob = await windows.desk("alice@acme.test"), await windows.desk("bob@acme.test", "?view=unassigned")
        stranger = await windows.desk("charlie@globex.test")
        conversation_id = await _herald_answers(world, phone, alice)
        await _bob_is_called(phone, bob, alice, conversation_id)
        media = await _bob_answers(phone, bob, alice)
        await _charlie_gets_nothing(world, charlie, stranger, conversation_id, media)
        await _bob_is_elsewhere(phone, bob)


async def _herald_answers(world: World, phone: Window, alice: Window) -> str:
    """Herald types, answers, and has read the question; alice's list and thread follow. The conversation's id."""
    await phone.page.evaluate(WATCH_TYPING)
    await _write(phone, "What are your opening hours?")
    await expect(_answers(phone)).to_have_text([HOURS])
    assert await phone.page.evaluate("window.typed"), "Herald typed"
    await expect(phone.page.get_by_role("img", name="read")).to_be_visible()
    assert [last_user_text(body) for body in world.models.asked_of("story")] == ["What are your opening hours?"]
    await expect(alice.row(NAME)).to_contain_text(HOURS)
    await alice.row(NAME).get_by_role("link").click()
    await expect(alice.thread).to_contain_text(HOURS)
    conversation_id = alice.page.url.partition("/desktop/")[2].partition("/")[0]
    turn: Any = await until(lambda: _turn_done(world, conversation_id), "the end of the turn")
    assert {row["kind"] for row in turn["usage"]} == {"llm"}
    return conversation_id


async def _turn_done(world: World, conversation_id: str) -> Any:
    turns = await world.office.ask("turns", tenant="acme", conversation_id=conversation_id)
    return next((turn for turn in turns if turn["state"] == "done"), None)


async def _bob_is_called(phone: Window, bob: Window, alice: Window, conversation_id: str) -> None:
    """By his websocket, in a toast, and by the count of those who wait."""
    await _write(phone, "Can I talk to a person?")
    await expect(bob.page.get_by_text(f"{NAME} waits for an answer")).to_be_visible()
    await until(lambda: bob.notified(conversation_id), "bob's websocket tells it")
    await expect(bob.row(NAME)).to_contain_text("waiting")
    await expect(bob.page.locator("#view-unassigned .desk-count")).to_be_visible()
    await expect(_answers(phone).last).to_contain_text("A colleague will answer you here.")
    await expect(alice.page.get_by_text("nobody has it yet")).to_be_visible()


async def _bob_answers(phone: Window, bob: Window, alice: Window) -> str:
    """He claims, sees a picture come in, and writes; the contact reads it, alice watches. The picture's address."""
    await bob.row(NAME).get_by_role("link").click()
    await bob.page.get_by_role("button", name="Claim", exact=True).click()
    await expect(alice.page.get_by_text("with Bob")).to_be_visible()
    await expect(alice.page.get_by_role("button", name="Claim", exact=True)).to_have_count(0)
    await _send_picture(phone.page)
    picture = bob.thread.locator("a.said-picture")
    await expect(picture).to_be_visible()
    reply = bob.page.get_by_role("textbox", name="Write a reply…")
    await alice.page.evaluate(WATCH_TYPISTS)
    await reply.press_sequentially("Here I am.")
    await alice.page.wait_for_function("window.typist?.includes('Bob is typing…')")
    await reply.press("Enter")
    await expect(_answers(phone).last).to_have_text("Here I am.")
    mine = bob.thread.locator(".said", has_text="Here I am.")
    await expect(mine.get_by_text("Read", exact=True)).to_be_attached()
    await expect(alice.thread).to_contain_text("Here I am.")
    await expect(alice.row(NAME)).to_contain_text("Here I am.")
    return str(await picture.get_attribute("href"))


async def _bob_is_elsewhere(phone: Window, bob: Window) -> None:
    """What comes in meanwhile stands in his title and at his list, until he looks; Herald keeps silent."""
    before = await _answers(phone).count()
    assert HOURS not in (await _answers(phone).all_inner_texts())[1:]
    await bob.page.locator("#view-mine").click()
    await expect(bob.page.locator("#view-mine")).to_have_attribute("aria-current", "true")
    await bob.page.keyboard.press("Escape")
    await expect(bob.page.get_by_text("No conversation is open")).to_be_visible()
    await _write(phone, "My chair is broken.")
    await expect(bob.page).to_have_title(UNREAD)
    await expect(bob.page.locator("#view-mine .desk-count-unread")).to_be_visible()
    await bob.row(NAME).get_by_role("link").click()
    await expect(bob.thread).to_contain_text("My chair is broken.")
    await expect(bob.row(NAME).locator(".chat-new")).to_have_count(0)
    await bob.page.get_by_role("textbox", name="Write a reply…").fill("We bring you a new one.")
    await bob.page.keyboard.press("Enter")
    await expect(_answers(phone).nth(before)).to_have_text("We bring you a new one.")


async def _charlie_gets_nothing(world: World, charlie: Colleague, window: Window, conversation_id: str, media: str) -> None:
    """No page, fragment, API, file or action of another company's conversation, and no word over the websocket."""
    page, api = f"/desktop/{conversation_id}/", f"/api/v1/conversations/{conversation_id}"
    htmx = {"HX-Request": "true"}
    asked = [await charlie.fetch("GET", path) for path in (page, f"{page}notice", f"{page}templates", media, api)]
    asked += [await charlie.fetch("GET", page, headers=htmx), await charlie.fetch("GET", f"{api}/messages")]
    asked += [await charlie.fetch("POST", f"{page}{do}") for do in ("claim", "read", "reply", "note", "resolve", "tags")]
    asked += [await charlie.fetch("POST", f"{api}/{do}", json={"text": "Hello"}) for do in ("claim", "messages", "notes", "read")]
    assert {str(answer.url.path): answer.status_code for answer in asked if answer.status_code != 404} == {}
    listed = await charlie.fetch("GET", "/desktop/list?view=all")
    assert listed.status_code == 200
    assert NAME not in listed.text
    assert conversation_id not in str(await charlie.get("/conversations", view="all"))
    await charlie.listens(f"desk:{conversation_id}")
    assert await charlie.last_event() == (await charlie.get("/conversations/events"))["last_event_id"]
    assert await charlie.refused_at("acme") in (4401, 4403)
    heard = [hint for hint in [*charlie.hints, *window.hints] if "topic" in hint]
    assert conversation_id not in str(heard)
    await expect(window.row(NAME)).to_have_count(0)


async def _send_picture(page: Page) -> None:
    async with page.expect_file_chooser() as chooser:
        await page.get_by_role("button", name="Attach").click()
        await page.get_by_role("menuitem", name="Photo or video").click()
    await (await chooser.value).set_files({"name": "chair.png", "mimeType": "image/png", "buffer": PNG})


async def _write(phone: Window, text: str) -> None:
    await phone.page.get_by_label("Message", exact=True).fill(text)
    await phone.page.keyboard.press("Enter")
    await expect(phone.page.locator(".mine .words", has_text=text)).to_be_visible()


def _answers(phone: Window) -> Any:
    """What the company has written."""
    return phone.page.locator(".message:not(.mine) .words")
