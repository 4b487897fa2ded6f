"""Many websockets on one core, as a bench needs them: frames are taken apart by hand, so that the crowd is no bottleneck.

After the handshake of RFC 6455 a server's frames are unmasked and, here, never fragmented or compressed.
"""

import asyncio
import base64
import os
import struct
import time
from collections.abc import Callable
from typing import cast

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
REQUEST = (
    "GET {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nCookie: {cookie}\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
)


class Socket(asyncio.Protocol):
    """One websocket; `heard` gets each text and the time it came."""

    def __init__(self, heard: Callable[[bytes, float], None]) -> None:
        self._heard = heard
        self._data = b""
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop has one of its own

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        if not self.opened.done():
            self.opened.set_exception(ConnectionError("The server closed the socket."))

    def data_received(self, data: bytes) -> None:
        now = time.time()
        data = self._data + data
        if not self.opened.done():
            data = self._shake_hands(data)
        self._data = self._frames(data, now)

    def say(self, text: str) -> None:
        self._send(TEXT, text.encode())

    def _shake_hands(self, data: bytes) -> bytes:
        head, end, rest = data.partition(b"\r\n\r\n")
        if not end:
            return data
        if b" 101 " not in head.split(b"\r\n")[0]:
            self.opened.set_exception(ConnectionError(head.decode("latin-1")))
        else:
            self.opened.set_result(None)
        return rest

    def _frames(self, data: bytes, now: float) -> bytes:
        """Takes every whole frame; returns what is left."""
        at, size = 0, len(data)
        while size - at >= 2:
            length, begin = data[at + 1], at + 2
            if length == 126:
                if size - at < 4:
                    break
                length, begin = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
            if size - begin < length:
                break
            self._took(data[at] & 15, data[begin : begin + length], now)
            at = begin + length
        return data[at:]

    def _took(self, opcode: int, payload: bytes, now: float) -> None:
        if opcode == TEXT:
            self._heard(payload, now)
        elif opcode == PING:
            self._send(PONG, payload)
        elif opcode == CLOSE:
            self.transport.close()

    def _send(self, opcode: int, payload: bytes) -> None:
        """A client's frames are masked; a mask of zeros changes nothing."""
        self.transport.write(struct.pack("!BB4x", 0x80 | opcode, 0x80 | len(payload)) + payload)


async def socket_open(port: int, host: str, path: str, cookie: str, heard: Callable[[bytes, float], None]) -> Socket:
    """Opens a websocket at 127.0.0.1. Raises ConnectionError when the server refuses."""
    _, socket = await asyncio.get_running_loop().create_connection(lambda: Socket(heard), "127.0.0.1", port)
    key = base64.b64encode(os.urandom(16)).decode()
    socket.transport.write(REQUEST.format(path=path, host=f"{host}:{port}", cookie=cookie, key=key).encode())
    await socket.opened
    return socket
