"""Deepgram and ElevenLabs, chosen by an agent's configuration alone, through the real worker with its plugins and SDKs."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.e2e.waiting import until
from tests.e2e.world import World, events, said
from tests.standins.deepgram import DeepgramStandin
from tests.standins.elevenlabs import ElevenLabsStandin
from tests.standins.openai import Answer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400), pytest.mark.asyncio(loop_scope="session")]


async def test_deepgram_and_elevenlabs_by_configuration(world: World) -> None:
    async with (
        DeepgramStandin(api_key="dg-key", transcript="When do you open?") as deepgram,
        ElevenLabsStandin(api_key="el-key") as elevenlabs,
    ):
        for provider, key, url in (("deepgram", "dg-key", deepgram.base_url), ("elevenlabs", "el-key", elevenlabs.base_url)):
            await world.office.ask("credential", tenant="globex", provider=provider, api_key=key, base_url=url)
        await world.agent(
            "streaming",
            lambda body: Answer(text="We open at nine."),
            tenant="globex",
            stt={"provider": "deepgram", "model": "nova-3"},
            tts={"provider": "elevenlabs", "model": "eleven_flash_v2_5"},
        )
        async with await world.caller("streaming", "globex") as caller:
            await world.greeted(caller)
            heard = caller.heard("atlas")
            await world.answered(caller, "We open at nine", "globex")
            await until(lambda: caller.heard("atlas") > heard + 0.2, "the answer's sound")
            await world.recorded(caller, "Media Bot's transcript", lambda r: events(r, "transcript", "media-bot"), "globex")
        record = await world.billed(caller, "globex")
        assert (deepgram.problems, elevenlabs.problems) == ([], [])
    assert "When do you open?" in said(record, "caller")
    assert len(deepgram.connections) >= 3, "Atlas listens to the caller, Media Bot to both sides"
    used = {(row["provider"], row["model"]) for row in record["ledger"][0]["usage"]}
    assert {("deepgram", "nova-3"), ("elevenlabs", "eleven_flash_v2_5")} <= used
    money = record["ledger"][0]["money"]
    assert all(Decimal(money[part]) > 0 for part in ("stt", "llm", "tts", "total"))
