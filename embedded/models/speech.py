"""POST /v1/audio/speech, spoken by the Piper process (https://platform.openai.com/docs/api-reference/audio/createSpeech)."""

import asyncio
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from embedded.models import SPEECH_MODEL, VOICE
from embedded.models.audio import SAMPLE_RATE, Mp3Encoder, Resampler, wav_header
from embedded.models.errors import ApiError, model_check, unsupported
from embedded.models.queue import Line

MOST_CHARACTERS = 4096
START_TIMEOUT = 60.0
READ_TIMEOUT = 30.0
# The first part is kept short, because Piper gives no sound before a part is complete.
FIRST_PART = 32
CLAUSE_END = re.compile(r"(?<=[,;:.!?])\s+")
MEDIA_TYPES = {"pcm": "audio/pcm", "wav": "audio/wav", "mp3": "audio/mpeg"}


class Speaker:
    """Starts the Piper process and streams what it says; two texts at once."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="meridian-voice-")
        self._socket = Path(self._folder.name) / "voice.sock"
        self._process: subprocess.Popen[bytes] | None = None
        self._start_lock = asyncio.Lock()
        self._line = Line("text-to-speech", at_once=2, waiting=16)

    async def start(self) -> None:
        """Start the Piper process if it is not running. Raises ApiError 503 when it does not come up."""
        async with self._start_lock:
            if self._process is None or self._process.poll() is not None:
                self._launch()
                await self._wait_ready()

    def _launch(self) -> None:
        command = [sys.executable, "-m", "embedded.models.voice", str(self._socket)]
        self._socket.unlink(missing_ok=True)
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE)

    def stop(self) -> None:
        """End the Piper process."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
        self._folder.cleanup()

    async def endpoint(self, request: Request) -> Response:
        """Answer one speech request with streamed audio."""
        options = await _options_read(request)
        await self.start()
        kind = options["response_format"]
        sound = _encoded(kind, self._say(_parts(options["input"]), options["speed"]))
        first = await anext(sound, b"")  # an error before the first sound is still an error response
        return StreamingResponse(_rest(first, sound), media_type=MEDIA_TYPES[kind])

    async def _say(self, parts: list[str], speed: float) -> AsyncIterator[bytes]:
        """Yield 16-bit mono PCM at 24 kHz."""
        async with self._line.turn():
            reader, writer = await self._connect()
            try:
                writer.write(json.dumps({"parts": parts, "speed": speed}).encode() + b"\n")
                header = json.loads(await _within(reader.readline()))
                resample = Resampler(header["sample_rate"], SAMPLE_RATE)
                while data := await _within(reader.read(16384)):
                    yield resample.feed(data)
                yield resample.flush()
            except (OSError, ValueError, TimeoutError) as error:
                raise ApiError("The local voice failed; see the log of the models.", status=503) from error
            finally:
                writer.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            return await asyncio.open_unix_connection(str(self._socket))
        except OSError as error:
            raise ApiError("The local voice is not running; try again.", status=503) from error

    async def _wait_ready(self) -> None:
        assert self._process is not None
        async with asyncio.timeout(START_TIMEOUT):
            while self._process.poll() is None:
                with suppress(ApiError):
                    _, writer = await self._connect()
                    writer.write(b'{"parts": [], "speed": 1}\n')
                    writer.close()
                    return
                await asyncio.sleep(0.02)
        raise ApiError("The local voice did not start; see the log of the models.", status=503)


async def _within(reading: Any) -> bytes:
    async with asyncio.timeout(READ_TIMEOUT):
        data: bytes = await reading
        return data


async def _encoded(kind: str, pcm: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Wrap PCM at 24 kHz as `kind`, without empty pieces."""
    async with aclosing(pcm) as source:  # type: ignore[type-var]
        if kind == "mp3":
            encoder = Mp3Encoder()
            async for data in source:
                if encoded := encoder.feed(data):
                    yield encoded
            yield encoder.flush()
            return
        first = kind == "wav"
        async for data in source:
            if data:
                yield (wav_header() if first else b"") + data
                first = False


async def _rest(first: bytes, sound: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async with aclosing(sound) as source:  # type: ignore[type-var]
        yield first
        async for data in source:
            yield data


def _parts(text: str) -> list[str]:
    """Split off a short first clause of a long text, so that its sound comes early."""
    text = " ".join(text.split())
    if len(text) <= FIRST_PART:
        return [text]
    for match in CLAUSE_END.finditer(text):
        if 12 <= match.start() <= FIRST_PART * 2:
            return [text[: match.start()], text[match.end() :]]
    return [text]


async def _options_read(request: Request) -> dict[str, Any]:
    try:
        given = await request.json()
    except ValueError as error:
        raise ApiError("The body is not JSON.") from error
    if not isinstance(given, dict):
        raise ApiError("The body is not a JSON object.")
    model_check(given.get("model"), SPEECH_MODEL)
    text = given.get("input")
    if not isinstance(text, str) or not text.strip():
        raise ApiError("`input` is the text to speak and must not be empty.", param="input")
    if len(text) > MOST_CHARACTERS:
        raise ApiError(f"`input` is longer than {MOST_CHARACTERS} characters.", param="input")
    return {"input": text, "response_format": _kind(given), "speed": _speed(given)}


def _kind(given: dict[str, Any]) -> str:
    if given.get("voice") != VOICE:
        raise unsupported(f"The only voice here is {VOICE!r}, not {given.get('voice')!r}.", "voice")
    kind = given.get("response_format", "mp3")
    if kind not in MEDIA_TYPES:
        raise unsupported(f"response_format is one of {', '.join(MEDIA_TYPES)} here, not {kind!r}.", "response_format")
    return str(kind)


def _speed(given: dict[str, Any]) -> float:
    speed = given.get("speed", 1.0)
    if not isinstance(speed, int | float) or not 0.25 <= speed <= 4.0:
        raise ApiError("`speed` is a number from 0.25 to 4.", param="speed")
    return float(speed)
