from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest
from livekit.agents import APIConnectionError

from agents_worker.atlas.answer import Candidate, Filler, ModelSilent, answer

DEADLINE = 0.02
NEVER = 60.0


class Model:
    def __init__(self, *chunks: str, after: float = 0.0, error: Exception | None = None) -> None:
        self.chunks, self.after, self.error = chunks, after, error
        self.asked = 0
        self.closed = 0

    async def ask(self) -> AsyncGenerator[str, None]:
        self.asked += 1
        try:
            await asyncio.sleep(self.after)
            if self.error:
                raise self.error
            for chunk in self.chunks:
                yield chunk
        finally:
            self.closed += 1


async def heard(*models: Model) -> list[str]:
    candidates = [Candidate(f"model {n}", model.ask) for n, model in enumerate(models)]
    out = []
    async for chunk in answer(candidates, deadline=DEADLINE):
        out.append("…" if isinstance(chunk, Filler) else chunk)
    return out


async def test_a_quick_model_is_simply_heard() -> None:
    other = Model("no")
    assert await heard(Model("a", "b"), other) == ["a", "b"]
    assert other.asked == 0


async def test_a_slow_model_is_covered_up_and_replaced() -> None:
    slow = Model("late", after=NEVER)
    assert await heard(slow, Model("quick")) == ["…", "quick"]
    assert slow.closed == 1


async def test_the_last_model_gets_more_time() -> None:
    assert await heard(Model("late", after=1.5 * DEADLINE)) == ["…", "late"]


async def test_an_error_moves_on_at_once() -> None:
    assert await heard(Model(error=APIConnectionError()), Model("quick")) == ["quick"]


async def test_an_empty_answer_moves_on() -> None:
    assert await heard(Model(), Model("quick")) == ["quick"]


async def test_the_filler_is_spoken_once() -> None:
    slow = Model(after=NEVER)
    with pytest.raises(ModelSilent, match="model 0, model 1"):
        await heard(slow, Model(after=NEVER))
    candidates = [Candidate("x", Model(after=NEVER).ask), Candidate("y", Model(after=NEVER).ask)]
    fillers = 0
    with pytest.raises(ModelSilent):
        async for _ in answer(candidates, deadline=DEADLINE):
            fillers += 1
    assert fillers == 1


async def test_a_mistake_of_ours_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        await heard(Model(error=ZeroDivisionError()), Model("quick"))


async def test_leaving_early_closes_the_request() -> None:
    model = Model("a", "b")
    stream = answer([Candidate("model", model.ask)], deadline=DEADLINE)
    assert await anext(stream) == "a"
    await stream.aclose()  # type: ignore[attr-defined]
    assert model.closed == 1
