"""Scripted models for every call of the suite: one OpenAI-compatible server that answers by agent.

A transcription by `whisper-tiny.en` and speech by `piper` go on to the local models' server, so they are real; every other
model is scripted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import aiohttp
from aiohttp import web

from embedded.models import API_KEY, SPEECH_MODEL, TRANSCRIPTION_MODEL, VOICE
from tests.standins.openai import Answer, OpenAIStandin

REAL = {TRANSCRIPTION_MODEL, SPEECH_MODEL}
TIMEOUT = aiohttp.ClientTimeout(total=60)
MARK = "Your name is "

Brain = Callable[[dict[str, Any]], Answer]


class Models(OpenAIStandin):
    """`brains` answer for the agent that the system prompt names; `voice_delays` are seconds before a text is spoken.

    A scripted transcription hears its request's `prompt`: an agent has it among its speech-to-text options.
    """

    def __init__(self, local_url: str, **server: Any) -> None:
        super().__init__(script=self._think, **server)
        self.brains: dict[str, Brain] = {}
        self.voice_delays: dict[str, float] = {}
        self._local_url = local_url

    def routes(self) -> list[web.RouteDef]:
        return [*super().routes(), web.get("/prices/{thing}", self._price)]

    def asked_of(self, agent: str) -> list[dict[str, Any]]:
        """The chat requests that an agent has made."""
        return [seen.body for seen in self.chats if agent_of(seen.body) == agent]

    async def speak(self, text: str) -> bytes:
        """A text spoken by the local voice, as 24 kHz mono PCM."""
        body = {"model": SPEECH_MODEL, "voice": VOICE, "input": text, "response_format": "pcm"}
        async with self._session() as session, session.post(f"{self._local_url}/audio/speech", json=body) as answer:
            answer.raise_for_status()
            return await answer.read()

    async def recognise(self, wav: bytes) -> str:
        """What the local Whisper hears in a WAV file, in lower case."""
        form = aiohttp.FormData({"model": TRANSCRIPTION_MODEL})
        form.add_field("file", wav, filename="heard.wav", content_type="audio/wav")
        async with self._session() as session, session.post(f"{self._local_url}/audio/transcriptions", data=form) as answer:
            answer.raise_for_status()
            return str((await answer.json())["text"]).lower()

    def _session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(headers={"Authorization": f"Bearer {API_KEY}"}, timeout=TIMEOUT)

    def _think(self, body: dict[str, Any]) -> Answer | None:
        brain = self.brains.get(agent_of(body))
        return brain(body) if brain else None

    async def _transcribe(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        texts = {name: value for name, value in form.items() if isinstance(value, str)}
        if texts.get("model") in REAL:
            return await self._forward(request, _form(form))
        if texts.get("prompt"):
            self.note(request, texts)
            return web.json_response({"text": texts["prompt"]})
        return await super()._transcribe(request)

    async def _speak(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        await asyncio.sleep(self.voice_delays.get(body.get("input", ""), 0.0))
        if body.get("model") in REAL:
            return await self._forward(request, aiohttp.JsonPayload(body))
        return await super()._speak(request)

    async def _forward(self, request: web.Request, body: aiohttp.FormData | aiohttp.JsonPayload) -> web.StreamResponse:
        """The same request to the local models; their answer piece by piece."""
        url = f"{self._local_url}{request.path.removeprefix('/v1')}"
        async with self._session() as session, session.post(url, data=body) as answer:
            response = web.StreamResponse(status=answer.status, headers={"Content-Type": answer.headers["Content-Type"]})
            await response.prepare(request)
            async for piece in answer.content.iter_any():
                await response.write(piece)
        return response

    async def _price(self, request: web.Request) -> web.Response:
        """An address of a company's own, for an agent's tool."""
        self.note(request)
        if request.headers.get("X-Shop-Key") != "shop-secret":
            return web.json_response({"error": "wrong key"}, status=401)
        return web.json_response({"thing": request.match_info["thing"], "price": "forty dollars"})


def _form(given: Mapping[str, Any]) -> aiohttp.FormData:
    """A form to be sent on: the recording and what goes with it."""
    form = aiohttp.FormData()
    for name, value in given.items():
        if isinstance(value, web.FileField):
            form.add_field(name, value.file.read(), filename=value.filename, content_type=value.content_type)
        else:
            form.add_field(name, value)
    return form


def agent_of(body: dict[str, Any]) -> str:
    """The agent that a chat request is made for."""
    text = " ".join(str(m.get("content", "")) for m in body.get("messages", []) if m.get("role") in ("system", "developer"))
    return text.partition(MARK)[2].partition(".")[0]


def tool_result(body: dict[str, Any]) -> str:
    """What the last tool gave, when it is the model's turn after a tool; else nothing."""
    last = body["messages"][-1]
    return str(last.get("content", "")) if last.get("role") == "tool" else ""
