"""Calls by phone: livekit-sip's participants against the tenant's trunk and numbers."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from embedded.models import SPEECH_MODEL, VOICE
from tests.e2e.caller import Caller
from tests.e2e.waiting import until
from tests.e2e.world import World
from tests.spoken import alike
from tests.standins.openai import Answer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400), pytest.mark.asyncio(loop_scope="session")]
SPOKEN = {"provider": "openai", "model": SPEECH_MODEL, "voice": VOICE}


async def test_phone_call_is_answered(world: World) -> None:
    agent_id = await world.agent("phone", lambda body: Answer(text="We open at nine."))
    trunk = await world.office.ask("trunk", tenant="acme", name="Office", numbers=["+15559999"])
    await world.office.ask("number", tenant="acme", number="+15559999", agent_id=agent_id)
    async with world.phone(trunk, "+15559999") as caller:
        await world.greeted(caller)
        await world.answered(caller, "We open at nine")
    record = await world.billed(caller)
    assert (record["channel"], record["agent_slug"]) == ("sip", "phone")
    assert (record["from_number"], record["to_number"]) == ("+15551234567", "+15559999")
    assert (record["state"], record["ended_reason"]) == ("completed", "caller_hangup")
    (entry,) = record["ledger"]
    assert entry["channel"] == "sip"
    assert Decimal(entry["money"]["transport"]) > 0


async def test_unknown_number_and_unknown_trunk_are_told(world: World) -> None:
    trunk = await world.office.ask("trunk", tenant="acme", name="Annexe", numbers=["+15550000"])
    strangers = [world.phone("ST_nobodysTrunk", "+15550000", tenant) for tenant in ("acme", "nobody")]
    callers = [world.phone(trunk, "+15550000"), *strangers]
    record, *nothing = await asyncio.gather(*(_told(world, caller, "not in service") for caller in callers))
    assert "+15550000" in record["detail"]
    assert nothing == [None, None], "no company sees the call of a stranger's trunk"


async def test_agents_that_may_not_talk_are_excused(world: World) -> None:
    off = await world.agent("off", tts=SPOKEN)
    draft = await world.agent("draft", publish=False)
    trunk = await world.office.ask("trunk", tenant="acme", name="Branch", numbers=["801", "802"])
    for number, agent_id in (("801", off), ("802", draft)):
        await world.office.ask("number", tenant="acme", number=number, agent_id=agent_id)
    await world.office.ask("disable", tenant="acme", slug="off")
    told = (_told(world, world.phone(trunk, number), "take your call") for number in ("801", "802"))
    switched_off, unpublished = await asyncio.gather(*told)
    assert "switched off" in switched_off["detail"]
    assert "no published version" in unpublished["detail"]


async def _told(world: World, caller: Caller, sentence: str) -> Any:
    """The record of a call that ends with a spoken sentence and with no agent."""
    async with caller:
        await until(lambda: caller.left, "the end of the call")
    heard = await world.recognise(caller.voice("media-bot"))
    assert alike(sentence, heard), heard
    assert not caller.of("atlas")
    record = await world.record(caller)
    if record is not None:
        assert (record["state"], record["ended_reason"], record["ledger"]) == ("failed", "no_agent", [])
    return record
