"""Who may do what, over real HTTP: agents that do not talk, and call tokens that open one call only."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.e2e.waiting import until
from tests.e2e.world import World

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400), pytest.mark.asyncio(loop_scope="session")]


async def test_no_token_for_an_agent_that_may_not_talk(world: World) -> None:
    await world.agent("closed")
    await world.agent("unready", publish=False)
    await world.office.ask("disable", tenant="acme", slug="closed")
    await world.agent("elsewhere", tenant="globex")
    before = await world.office.ask("calls", tenant="acme")
    refused = {slug: await world.token(slug) for slug in ("closed", "unready", "elsewhere", "nobody")}
    assert {slug: (answer.status_code, answer.json()["code"]) for slug, answer in refused.items()} == {
        "closed": (409, "agent_disabled"),
        "unready": (409, "not_published"),
        "elsewhere": (404, "unknown_agent"),
        "nobody": (404, "unknown_agent"),
    }
    assert await world.office.ask("calls", tenant="acme") == before


async def test_call_token_opens_its_own_call_only(world: World) -> None:
    mine, theirs, foreign = await asyncio.gather(
        world.agent("mine"), world.agent("theirs"), world.agent("foreign", tenant="globex")
    )
    async with await world.caller("mine") as own, await world.caller("theirs") as other:
        await asyncio.gather(*(until(lambda c=c: c.heard("atlas"), "the greeting") for c in (own, other)))  # type: ignore[misc]
        token = await world.dispatch_token(own)
        assert await _statuses(world, token, mine, own.call_id) == [200, 200, 200]
        assert await _statuses(world, token, theirs, other.call_id) == [403, 403, 403]
        assert await _statuses(world, token, foreign, other.call_id) == [403, 403, 403]
        assert await _statuses(world, f"{token[:-4]}AAAA", mine, own.call_id) == [401, 401, 401]
        report = {"call_id": other.call_id, "agent_id": theirs}
        assert (await _ask(world, "POST", "/billing/calls", token, json=report)).status_code == 403
    record = await world.billed(other)
    assert not [e for e in record["events"] if e.get("text") == "forged"]
    assert len(record["ledger"]) == 1


async def _statuses(world: World, token: str, agent_id: str, call_id: str) -> list[int]:
    """What reading an agent, reading a transcript and telling an event are answered."""
    forged = {
        "seq": 0,
        "source": "atlas.9",
        "type": "transcript",
        "at": "2026-01-01T00:00:00Z",
        "speaker": "agent",
        "text": "forged",
    }
    answers = (
        await _ask(world, "GET", f"/agents/{agent_id}", token),
        await _ask(world, "GET", f"/calls/{call_id}/transcript", token),
        await _ask(world, "POST", f"/calls/{call_id}/events", token, json={"events": [forged]}),
    )
    return [answer.status_code for answer in answers]


async def _ask(world: World, method: str, path: str, token: str, **options: Any) -> Any:
    return await world.http(method, path, headers={"Authorization": f"Bearer {token}"}, **options)
