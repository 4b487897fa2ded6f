"""Many who ask the same at once get one look-up, and never an answer that is older than their question."""

import asyncio

import pytest

from apps.core.shared import Shared


class Clock:
    """A look-up that takes until it is let go, and answers how many there have been when it began."""

    def __init__(self) -> None:
        self.begun = 0
        self.go = asyncio.Event()

    async def look_up(self) -> int:
        self.begun += 1
        answer = self.begun
        await self.go.wait()
        return answer


async def test_those_who_come_meanwhile_share_the_next_one() -> None:
    shared, clock = Shared(), Clock()
    first = [asyncio.create_task(shared.ask("desk", clock.look_up)) for _ in range(50)]
    while clock.begun == 0:
        await asyncio.sleep(0)
    later = [asyncio.create_task(shared.ask("desk", clock.look_up)) for _ in range(50)]
    await asyncio.sleep(0)
    clock.go.set()
    assert set(await asyncio.gather(*first)) == {1}
    assert set(await asyncio.gather(*later)) == {2}


async def test_another_question_has_another_answer() -> None:
    shared, one, other = Shared(), Clock(), Clock()
    other.begun = 10
    one.go.set()
    other.go.set()
    assert await asyncio.gather(shared.ask("acme", one.look_up), shared.ask("globex", other.look_up)) == [1, 11]


async def test_who_goes_away_takes_no_answer_along() -> None:
    shared, clock = Shared(), Clock()
    leaving, staying = (asyncio.create_task(shared.ask("desk", clock.look_up)) for _ in range(2))
    await asyncio.sleep(0)
    leaving.cancel()
    clock.go.set()
    assert await staying == 1


async def test_a_failed_look_up_fails_for_all_of_them_and_only_once() -> None:
    shared, clock = Shared(), Clock()
    clock.go.set()

    async def broken() -> int:
        raise OSError

    asked = await asyncio.gather(*(shared.ask("desk", broken) for _ in range(3)), return_exceptions=True)
    assert [type(one) for one in asked] == [OSError] * 3
    with pytest.raises(OSError):
        await shared.ask("desk", broken)
    assert await shared.ask("desk", clock.look_up) == 1
