"""Processes die at random while contacts write: what was acknowledged is answered or handed over, and nothing happens twice.

`MERIDIAN_KILLS=220` runs the whole series (200 of Meridian's own processes and Redis, 20 of Postgres); the default is a sample.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
import pytest_asyncio
from psycopg.rows import tuple_row

from embedded.errors import StackError
from tests.e2e.chat import ARRIVED, Meta, Phone
from tests.e2e.test_whatsapp import answers_with
from tests.e2e.waiting import until
from tests.e2e.world import World
from tests.standins.openai import Answer, last_user_text

KILLS = int(os.environ.get("MERIDIAN_KILLS", "11"))
VICTIMS = ("web", "worker", "turns", "valkey", "web", "worker", "turns", "valkey", "worker", "turns", "postgres")
WRITERS = 3
CALM = 60.0  # seconds in which every row has to be over once nothing dies any more
TURN_GIVEN_UP = 240.0  # a turn that died with its process is handed to people after two minutes
OPEN = ("pending", "processing")

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(900 + 12 * KILLS), pytest.mark.asyncio(loop_scope="session")]


class Writers:
    """Contacts who each write once; Meta repeats a webhook until it is acknowledged, and the phone then shows it as delivered."""

    def __init__(self, meta: Meta) -> None:
        self.journal: dict[str, tuple[Phone, str]] = {}  # message id -> who wrote what
        self._meta = meta
        self._over = False
        self._seen: set[str] = set()  # those whose acknowledgement the phone has shown

    async def write(self) -> None:
        """Write as new contacts, one message each, until told that it is over."""
        while not self._over:
            phone = Phone(self._meta)
            text = f"Question of {phone.number}?"
            self.journal[await phone.write(text)] = phone, text
            await asyncio.sleep(0.3)

    def enough(self) -> None:
        """Nobody writes any more."""
        self._over = True

    async def acknowledged(self) -> bool:
        """Whether every message so far is."""
        for wamid, (phone, _) in self.journal.items():
            if wamid not in self._seen and not await self._arrived(phone, wamid):
                return False
            self._seen.add(wamid)
        return True

    async def _arrived(self, phone: Phone, wamid: str) -> bool:
        return any(m["id"] == wamid and m["status"] in ARRIVED for m in (await phone.chat())["messages"])


@dataclass(frozen=True)
class End:
    """Of a message: its last turn's state, its conversation's status, and whether an answer may or may not have been sent."""

    turn: str
    conversation: str
    uncertain: bool

    @property
    def cared_for(self) -> bool:
        """People see the conversation, or are shown the answer that may not have arrived."""
        return self.conversation in ("open", "resolved") or self.uncertain


class Books:
    """What the database says, read apart from the product."""

    def __init__(self, world: World) -> None:
        self._url = world.stack.env["DATABASE_URL"]

    def rows(self, sql: str, *values: Any) -> list[Any]:
        with psycopg.connect(self._url, connect_timeout=5, row_factory=tuple_row) as connection:
            return connection.execute(sql, values).fetchall()

    def open_rows(self) -> int:
        """Inbox and outbox rows that are not over, of anything due by now."""
        (count,) = self.rows(
            "SELECT (SELECT count(*) FROM core_inboundevent WHERE state = ANY(%s))"
            " + (SELECT count(*) FROM core_outboundeffect WHERE state = ANY(%s) AND kind LIKE 'whatsapp.%%')",
            list(OPEN),
            list(OPEN),
        )[0]
        return int(count)

    def stored(self, wamids: list[str]) -> dict[str, int]:
        """How often each message is in a conversation."""
        sql = "SELECT external_id, count(*) FROM acme.desktop_message WHERE external_id = ANY(%s) GROUP BY 1"
        return dict(self.rows(sql, wamids))

    def ends(self, wamids: list[str]) -> dict[str, End]:
        """What became of each message."""
        sql = """
            SELECT DISTINCT ON (m.external_id) m.external_id, coalesce(t.state, 'none'), c.status, EXISTS (
                SELECT 1 FROM acme.desktop_message o
                WHERE o.conversation_id = c.id AND o.author = 'ai' AND o.status = 'uncertain')
            FROM acme.desktop_message m JOIN acme.desktop_conversation c ON c.id = m.conversation_id
            LEFT JOIN acme.whatsapp_turn t ON t.message_ids @> to_jsonb(m.id::text)
            WHERE m.external_id = ANY(%s) ORDER BY m.external_id, t.created_at DESC
        """
        return {row[0]: End(*row[1:]) for row in self.rows(sql, wamids)}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def meta(world: World) -> AsyncIterator[Meta]:
    meta = Meta(world)
    yield meta
    assert (await meta.ask("GET", "/log"))["problems"] == []


async def test_what_was_acknowledged_survives_every_process(world: World, meta: Meta) -> None:
    await answers_with(world, "spared", lambda body: Answer(text=f"Answer to: {last_user_text(body)}"))
    writers, books = Writers(meta), Books(world)
    writing = [asyncio.create_task(writers.write()) for _ in range(WRITERS)]
    await until(lambda: len(writers.journal) >= WRITERS, "the first messages are written")
    await _kill_many(world, random.Random(2611))
    writers.enough()
    await asyncio.gather(*writing)
    await until(writers.acknowledged, "every webhook is acknowledged", patience=2 * CALM)

    def over() -> bool:
        return books.open_rows() == 0

    await until(over, "every row of the inbox and the outbox is over", patience=CALM)
    wamids = list(writers.journal)
    assert books.stored(wamids) == dict.fromkeys(wamids, 1)

    def answered() -> bool:
        return all(end.turn in ("done", "failed", "stale") for end in books.ends(wamids).values())

    await until(answered, "every message's turn is over", patience=TURN_GIVEN_UP)
    await until(over, "what the last turns said is sent", patience=CALM)
    ends = books.ends(wamids)
    assert [told for wamid, who in writers.journal.items() if (told := await _wrong(*who, ends[wamid]))] == []


async def _kill_many(world: World, chance: random.Random) -> None:
    order = [VICTIMS[number % len(VICTIMS)] for number in range(KILLS)]
    chance.shuffle(order)
    for victim in order:
        await asyncio.sleep(chance.uniform(0, 1.5))
        try:
            async with world.without(victim):
                await asyncio.sleep(chance.uniform(0, 0.7))
        except StackError as error:  # Postgres may be recovering for longer than a service waits
            raise AssertionError(f"{victim} did not come back: {error}") from error


async def _wrong(phone: Phone, text: str, end: End) -> str:
    """What is wrong with what a contact got: an answer that came twice, or none though nobody will look."""
    times = (await phone.answers()).count(f"Answer to: {text}")
    if times > 1:
        return f"{text} was answered {times} times"
    return f"{text} was not answered: {end}" if times == 0 and not end.cared_for else ""
