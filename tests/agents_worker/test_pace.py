"""When a call may begin, beside others that have just begun."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from agents_worker.pace import Pace
from agents_worker.server import Admission
from tests.agents_worker.test_atlas_parts import Request


class Machine:
    """Processors as busy as told, and a clock that moves when it is asked how busy they are."""

    def __init__(self, *shares: float) -> None:
        self.shares = list(shares)
        self.asked = 0
        self.now = 100.0

    def clock(self) -> float:
        return self.now

    async def busy(self) -> float:
        self.asked += 1
        self.now += 0.2
        return self.shares.pop(0) if self.shares else 0.0


async def test_a_call_alone_waits_for_nothing() -> None:
    machine = Machine(1.0)
    await Pace(2, machine.busy, machine.clock).turn()
    assert machine.asked == 0


async def test_the_next_call_begins_when_the_processors_have_room() -> None:
    machine = Machine(0.95, 0.95, 0.5)
    pace = Pace(2, machine.busy, machine.clock)
    await pace.turn()
    await pace.turn()
    assert machine.asked == 3


async def test_a_begin_that_is_over_keeps_nobody_waiting() -> None:
    machine = Machine(*[1.0] * 100)
    pace = Pace(60, machine.busy, machine.clock)
    await pace.turn()
    await pace.turn()
    assert 100 + 1.5 <= machine.now < 100 + 2


async def test_nobody_waits_longer_than_said() -> None:
    asked = asyncio.Event()

    async def stuck() -> float:
        asked.set()
        return await asyncio.get_running_loop().create_future()

    pace = Pace(0.01, stuck)
    await pace.turn()
    await pace.turn()
    assert asked.is_set()


async def test_a_call_that_waits_for_its_turn_has_its_place() -> None:
    running: list[str] = []
    open_up = asyncio.Event()

    async def busy() -> float:
        await open_up.wait()
        return 0.0

    admission = Admission(lambda: len(running), limit=2, pace=Pace(60, busy))
    first, second, third = (Request(running) for _ in range(3))
    await admission.on_request(first)  # type: ignore[arg-type]
    waiting = asyncio.create_task(admission.on_request(second))  # type: ignore[arg-type]
    await until(lambda: not waiting.done() and admission._starting == 1)
    await admission.on_request(third)  # type: ignore[arg-type]
    assert third.rejected
    open_up.set()
    await waiting
    assert running == ["call", "call"]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0)
