"""WhatsApp between the contact's phone, Herald and a colleague when things go wrong, with everything real but Meta and the model.

How it goes when all is well is tests/e2e/test_story.py.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e.chat import NUMBERS, Colleague, Meta, Phone
from tests.e2e.models import Brain
from tests.e2e.waiting import until
from tests.e2e.world import World
from tests.standins.openai import Answer, last_user_text

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400), pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def meta(world: World) -> AsyncIterator[Meta]:
    meta = Meta(world)
    yield meta
    assert (await meta.ask("GET", "/log"))["problems"] == []


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def bob(world: World) -> AsyncIterator[Colleague]:
    async with Colleague(world, "bob@acme.test") as bob:
        yield bob


async def answers_with(world: World, slug: str, brain: Brain) -> None:
    """Let an agent that thinks with `brain` answer Acme's number, with the team Support behind it."""
    handoff = {"team": "support", "phrases": ["a person"]}
    agent_id = await world.agent(slug, brain, handoff=handoff)
    await world.office.ask("whatsapp", tenant="acme", phone_number_id=NUMBERS["acme"], agent_id=agent_id)


def asked(world: World, slug: str) -> list[str]:
    """What the contact said in each answer's request, without requests for a summary."""
    return [last_user_text(body) for body in world.models.asked_of(slug)]


async def test_bob_takes_over_while_herald_is_speaking(world: World, meta: Meta, bob: Colleague) -> None:
    await answers_with(world, "slow", lambda body: Answer(text="This comes too late.", delay=3.0))
    phone = Phone(meta)
    await phone.write("Is anybody there?")
    await until(lambda: asked(world, "slow"), "Herald is thinking")
    conversation = await bob.conversation(phone, status="pending")
    assert (await bob.does("claim", conversation)).status_code == 200
    assert (await bob.does("messages", conversation, text="Yes, I am.")).status_code == 201
    await phone.hears("Yes, I am.")
    turn = await until(lambda: _turn(world, conversation, "stale"), "Herald's turn is dropped")
    assert [event["dropped"] for event in turn["events"] if event["event"] == "message"] == [True]
    assert await phone.answers() == ["Yes, I am."]


async def _turn(world: World, conversation: Any, state: str) -> Any:
    """The conversation's last turn, once it is in a state."""
    turns = await world.office.ask("turns", tenant="acme", conversation_id=conversation["id"])
    return turns[-1] if turns and turns[-1]["state"] == state else None


async def test_webhooks_come_twice_and_overtake_each_other(world: World, meta: Meta, bob: Colleague) -> None:
    await answers_with(world, "calm", lambda body: Answer(text="One at a time."))
    phone = Phone(meta)
    texts = [f"Question {number}" for number in range(6)]
    async with meta.trouble(duplicate=True, reorder=True):
        for text in texts:
            await phone.write(text)
        await phone.hears("One at a time.")
        conversation = await bob.conversation(phone)
        for text in texts:
            await bob.message(conversation, text)
        await _all_said(world, texts)
        await phone.read()
        await bob.message(conversation, "One at a time.", status="read")
    rows = await bob.messages(conversation)
    assert sorted(row["text"] for row in rows if row["author"] == "contact") == texts
    assert sum(row["author"] == "ai" for row in rows) == len(await phone.answers())


async def _all_said(world: World, texts: list[str]) -> None:
    """Wait until the model was told every message, whatever turns they came in."""
    await until(lambda: all(any(text in said for said in asked(world, "calm")) for text in texts), "every message is in a turn")


async def test_redis_is_away_when_the_contact_writes(world: World, meta: Meta, bob: Colleague) -> None:
    await answers_with(world, "patience", lambda body: Answer(text="Redis came back."))
    phone, told = Phone(meta), bob.told()
    async with world.without("valkey"):
        message_id = await phone.write("Does this get lost?")
        await phone.sees("delivered", message_id)
    await until(lambda: bob.told() > told, "bob's page is told to ask what it missed")
    await phone.hears("Redis came back.")
    assert await phone.answers() == ["Redis came back."]
    await phone.write("And now a person, please")
    conversation = await bob.conversation(phone, status="open")
    await bob.notified(conversation)


async def test_a_connection_that_breaks_is_not_tried_again(world: World, meta: Meta, bob: Colleague) -> None:
    await answers_with(world, "unsure", lambda body: Answer(text="Unused."))
    phone = Phone(meta)
    await phone.write("A person please: a person")
    conversation = await bob.conversation(phone, status="open")
    await phone.hears("A colleague will answer you here.")
    assert (await bob.does("claim", conversation)).status_code == 200
    async with meta.trouble(cut=1):
        await bob.does("messages", conversation, text="Did this arrive?")
        await bob.message(conversation, "Did this arrive?", status="uncertain")
    await phone.hears("Did this arrive?")
    await bob.does("messages", conversation, text="One more")
    await phone.hears("One more")
    assert len(await meta.sent("Did this arrive?")) == 1


async def test_a_window_that_meta_finds_closed_is_told_at_the_message(world: World, meta: Meta, bob: Colleague) -> None:
    await answers_with(world, "late", lambda body: Answer(text="Unused."))
    phone = Phone(meta)
    await phone.write("I want a person")
    conversation = await bob.conversation(phone, status="open")
    await phone.hears("A colleague will answer you here.")
    assert (await bob.does("claim", conversation)).status_code == 200
    await meta.ask("POST", f"/contacts/{phone.number}/window", json={"phone_number_id": NUMBERS["acme"]})
    await bob.does("messages", conversation, text="Too late")
    failed = await bob.message(conversation, "Too late", status="failed")
    assert failed["error_code"] == "131047"
    assert "template" in failed["error_text"]
    template = {"name": "hello_again", "language": "en", "variables": ["Ann"]}
    sent = await bob.does("messages", conversation, kind="template", payload=template)
    assert sent.status_code == 201, sent.text
    await phone.hears("we have an answer for you")
