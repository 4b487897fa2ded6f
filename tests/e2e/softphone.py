"""A real telephone: baresip, Debian's SIP phone for the terminal, steered over its control socket.

It dials, plays WAV files into the call and writes down what it hears. https://github.com/baresip/baresip/wiki/Using-Baresip
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import wave
from pathlib import Path
from typing import Any, Self

import numpy as np

from embedded.ports import LOOPBACK, ports_free
from tests.e2e.waiting import until

RATE = 8000
BARESIP = shutil.which("baresip")
MODULES = Path("/usr/lib/baresip/modules")
CLOSED = "CALL_CLOSED"
CONFIG = """\
poll_method epoll
sip_listen {here}:{port}
call_local_timeout 200
call_max_calls 2
audio_player aubridge,{name}
audio_source aufile,{silence}
audio_alert aubridge,alert
ausrc_srate {rate}
auplay_srate {rate}
ausrc_channels 1
auplay_channels 1
rtp_ports 21000-29999
rtp_timeout 0
snd_path {folder}
ctrl_tcp_listen {here}:{control}
module_path {modules}
module g711.so
module aufile.so
module aubridge.so
module sndfile.so
module_app account.so
module_app menu.so
module_app ctrl_tcp.so
"""


class Softphone:
    """`async with Softphone(folder, bridge="127.0.0.1:5060", number="+15551234567") as phone`: switched on, not in a call."""

    def __init__(
        self, folder: Path, *, bridge: str, number: str, login: tuple[str, str] | None = None, answers: bool = False
    ) -> None:
        self.folder = folder
        self.bridge = bridge
        self.number = number
        self.login = login
        self.answers = answers
        self.events: list[dict[str, Any]] = []
        self._port, self._control = ports_free(2)
        self._process: asyncio.subprocess.Process | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._listening: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self.folder.mkdir(parents=True)
        self._configure()
        with (self.folder / "baresip.log").open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(str(BARESIP), "-4", "-f", str(self.folder)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
            )
        await until(self._connect, "the telephone is on")
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process is not None
        assert self._writer is not None
        with contextlib.suppress(ConnectionError):
            await self._tell("quit")
        try:
            await asyncio.wait_for(self._process.wait(), 10)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        if self._listening is not None:
            self._listening.cancel()
        self._writer.close()

    @property
    def address(self) -> str:
        """Where this telephone can be called, such as 127.0.0.1:23456."""
        return f"{LOOPBACK}:{self._port}"

    async def dial(self, called: str) -> None:
        """Send the INVITE."""
        await self._tell("dial", f"sip:{called}@{self.bridge}")

    async def answered(self) -> None:
        """Wait until the other side has picked up; fails with the reason when it refuses."""
        await until(lambda: self.was("CALL_ESTABLISHED") or self.was(CLOSED), "the call is picked up")
        assert self.was("CALL_ESTABLISHED"), f"the call was refused: {self.why}"

    async def refused(self) -> str:
        """Wait until the call is over without having been picked up; the status and words, such as `401 Unauthorized`."""
        await until(lambda: self.was(CLOSED), "the call is refused")
        assert not self.was("CALL_ESTABLISHED")
        return self.why

    async def over(self) -> None:
        """Wait until the other side has said BYE."""
        await until(lambda: self.was(CLOSED), "the other side hangs up")

    async def say(self, pcm: bytes) -> None:
        """Play 8 kHz mono PCM into the call, then silence."""
        path = self.folder / f"say{len(list(self.folder.glob('say*.wav')))}.wav"
        wav_write(path, pcm + bytes(2 * RATE * 600))
        await self._tell("ausrc", f"aufile,{path}")

    async def press(self, key: str) -> None:
        """Press one key of the keypad."""
        await self._tell(key)

    async def hang_up(self) -> None:
        """Send the BYE, or the CANCEL of a call that rings, and wait until it is over."""
        await self._tell("hangup")
        await until(lambda: self.was(CLOSED), "the telephone has hung up")

    def was(self, kind: str) -> bool:
        """Whether something has happened: CALL_RINGING, CALL_ESTABLISHED, CALL_TRANSFER, CALL_CLOSED, …"""
        return any(event.get("type") == kind for event in self.events)

    @property
    def why(self) -> str:
        """What baresip gives as the reason of the end."""
        return next((str(event.get("param", "")) for event in self.events if event.get("type") == CLOSED), "")

    def heard(self) -> bytes:
        """Everything that came through the telephone's speaker so far, as 8 kHz mono PCM."""
        pieces = []
        for path in sorted(self.folder.glob("dump-*-dec.wav")):
            pieces.append(path.read_bytes()[44:])
        return b"".join(pieces)

    def _configure(self) -> None:
        silence = self.folder / "silence.wav"
        wav_write(silence, bytes(2 * RATE * 600))
        values = {"here": LOOPBACK, "port": self._port, "control": self._control, "rate": RATE, "modules": MODULES}
        (self.folder / "config").write_text(CONFIG.format(name=self.folder.name, silence=silence, folder=self.folder, **values))
        login = ";auth_user={};auth_pass={}".format(*self.login) if self.login else ""
        mode = ";answermode=auto" if self.answers else ""
        account = f"<sip:{self.number}@{LOOPBACK}>;regint=0;audio_codecs=PCMU/8000/1{login}{mode}\n"
        (self.folder / "accounts").write_text(account)

    async def _connect(self) -> Any:
        try:
            reader, self._writer = await asyncio.open_connection(LOOPBACK, self._control)
        except OSError:
            return False
        self._listening = asyncio.create_task(self._listen(reader))
        return True

    async def _tell(self, command: str, params: str = "") -> None:
        assert self._writer is not None
        message = json.dumps({"command": command, "params": params}).encode()
        self._writer.write(b"%d:%s," % (len(message), message))
        await self._writer.drain()

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        """Netstrings of JSON (https://cr.yp.to/proto/netstrings.txt)."""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                size = int((await reader.readuntil(b":"))[:-1])
                message = json.loads(await reader.readexactly(size))
                await reader.readexactly(1)
                if message.get("event"):
                    self.events.append(message)


def wav_write(path: Path, pcm: bytes) -> None:
    """Write 8 kHz mono PCM."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(pcm)


def slower(pcm: bytes) -> bytes:
    """24 kHz PCM as a telephone has it, at 8 kHz."""
    samples = np.frombuffer(pcm, dtype=np.int16).astype(np.float64)
    samples = samples[: samples.size // 3 * 3].reshape(-1, 3)
    return bytes(samples.mean(axis=1).astype(np.int16).tobytes())


def faster(pcm: bytes) -> bytes:
    """8 kHz PCM at 24 kHz."""
    return bytes(np.frombuffer(pcm, dtype=np.int16).repeat(3).tobytes())
