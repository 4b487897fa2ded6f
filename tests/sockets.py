"""A websocket in the tests' own process, with patience for a busy machine: Channels waits for one second."""

from typing import Any

from channels.testing import WebsocketCommunicator

PATIENCE = 30.0


class Socket(WebsocketCommunicator):
    """As Channels has it; whatever it waits for may take 30 seconds."""

    async def receive_output(self, timeout: float = PATIENCE) -> Any:
        """The next message of the application."""
        return await super().receive_output(max(timeout, PATIENCE))

    async def wait(self, timeout: float = PATIENCE) -> None:
        """The end of the application; raises what ended it."""
        await super().wait(max(timeout, PATIENCE))
