"""WhatsApp from the contact's phone through Herald or a colleague and back, with everything real but Meta and the model."""

from __future__ import annotations

import asyncio
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


async def test_a_contact_asks_and_herald_answers(world: World, meta: Meta, bob: Colleague) -> None:
    await answers_with(world, "chatty", lambda body: Answer(text="We are open from *nine* to five.", delay=0.5))
    phone = Phone(meta)
    burst = {await phone.write("Hello"), await phone.write("What are your opening hours?")}
    await phone.typing()
    await phone.hears("We are open from *nine* to five.")
    await phone.sees("read", *burst)  # Meta counts in seconds: which of the two is the later one nobody can tell
    assert set(asked(world, "chatty")[0].splitlines()) == {"Hello", "What are your opening hours?"}, "a burst is one turn"
    assert len(await phone.answers()) == 1
    conversation = await bob.conversation(phone, status="pending")
    await phone.read()
    message = await bob.message(conversation, "We are open from *nine* to five.", status="read")
    assert message["author"] == "ai"
    turn = await until(lambda: _turn(world, conversation, "done"), "the end of the turn")
    assert {row["kind"] for row in turn["usage"]} == {"llm"}


async def _turn(world: World, conversation: Any, state: str) -> Any:
    """The conversation's last turn, once it is in a state."""
    turns = await world.office.ask("turns", tenant="acme", conversation_id=conversation["id"])
    return turns[-1] if turns and turns[-1]["state"] == state else None


async def test_a_contact_asks_for_a_person_and_bob_answers(world: World, meta: Meta, bob: Colleague) -> None:
    await answers_with(world, "referrer", lambda body: Answer(text="I am only a machine."))
    phone = Phone(meta)
    async with Colleague(world, "alice@acme.test") as alice, Colleague(world, "charlie@globex.test") as charlie:
        await phone.write("Can I talk to a person?")
        await phone.hears("A colleague will answer you here.")
        conversation = await bob.conversation(phone, status="open", team="support")
        await asyncio.gather(bob.notified(conversation), alice.notified(conversation))
        assert "a person" in conversation["handoff_reason"]
        claims = await asyncio.gather(bob.does("claim", conversation), alice.does("claim", conversation))
        winner, loser = (bob, alice) if claims[0].status_code == 200 else (alice, bob)
        assert sorted(claim.status_code for claim in claims) == [200, 409]
        assert (await loser.does("messages", conversation, text="Mine!")).status_code == 409
        reply = await winner.does("messages", conversation, text="Here I am. How can I help?")
        assert reply.status_code == 201, reply.text
        await phone.hears("Here I am. How can I help?")
        await phone.read()
        await winner.message(conversation, "Here I am. How can I help?", status="read")
        await phone.write("My chair is broken.")
        await loser.message(conversation, "My chair is broken.")
        assert "I am only a machine." not in await phone.answers()
        await _sees_nothing(charlie, conversation)
        assert (await winner.does("resolve", conversation, outcome="Solved")).status_code == 200


async def _sees_nothing(stranger: Colleague, conversation: Any) -> None:
    path = f"/conversations/{conversation['id']}"
    answers = [await stranger.ask("GET", path), await stranger.ask("GET", f"{path}/messages")]
    answers += [await stranger.does(action, conversation) for action in ("claim", "read", "resolve")]
    answers.append(await stranger.does("messages", conversation, text="Hello from Globex"))
    assert {answer.status_code for answer in answers} == {404}
    listed = await stranger.get("/conversations", view="all")
    assert conversation["id"] not in [row["id"] for row in listed["results"]]
    assert conversation["id"] not in str(stranger.hints)


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
    phone = Phone(meta)
    async with world.without("valkey"):
        message_id = await phone.write("Does this get lost?")
        await phone.sees("delivered", message_id)
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
