"""A conversation goes on in the slot that read it before, also where that one is still busy."""

import asyncio

from embedded.models.slots import ANSWER, Slots

ACME = "system: You answer for Acme. " * 40
GLOBEX = "system: Globex sells ladders. " * 40


async def used(slots: Slots, prompt: str) -> int:
    async with slots.held(prompt) as number:
        return number


async def test_a_conversation_goes_on_where_it_was_read() -> None:
    slots = Slots(3)
    acme, globex = await used(slots, ACME), await used(slots, GLOBEX)
    assert acme != globex
    assert await used(slots, ACME + "user: Are you open?") == acme
    assert await used(slots, GLOBEX + "user: How long is it?") == globex
    assert await used(slots, ACME + "user: Where are you?") == acme


async def test_a_new_one_takes_the_place_of_the_one_that_was_quiet_longest() -> None:
    slots = Slots(2)
    acme, globex = await used(slots, ACME), await used(slots, GLOBEX)
    assert await used(slots, "user: another conversation " * 40) == acme
    assert await used(slots, GLOBEX) == globex


async def test_it_waits_for_a_busy_slot_rather_than_read_all_anew() -> None:
    slots = Slots(2)
    async with slots.held(ACME) as acme:
        next_turn = asyncio.create_task(used(slots, ACME + "user: Are you open?"))
        other = await used(slots, GLOBEX)
        assert not next_turn.done()
    assert await next_turn == acme != other


async def test_short_prompts_do_not_queue_while_a_slot_is_free() -> None:
    slots = Slots(2)
    short = "user: Hi." * (ANSWER // 20)
    async with slots.held(short) as first:
        assert await used(slots, short) != first


async def test_who_leaves_while_waiting_leaves_nothing_behind() -> None:
    slots = Slots(1)
    async with slots.held(ACME):
        leaving = asyncio.create_task(used(slots, ACME))
        await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.wait([leaving])
    assert await asyncio.wait_for(used(slots, ACME), 5) == 0
