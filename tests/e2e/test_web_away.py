"""The web side is away for 20 s while a caller hangs up: the call ends, and is billed once."""

from __future__ import annotations

import time

import pytest

from tests.e2e.waiting import until
from tests.e2e.world import World, events

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400), pytest.mark.asyncio(loop_scope="session")]
AWAY = 20.0


@pytest.mark.slow
async def test_call_ends_while_the_web_side_is_down(world: World) -> None:
    """Its webhooks are lost, or LiveKit sends them later; Atlas's events and its bill wait for the web side."""
    await world.agent("parting")
    async with await world.caller("parting") as caller:
        await world.greeted(caller)
        async with world.without("web"):
            away_until = time.monotonic() + AWAY
            await caller.hang_up()
            ended = await world.ended(caller)
            await until(lambda: time.monotonic() > away_until, "twenty seconds without the web side")
            assert (await world.record(caller))["ledger"] == []
    record = await world.billed(caller)
    for told in (ended, record):
        assert (told["state"], told["ended_reason"]) == ("completed", "caller_hangup")
    sources = [entry["source"] for entry in record["ledger"]]
    assert (sources.count("report"), sources.count("sweep"), record["conflicts"]) == (1, 0, 0)
    assert [e["state"] for e in events(record, "state", "atlas")][-1] == "closed"
