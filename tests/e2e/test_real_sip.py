"""Telephone calls through the real livekit-sip: a SIP phone on one end, the whole product on the other."""

from __future__ import annotations

import asyncio
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from embedded.models import SPEECH_MODEL, VOICE
from tests.e2e.softphone import BARESIP, RATE, Softphone, faster, slower
from tests.e2e.waiting import until
from tests.e2e.world import ENDED, World, said
from tests.spoken import alike
from tests.standins.openai import Answer

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(400),
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(
        not os.environ.get("MERIDIAN_LIVEKIT_SIP"),
        reason="a call by SIP needs livekit-sip: name its program in MERIDIAN_LIVEKIT_SIP (docs/telephony.md)",
    ),
    pytest.mark.skipif(BARESIP is None, reason="a call by SIP needs a phone: install the package baresip-core"),
]
ME = "+15551234567"
SPOKEN = {"provider": "openai", "model": SPEECH_MODEL, "voice": VOICE}


async def test_a_question_by_telephone_is_answered(world: World, tmp_path: Path) -> None:
    await _line(world, "desk", "811", Answer(text="We open at nine."), tts=SPOKEN)
    async with _phone(world, tmp_path) as phone:
        await phone.dial("811")
        await phone.answered()
        await _spoken(world, "811", "This is desk.")
        before = _loud(phone.heard())
        await phone.say(slower(world.question))
        await _spoken(world, "811", "We open at nine.")
        await until(lambda: _loud(phone.heard()) > before + 0.5 and not _loud(phone.heard()[-2 * RATE :]), "all is said")
        await phone.hang_up()
    record = await _billed(world, "811")
    assert (record["channel"], record["agent_slug"], record["from_number"]) == ("sip", "desk", ME)
    assert (record["state"], record["ended_reason"]) == ("completed", "caller_hangup")
    assert Decimal(record["ledger"][0]["money"]["transport"]) > 0
    assert alike("we open at", await world.recognise(faster(phone.heard())))


async def test_only_who_may_call_gets_through(world: World, tmp_path: Path) -> None:
    await _line(world, "guarded", "812", Answer(text="Hello."), login=("pbx", "the-right-password"))
    async with _phone(world, tmp_path / "right", login=("pbx", "the-right-password")) as phone:
        await phone.dial("812")
        await phone.answered()
        await phone.hang_up()
    await _ended(world, "812")
    async with _phone(world, tmp_path / "wrong", login=("pbx", "a-wrong-password")) as phone:
        await phone.dial("812")
        assert await phone.refused() == "401 Unauthorized"
    assert len(await _calls(world, "812")) == 1


async def test_an_agent_ends_the_call(world: World, tmp_path: Path) -> None:
    await _line(world, "gracious", "813", Answer(text="Thank you and goodbye.", tool_calls=[("end_call", {})]))
    async with _phone(world, tmp_path) as phone:
        await phone.dial("813")
        await phone.answered()
        await _spoken(world, "813", "This is gracious.")
        await phone.say(slower(world.question))
        await phone.over()
    record = await _ended(world, "813")
    assert (record["state"], record["ended_reason"]) == ("completed", "agent_hangup")


async def test_a_caller_is_put_through(world: World, tmp_path: Path) -> None:
    async with _phone(world, tmp_path / "sales", number="sales", answers=True) as sales:
        tool = {"kind": "builtin", "name": "transfer", "options": {"targets": [f"Sales: sip:sales@{sales.address}"]}}
        await _line(world, "operator", "814", Answer(tool_calls=[("transfer", {"to": "Sales"})]), tools=[tool])
        async with _phone(world, tmp_path / "caller") as phone:
            await phone.dial("814")
            await phone.answered()
            await _spoken(world, "814", "This is operator.")
            await phone.say(slower(world.question))
            await until(lambda: sales.was("CALL_ESTABLISHED"), "Sales picks up")
            record = await _ended(world, "814")
    assert (record["state"], record["ended_reason"]) == ("completed", "transferred")


