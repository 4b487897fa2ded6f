"""Stand-in for ElevenLabs' text to speech: both websockets and the HTTP stream.

Formats: ElevenLabs' API reference, "Text to Speech": "Multi-Context WebSocket", "WebSocket" and
"Stream speech".
"""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import aiohttp
from aiohttp import web

from tests.standins.audio import spoken
from tests.standins.server import Seen, Standin, standin_main

_CHUNK_SECONDS = 0.1
_MP3_FRAME = bytes.fromhex("fffb9064") + bytes(413)  # MPEG-1 Layer III, 128 kbit/s, 44.1 kHz: 26 ms of silence
_VOICES: list[dict[str, Any]] = [
    {
        "voice_id": "standin",
        "name": "Stand-in",
        "category": "premade",
        "labels": {"gender": "female", "age": "young", "accent": "american", "language": "en", "use_case": "conversational"},
    },
    {"voice_id": "second", "name": "Zweite", "category": "cloned", "labels": {"gender": "male", "language": "de"}},
    {"voice_id": "bare", "name": None, "category": "generated", "labels": None},
]


class ElevenLabsStandin(Standin):
    """Speaks tones, `first_audio` seconds after a text is to be spoken.

    It serves PCM, and silence as MP3: ask for an output_format such as pcm_24000 or mp3_44100_128. `error`, when set, is sent
    in place of audio.
    """

    def __init__(self, *, first_audio: float = 0.0, **server: Any) -> None:
        super().__init__(**server)
        self.first_audio = first_audio
        self.error: str | None = None
        self.texts: list[str] = []
        self.voices_asked = 0

    @property
    def base_url(self) -> str:
        return f"{super().base_url}/v1"

    def routes(self) -> list[web.RouteDef]:
        voice = "/v1/text-to-speech/{voice}"
        return [
            web.get(f"{voice}/multi-stream-input", self._multi),
            web.get(f"{voice}/stream-input", self._single),
            web.post(f"{voice}/stream", self._http),
            web.post(voice, self._http),
            web.get("/v1/voices", self._voices),
        ]

    def _refusal(self, request: web.Request) -> web.Response | None:
        if request.headers.get("xi-api-key") == self.api_key:
            return None
        self.problems.append(f"{request.path}: wrong or missing xi-api-key")
        detail = {"status": "invalid_api_key", "message": "Invalid API key"}
        return web.json_response({"detail": detail}, status=401)

    def _rate(self, request: web.Request) -> int:
        output = request.query.get("output_format", "mp3_44100_128")
        if not output.startswith("pcm_"):
            self.problems.append(f"{request.path}: the stand-in has no {output}")
            return 24000
        return int(output.split("_")[1])

    # --- many contexts on one websocket ----------------------------------------------------

    async def _multi(self, request: web.Request) -> web.StreamResponse:
        if (refusal := self._refusal(request)) is not None:
            return refusal
        seen = self.note(request)
        if not seen.query.get("model_id"):
            self.problems.append("multi-stream-input: no model_id")
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        contexts: dict[str, Context] = {}
        async for message in socket:
            if message.type == aiohttp.WSMsgType.TEXT:
                frame = self._remember(seen, message.data)
                if frame.get("close_socket"):
                    break
                await self._on_frame(socket, contexts, frame, self._rate(request))
        for context in contexts.values():
            context.cancel()
        return socket

    def _remember(self, seen: Seen, data: str) -> dict[str, Any]:
        frame: dict[str, Any] = json.loads(data)
        seen.frames.append(frame)
        self.changed()
        return frame

    async def _on_frame(
        self,
        socket: web.WebSocketResponse,
        contexts: dict[str, Context],
        frame: dict[str, Any],
        rate: int,
    ) -> None:
        name = frame.get("context_id", "default")
        if frame.get("close_context"):
            if (context := contexts.pop(name, None)) is not None:
                await context.close()
            return
        if name not in contexts:
            if frame.get("text") != " ":
                self.problems.append("multi-stream-input: a context must begin with one space")
            contexts[name] = Context(self, socket, name, rate)
            return
        text = frame.get("text", "")
        if text and not text.endswith(" "):
            self.problems.append("multi-stream-input: text must end with a space")
        contexts[name].add(text, flush=bool(frame.get("flush")))

    # --- one text on one websocket ---------------------------------------------------------

    async def _single(self, request: web.Request) -> web.StreamResponse:
        if (refusal := self._refusal(request)) is not None:
            return refusal
        seen = self.note(request)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        context = Context(self, socket, None, self._rate(request))
        async for message in socket:
            frame = self._remember(seen, message.data)
            if frame.get("text") == "":
                await context.close()
                break
            if frame.get("text") != " ":
                context.add(frame.get("text", ""), flush=bool(frame.get("flush")))
        await socket.close()
        return socket

    # --- HTTP --------------------------------------------------------------------------------

    async def _http(self, request: web.Request) -> web.StreamResponse:
        if (refusal := self._refusal(request)) is not None:
            return refusal
        body = await request.json()
        self.note(request, body)
        for name in ("text", "model_id"):
            if not body.get(name):
                self.problems.append(f"text-to-speech: no {name}")
        self.texts.append(body.get("text", ""))
        await asyncio.sleep(self.first_audio)
        if request.query.get("output_format", "mp3_44100_128") == "mp3_44100_128":
            return web.Response(body=_MP3_FRAME * len(body.get("text", "")), content_type="audio/mpeg")
        audio = spoken(body.get("text", ""), rate=self._rate(request))
        return web.Response(body=audio, content_type="audio/pcm")

    async def _voices(self, request: web.Request) -> web.StreamResponse:
        if (refusal := self._refusal(request)) is not None:
            return refusal
        self.voices_asked += 1
        return web.json_response({"voices": _VOICES})


