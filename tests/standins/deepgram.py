"""Stand-in for Deepgram's live audio: /v1/listen as a websocket.

Formats: Deepgram's API reference, "Live Audio": binary frames of audio and the JSON messages
KeepAlive, Finalize and CloseStream in; SpeechStarted, Results, Metadata out.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import numpy as np
from aiohttp import web

from tests.standins.server import Seen, Standin, standin_main

LOUD = 200.0
# a level alone cannot tell a stop consonant from the end of speech any sooner
SHORTEST_PAUSE = 0.2
_CONTROLS = frozenset({"KeepAlive", "Finalize", "CloseStream"})


@dataclass
class Listening:
    """One connection: where its audio is, and whether someone is speaking."""

    rate: int
    endpointing: float
    interim: bool
    events: bool
    position: float = 0.0
    started: float | None = None
    silence: float = 0.0
    announced: bool = False
    tasks: set[asyncio.Task[None]] = field(default_factory=set)


class DeepgramStandin(Standin):
    """Hears sound by its level and answers with what is scripted.

    `transcripts` are used up in order, then `transcript`. `delay` in seconds is added between
    the end of speech that `endpointing` finds and the final result. `close_after` seconds of
    audio, when set, drops the connection once.
    """

    def __init__(self, *, delay: float = 0.0, transcript: str = "What are your opening hours?", **server: Any) -> None:
        super().__init__(**server)
        self.delay = delay
        self.transcript = transcript
        self.transcripts: list[str] = []
        self.close_after: float | None = None

    @property
    def connections(self) -> list[Seen]:
        return self.requests("/v1/listen")

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/v1/listen", self._listen)]

    async def _listen(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") != f"Token {self.api_key}":
            self.problems.append("listen: wrong or missing Authorization")
            body = {"err_code": "INVALID_AUTH", "err_msg": "Invalid credentials."}
            return web.json_response(body, status=401)
        seen = self.note(request)
        self._check(seen.query)
        socket = web.WebSocketResponse()
        socket.headers["dg-request-id"] = str(uuid.uuid4())
        await socket.prepare(request)
        listening = _listening(seen.query)
        try:
            async for message in socket:
                if not await self._on_message(socket, listening, seen, message):
                    break
        finally:
            for task in listening.tasks:
                task.cancel()
        await socket.close()
        return socket

    def _check(self, query: dict[str, str]) -> None:
        if not query.get("model"):
            self.problems.append("listen: no model")
        if query.get("encoding") != "linear16":
            self.problems.append(f"listen: encoding {query.get('encoding')!r} is not linear16")
        if not query.get("sample_rate", "").isdigit():
            self.problems.append("listen: no sample_rate")
        if query.get("channels", "1") != "1":
            self.problems.append("listen: more than one channel")

    async def _on_message(
        self,
        socket: web.WebSocketResponse,
        listening: Listening,
        seen: Seen,
        message: aiohttp.WSMessage,
    ) -> bool:
        """False when the connection is over."""
        if message.type == aiohttp.WSMsgType.BINARY:
            return await self._on_audio(socket, listening, message.data)
        control = json.loads(message.data)
        seen.frames.append(control)
        self.changed()
        if control.get("type") not in _CONTROLS:
            self.problems.append(f"listen: unknown message {control!r}")
        if control.get("type") == "Finalize" and listening.started is not None:
            self._finish(socket, listening)
        if control.get("type") == "CloseStream":
            await self._close(socket, listening)
            return False
        return True

    async def _on_audio(self, socket: web.WebSocketResponse, listening: Listening, data: bytes) -> bool:
        if not data or len(data) % 2:
            self.problems.append("listen: a frame that is not 16-bit samples")
            return True
        samples = np.frombuffer(data, dtype=np.int16).astype(np.float32)
        duration = samples.size / listening.rate
        listening.position += duration
        if self.close_after is not None and listening.position >= self.close_after:
            self.close_after = None
            return False
        if float(np.sqrt(np.mean(samples**2))) >= LOUD:
            await self._on_sound(socket, listening)
        elif listening.started is not None:
            listening.silence += duration
            if listening.silence >= listening.endpointing:
                self._finish(socket, listening)
        return True

    async def _on_sound(self, socket: web.WebSocketResponse, listening: Listening) -> None:
        listening.silence = 0.0
        if listening.started is None:
            listening.started = listening.position
            listening.announced = False
            if listening.events:
                started = {"type": "SpeechStarted", "channel": [0, 1], "timestamp": 0.0}
                await socket.send_json(started | {"timestamp": listening.started})
        elif not listening.announced and listening.position - listening.started > 0.4:
            listening.announced = True
            if listening.interim:
                first = self._next_transcript(peek=True).split(" ")[0]
                await socket.send_json(_results(listening, first, final=False))

    def _finish(self, socket: web.WebSocketResponse, listening: Listening) -> None:
        answer = _results(listening, self._next_transcript(), final=True)
        listening.started, listening.silence = None, 0.0
        task = asyncio.create_task(self._send_later(socket, answer))
        listening.tasks.add(task)
        task.add_done_callback(listening.tasks.discard)

    async def _send_later(self, socket: web.WebSocketResponse, answer: dict[str, Any]) -> None:
        await asyncio.sleep(self.delay)
        if not socket.closed:
            await socket.send_json(answer)

    async def _close(self, socket: web.WebSocketResponse, listening: Listening) -> None:
        if listening.started is not None:
            self._finish(socket, listening)
        await asyncio.gather(*listening.tasks)
        metadata = {"type": "Metadata", "request_id": "standin", "duration": listening.position}
        await socket.send_json(metadata | {"channels": 1, "sha256": "", "created": ""})

    def _next_transcript(self, *, peek: bool = False) -> str:
        if not self.transcripts:
            return self.transcript
        return self.transcripts[0] if peek else self.transcripts.pop(0)


def _listening(query: dict[str, str]) -> Listening:
    endpointing = query.get("endpointing", "10")
    return Listening(
        rate=int(query.get("sample_rate", "16000")),
        endpointing=float("inf") if endpointing == "false" else max(SHORTEST_PAUSE, int(endpointing) / 1000),
        interim=query.get("interim_results") == "true",
        events=query.get("vad_events") == "true",
    )


def _results(listening: Listening, text: str, *, final: bool) -> dict[str, Any]:
    """A Results message whose words share the utterance's time evenly."""
    start = listening.started or 0.0
    duration = max(0.1, listening.position - listening.silence - start)
    words = text.split()
    step = duration / max(1, len(words))
    return {
        "type": "Results",
        "channel_index": [0, 1],
        "start": round(start, 3),
        "duration": round(duration, 3),
        "is_final": final,
        "speech_final": final,
        "channel": {
            "alternatives": [
                {
                    "transcript": text,
                    "confidence": 0.98,
                    "words": [
                        {
                            "word": word.strip("?.,!").lower(),
                            "punctuated_word": word,
                            "start": round(start + index * step, 3),
                            "end": round(start + (index + 1) * step, 3),
                            "confidence": 0.98,
                        }
                        for index, word in enumerate(words)
                    ],
                }
            ]
        },
        "metadata": {
            "request_id": "00000000-0000-0000-0000-000000000000",
            "model_uuid": "00000000-0000-0000-0000-000000000000",
            "model_info": {"name": "standin", "version": "1", "arch": "nova-3"},
        },
    }


if __name__ == "__main__":
    standin_main(
        lambda args: DeepgramStandin(host=args.host, port=args.port, api_key=args.api_key, delay=args.delay),
        {"delay": 0.15},
    )
