"""Several desktops open while sockets are killed and Redis goes away: afterwards each shows what the database has.

The pages are real ones in Chromium, so what brings them back is what people run: register, last_event_id, refetch.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from redis.asyncio import Redis

from tests.e2e.chat import NUMBERS, Colleague, Meta, Phone
from tests.e2e.waiting import until
from tests.e2e.windows import Window, windows_open
from tests.e2e.world import World
from tests.standins.openai import Answer

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]
pytestmark += [pytest.mark.asyncio(loop_scope="session")]
SEED = 20261129
CONTACTS = 4
CHANGES = 4  # in each trouble, and as many after it
ACTIONS = ("claim", "claim", "release", "resolve", "reopen", "read")
LISTS = (("alice@acme.test", "all"), ("bob@acme.test", "mine"), ("bob@acme.test", "unassigned"), ("alice@acme.test", "resolved"))
# What a page shows: rows (id, text without who said it, unread) and the counts of the views.
SHOWN = """() => ({
  rows: [...document.querySelectorAll("[data-row]")].map((row) => [
    row.id.replace("row-", ""), row.querySelector(".chat-text").lastChild.textContent.trim(),
    Number(row.querySelector(".chat-new")?.firstChild.textContent ?? 0)]),
  counts: Object.fromEntries([...document.querySelectorAll("[data-view]")].flatMap((tab) => {
    const view = tab.id.replace("view-", "");
    return [[view, Number(tab.dataset.count)], [`${view}_unread`, Number(tab.dataset.unread)]];
  })),
})"""
TEXTS = '() => [...document.querySelectorAll("[data-thread-lines] .said-text")].map((text) => text.innerText)'


class Work:
    """What goes on: contacts write, and colleagues do what they can with any of the conversations."""

    def __init__(self, rng: random.Random, phones: list[Phone], people: list[Colleague]) -> None:
        self._rng = rng
        self._phones = phones
        self._people = people
        self._number = 0
        self._written: list[tuple[Phone, str]] = []

    async def change(self) -> None:
        """Anything may happen; what a conversation's state forbids is refused."""
        self._number += 1
        person, text = self._rng.choice(self._people), f"Change {self._number}: a person please"
        does = self._rng.choice(("contact", "contact", "notes", "messages", *ACTIONS))
        if does == "contact":
            await self.write(self._rng.choice(self._phones), text)
            return
        rows = await person.get("/conversations", view=self._rng.choice(("all", "all", "resolved")))
        body = {"text": text} if does in ("notes", "messages") else {}
        for row in self._rng.sample(rows["results"], min(1, len(rows["results"]))):
            answer = await person.does(does, row, **body)
            assert answer.status_code in (200, 201, 403, 409), answer.text

    async def write(self, phone: Phone, text: str) -> None:
        """A contact writes."""
        await phone.write(text)
        self._written.append((phone, text))

    async def arrived(self) -> bool:
        """Whether the database has everything that the contacts wrote."""
        known: set[str] = set()
        for view in ("all", "resolved"):
            for row in (await self._people[0].get("/conversations", view=view, limit=100))["results"]:
                known |= {message["text"] for message in await self._people[0].messages(row)}
        return known >= {text for _, text in self._written}


Trouble = Callable[[World, list[Window]], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def sockets_lost(world: World, windows: list[Window]) -> AsyncIterator[None]:
    """Every browser's network changes."""
    await asyncio.gather(*(window.page.evaluate("window.sockets.at(-1).close()") for window in windows))
    yield


@asynccontextmanager
async def subscription_lost(world: World, windows: list[Window]) -> AsyncIterator[None]:
    """Redis drops the connection over which the realtime process hears; the sockets stay."""
    async with Redis.from_url(world.stack.env["REDIS_URL"]) as redis:
        await redis.client_kill_filter(_type="pubsub")
    yield


@asynccontextmanager
async def realtime_killed(world: World, windows: list[Window]) -> AsyncIterator[None]:
    """The realtime process ends without a word."""
    async with world.without("realtime"):
        yield


@asynccontextmanager
async def redis_killed(world: World, windows: list[Window]) -> AsyncIterator[None]:
    """Redis ends without a word."""
    async with world.without("valkey"):
        yield


TROUBLES: tuple[Trouble, ...] = (sockets_lost, subscription_lost, realtime_killed, redis_killed, redis_killed)


async def test_every_desktop_shows_what_the_database_has(world: World) -> None:
    rng, meta = random.Random(SEED), Meta(world)
    agent_id = await world.agent("crowd", lambda body: Answer(text="."), handoff={"team": "support", "phrases": ["a person"]})
    await world.office.ask("whatsapp", tenant="acme", phone_number_id=NUMBERS["acme"], agent_id=agent_id)
    async with Colleague(world, "alice@acme.test") as alice, Colleague(world, "bob@acme.test") as bob:
        work = Work(rng, [Phone(meta) for _ in range(CONTACTS)], [alice, bob])
        opened = await _first_conversation(work, alice, Phone(meta))
        async with windows_open(world) as windows:
            lists = [await windows.desk(email, f"?view={view}") for email, view in LISTS]
            open_one = await windows.desk("bob@acme.test", f"{opened['id']}/?view=all")
            for trouble in rng.sample(TROUBLES, len(TROUBLES)):
                async with trouble(world, [*lists, open_one]):
                    await _changes(work, bob, opened)
                await _changes(work, bob, opened)
            await until(work.arrived, "everything that was written is in the database")
            await _all_converge(world, lists, open_one, opened["id"])
            await _changes(work, bob, opened)
            await until(work.arrived, "what was written last is in the database")
            await _all_converge(world, lists, open_one, opened["id"])


async def _first_conversation(work: Work, person: Colleague, phone: Phone) -> Any:
    """One that a window has open all the time."""
    await work.write(phone, "I would like a person, please")
    return await person.conversation(phone, status="open")


async def _changes(work: Work, person: Colleague, opened: Any) -> None:
    for _ in range(CHANGES):
        await work.change()
    answer = await person.does("notes", opened, text="A note in between")
    assert answer.status_code == 201, answer.text


async def _all_converge(world: World, lists: list[Window], open_one: Window, conversation_id: str) -> None:
    """Each list and the open thread are those of the database."""
    for window, (email, view) in zip(lists, LISTS, strict=True):
        await _same(
            window, SHOWN, lambda e=email, v=view: world.office.ask("desk", tenant="acme", email=e, view=v), f"{email}: {view}"
        )
    await _same(open_one, TEXTS, lambda: world.office.ask("said", tenant="acme", conversation_id=conversation_id), "the thread")


async def _same(window: Window, script: str, database: Callable[[], Awaitable[Any]], what: str) -> None:
    """Waits until a page shows what the database has at that moment; says both where that does not come."""
    seen: list[Any] = []

    async def look() -> bool:
        seen[:] = [await window.page.evaluate(script), await database()]
        return bool(seen[0] == seen[1])

    try:
        await until(look, what)
    except AssertionError as error:
        raise AssertionError(f"{error}\nThe page: {seen[0]}\nThe database: {seen[1]}") from None
