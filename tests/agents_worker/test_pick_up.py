"""What is said to a caller waits until the telephone is picked up."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from livekit.rtc import EventEmitter

from agents_worker.room import picked_up


class Room(EventEmitter[str]):
    name = "call_acme_1"

    def tell(self, caller: Any, **attributes: str) -> None:
        """Attributes as livekit-sip changes them."""
        named = {name.replace("_", "."): value for name, value in attributes.items()}
        caller.attributes.update(named)
        self.emit("participant_attributes_changed", named, caller)

    @property
    def listeners(self) -> int:
        return sum(map(len, self._events.values()))


def caller(**attributes: str) -> Any:
    return SimpleNamespace(attributes={name.replace("_", "."): value for name, value in attributes.items()})


@pytest.mark.parametrize("who", [caller(), caller(sip_callStatus="active")], ids=["a browser", "a telephone in a call"])
async def test_who_is_there_already_is_not_waited_for(who: Any) -> None:
    room: Any = Room()
    await asyncio.wait_for(picked_up(room, who, seconds=600), 60)
    assert room.listeners == 0


async def test_a_telephone_that_rings_is_waited_for() -> None:
    room: Any = Room()
    who = caller(sip_callStatus="ringing")
    waiting = asyncio.create_task(picked_up(room, who, seconds=600))
    await asyncio.sleep(0)
    room.tell(who, other="value")
    await asyncio.sleep(0)
    assert not waiting.done()
    room.tell(who, sip_callStatus="active")
    await asyncio.wait_for(waiting, 60)
    assert room.listeners == 0


async def test_a_telephone_that_is_never_picked_up_is_spoken_to_all_the_same(caplog: pytest.LogCaptureFixture) -> None:
    room: Any = Room()
    await picked_up(room, caller(sip_callStatus="ringing"), seconds=0.01)
    assert "of call_acme_1 was not picked up" in caplog.text
    assert room.listeners == 0