async def test_a_number_that_rings_natively_and_a_caller_who_gives_up(world: World, tmp_path: Path) -> None:
    await _line(world, "native", "815", Answer(text="Hello."), ringback="native")
    async with _phone(world, tmp_path / "waits") as phone, world.asleep("atlas"):
        await phone.dial("815")
        await until(lambda: _calls(world, "815"), "the call is recorded")
        assert not phone.was("CALL_ESTABLISHED")
        await phone.hang_up()
        record = await _ended(world, "815")
    assert (record["state"], record["ended_reason"]) == ("missed", "caller_hangup")


async def test_a_greeting_that_picks_up_is_heard_from_its_first_word(world: World, tmp_path: Path) -> None:
    greeting = "Good morning, we are glad that you are calling."
    await _line(world, "early", "818", Answer(text="Hello."), ringback="native", greeting=greeting, tts=SPOKEN)
    async with _phone(world, tmp_path) as phone:
        await phone.dial("818")
        await phone.answered()
        await until(lambda: _loud(phone.heard()) > 1.0 and not _loud(phone.heard()[-2 * RATE :]), "all is said")
        await phone.hang_up()
    heard = await world.recognise(faster(phone.heard()))
    assert alike("good morning", heard), heard
    assert alike("calling", heard), heard


async def test_two_callers_at_once_and_a_number_of_nobody(world: World, tmp_path: Path) -> None:
    await _line(world, "busy", "816", Answer(text="Hello."))
    await world.office.ask("trunk", tenant="acme", name="Spare", numbers=["817"])
    await asyncio.gather(*(_greeted(world, tmp_path / name) for name in ("one", "two")), _told(world, tmp_path / "told"))
    rooms = {record["room_name"] for record in await _calls(world, "816")}
    assert len(rooms) == 2


async def _greeted(world: World, folder: Path) -> None:
    async with _phone(world, folder) as phone:
        await phone.dial("816")
        await phone.answered()
        await until(lambda: _loud(phone.heard()) > 0.5, "something is heard")
        await phone.hang_up()


async def _told(world: World, folder: Path) -> None:
    async with _phone(world, folder) as phone:
        await phone.dial("817")
        await phone.answered()
        await phone.over()
    heard = await world.recognise(faster(phone.heard()))
    assert alike("the number you have called", heard), "from the first words"
    assert alike("try again", heard), heard
    record = await _ended(world, "817")
    assert (record["state"], record["ended_reason"]) == ("failed", "no_agent")


def _phone(world: World, folder: Path, number: str = ME, **options: Any) -> Softphone:
    return Softphone(folder / "phone", bridge=world.stack.sip_address, number=number, **options)


async def _line(
    world: World,
    slug: str,
    number: str,
    answer: Answer,
    *,
    login: tuple[str, str] | None = None,
    ringback: str = "answer",
    **config: Any,
) -> None:
    """An agent, its number and a trunk for that number."""
    agent_id = await world.agent(slug, lambda body: answer, **config)
    await world.office.ask("trunk", tenant="acme", name=slug.title(), numbers=[number], login=login)
    await world.office.ask("number", tenant="acme", number=number, agent_id=agent_id, ringback=ringback)


async def _calls(world: World, number: str) -> Any:
    """The records of the calls to a number, a list."""
    ids = await world.office.ask("calls", tenant="acme", to_number=number)
    return [await world.office.ask("call", tenant="acme", call_id=call_id) for call_id in ids]


async def _call(world: World, number: str, what: str, check: Any) -> Any:
    async def look() -> Any:
        return next((record for record in await _calls(world, number) if check(record)), None)

    return await until(look, what)


async def _spoken(world: World, number: str, text: str) -> None:
    await _call(world, number, f"the agent says “{text}”", lambda record: text in said(record, "agent"))


async def _ended(world: World, number: str) -> Any:
    return await _call(world, number, "the end of the call", lambda record: record["state"] in ENDED)


async def _billed(world: World, number: str) -> Any:
    return await _call(world, number, "the ledger entry", lambda record: record["ledger"])


def _loud(pcm: bytes) -> float:
    """Seconds of sound in 8 kHz PCM."""
    samples = memoryview(pcm[: len(pcm) // 2 * 2]).cast("h")
    pieces = [samples[start : start + 160] for start in range(0, len(samples), 160)]
    return sum(0.02 for piece in pieces if max(map(abs, piece), default=0) > 500)