class Context:
    """Text that is collected until it is flushed, then spoken in order."""

    def __init__(self, owner: ElevenLabsStandin, socket: web.WebSocketResponse, name: str | None, rate: int) -> None:
        self._owner = owner
        self._socket = socket
        self._name = name
        self._rate = rate
        self._text = ""
        self._speaking: asyncio.Task[None] | None = None

    def add(self, text: str, *, flush: bool) -> None:
        self._text += text
        if flush and self._text.strip():
            text, self._text = self._text.strip(), ""
            self._speaking = asyncio.create_task(self._speak(text, self._speaking))

    async def close(self) -> None:
        self.add("", flush=True)
        if self._speaking is not None:
            await self._speaking
        await self._send({"isFinal": True})

    def cancel(self) -> None:
        if self._speaking is not None:
            self._speaking.cancel()

    async def _speak(self, text: str, after: asyncio.Task[None] | None) -> None:
        if after is not None:
            await after
        self._owner.texts.append(text)
        await asyncio.sleep(self._owner.first_audio)
        if self._owner.error is not None:
            await self._send({"error": self._owner.error})
            return
        pcm = spoken(text, rate=self._rate)
        step = 2 * int(self._rate * _CHUNK_SECONDS)
        for start in range(0, len(pcm), step):
            message: dict[str, Any] = {"audio": base64.b64encode(pcm[start : start + step]).decode()}
            if start == 0:
                seconds = len(pcm) / 2 / self._rate
                message |= dict.fromkeys(("alignment", "normalizedAlignment"), _times(text, seconds))
            await self._send(message)

    async def _send(self, message: dict[str, Any]) -> None:
        named = message if self._name is None else message | {"contextId": self._name}
        if not self._socket.closed:
            await self._socket.send_json(named)


def _times(text: str, seconds: float) -> dict[str, Any]:
    """Every character's start and duration in milliseconds, evenly."""
    step = 1000 * seconds / max(1, len(text))
    return {
        "chars": list(text),
        "charStartTimesMs": [int(index * step) for index in range(len(text))],
        "charDurationsMs": [int(step)] * len(text),
    }


if __name__ == "__main__":
    standin_main(
        lambda args: ElevenLabsStandin(host=args.host, port=args.port, api_key=args.api_key, first_audio=args.first_audio),
        {"first-audio": 0.10},
    )
