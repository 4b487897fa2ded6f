"""Stand-in for OpenAI's API: chat completions, transcription, speech, models.

Formats: the API reference of OpenAI, "Chat Completions", "Audio" and "Models".
"""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
import time
import wave
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import web

from tests.standins.audio import spoken, wav, wav_seconds
from tests.standins.server import Seen, Standin, standin_main

_SPEECH_TYPES = {"pcm": "audio/pcm", "wav": "audio/wav"}
_CHUNK = 4800


@dataclass
class Answer:
    """One scripted answer of the language model.

    `delay` in seconds before its first token; None never answers. `status` above 299 refuses.
    A tool's arguments may be a text, which is sent as it is. `ends` says how a stream ends:
    `done`, `stalls` (nothing more comes) or `breaks` (the connection is dropped), both after
    the first word.
    """

    text: str = ""
    tool_calls: list[tuple[str, dict[str, Any] | str]] = field(default_factory=list)
    delay: float | None = 0.0
    status: int = 200
    ends: Literal["done", "stalls", "breaks"] = "done"


Script = Callable[[dict[str, Any]], "Answer | None"]


def last_user_text(body: dict[str, Any]) -> str:
    """What the caller said last, from a chat request."""
    for message in reversed(body.get("messages", [])):
        if message.get("role") == "user":
            content = message.get("content", "")
            if isinstance(content, str):
                return content
            return "".join(part.get("text", "") for part in content)
    return ""


class OpenAIStandin(Standin):
    """An OpenAI-compatible server with fixed delays (seconds) and scripted content.

    `script(body)` gives the answer to a chat request, or None for the default one, which
    repeats what was said. `answers` are used up first, in order. `model_answers` maps a model's
    name to a lasting answer. `hears` gives the text of so many seconds of speech, else it is `transcript`.
    """

    def __init__(
        self,
        *,
        stt_delay: float = 0.0,
        first_token: float = 0.0,
        token_interval: float = 0.0,
        first_audio: float = 0.0,
        transcript: str = "What are your opening hours?",
        script: Script | None = None,
        **server: Any,
    ) -> None:
        super().__init__(**server)
        self.stt_delay = stt_delay
        self.first_token = first_token
        self.token_interval = token_interval
        self.first_audio = first_audio
        self.transcript = transcript
        self.hears: Callable[[float], Awaitable[str]] | None = None
        self.script = script
        self.answers: list[Answer] = []
        self.model_answers: dict[str, Answer] = {}
        self.speech_status = 200

    @property
    def base_url(self) -> str:
        return f"{super().base_url}/v1"

    @property
    def chats(self) -> list[Seen]:
        return self.requests("/v1/chat/completions")

    @property
    def transcriptions(self) -> list[Seen]:
        return self.requests("/v1/audio/transcriptions")

    @property
    def speeches(self) -> list[Seen]:
        return self.requests("/v1/audio/speech")

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/v1/chat/completions", self._chat),
            web.post("/v1/audio/transcriptions", self._transcribe),
            web.post("/v1/audio/speech", self._speak),
            web.get("/v1/models", self._models),
        ]

    def _refusal(self, request: web.Request) -> web.Response | None:
        if request.headers.get("Authorization") == f"Bearer {self.api_key}":
            return None
        self.problems.append(f"{request.path}: wrong or missing Authorization")
        return _error(401, "Incorrect API key provided", "invalid_api_key")

    # --- chat ---------------------------------------------------------------------------

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        if (refusal := self._refusal(request)) is not None:
            return refusal
        body = await request.json()
        self.note(request, body)
        self._check_chat(body)
        answer = self._answer(body)
        if answer.status > 299:
            return _error(answer.status, "scripted failure", "server_error")
        if answer.delay is None:
            await asyncio.Event().wait()
        await asyncio.sleep(self.first_token + (answer.delay or 0.0))
        if body.get("stream"):
            return await self._stream(request, body, answer)
        return web.json_response(_completion(body, answer))

    def _check_chat(self, body: dict[str, Any]) -> None:
        if not body.get("model"):
            self.problems.append("chat: no model")
        if not isinstance(body.get("messages"), list) or not body["messages"]:
            self.problems.append("chat: no messages")
        for tool in body.get("tools", []):
            if tool.get("type") != "function" or not tool.get("function", {}).get("name"):
                self.problems.append(f"chat: bad tool {tool!r}")
        if "tool_choice" in body and not body.get("tools"):
            self.problems.append("chat: tool_choice is only allowed when tools are specified")
        self._check_results(body.get("messages") or [])

    def _check_results(self, messages: list[dict[str, Any]]) -> None:
        """Each tool call is answered right after it, and nothing else is."""
        open_calls: set[str] = set()
        for message in messages:
            if message.get("role") == "tool":
                if message.get("tool_call_id") not in open_calls:
                    self.problems.append("chat: a tool message answers no tool call")
                open_calls.discard(str(message.get("tool_call_id")))
            elif open_calls:
                self.problems.append(f"chat: no tool message answers {sorted(open_calls)}")
                open_calls = set()
            open_calls |= {str(call.get("id")) for call in message.get("tool_calls") or []}

    def _answer(self, body: dict[str, Any]) -> Answer:
        if self.answers:
            return self.answers.pop(0)
        if (fixed := self.model_answers.get(str(body.get("model")))) is not None:
            return fixed
        scripted = self.script(body) if self.script else None
        return scripted or Answer(text=f"You said: {last_user_text(body)}")

    async def _stream(self, request: web.Request, body: dict[str, Any], answer: Answer) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for delta in _deltas(answer):
            await response.write(_event(_chunk(body, [{"index": 0, "delta": delta}])))
            if answer.ends != "done" and delta.get("content"):
                return await self._end_early(request, response, answer)
            if self.token_interval:
                await asyncio.sleep(self.token_interval)
        reason = "tool_calls" if answer.tool_calls else "stop"
        closing = [{"index": 0, "delta": {}, "finish_reason": reason}]
        await response.write(_event(_chunk(body, closing)))
        if (body.get("stream_options") or {}).get("include_usage"):
            await response.write(_event(_chunk(body, [], usage=_usage(body, answer))))
        await response.write(b"data: [DONE]\n\n")
        return response

    async def _end_early(self, request: web.Request, response: web.StreamResponse, answer: Answer) -> web.StreamResponse:
        if answer.ends == "stalls":
            await asyncio.Event().wait()
        if request.transport is not None:
            request.transport.abort()
        return response

    # --- audio --------------------------------------------------------------------------

    async def _transcribe(self, request: web.Request) -> web.StreamResponse:
        if (refusal := self._refusal(request)) is not None:
            return refusal
        form = await request.post()
        upload = form.get("file")
        data = upload.file.read() if isinstance(upload, web.FileField) else b""
        fields = {name: value for name, value in form.items() if isinstance(value, str)}
        seconds = self._wav_length(data)
        fields["seconds"] = str(seconds)
        self.note(request, fields)
        if not fields.get("model"):
            self.problems.append("transcription: no model")
        await asyncio.sleep(self.stt_delay)
        text = await self.hears(seconds) if self.hears else self.transcript
        if fields.get("response_format") == "text":
            return web.Response(text=text)
        return web.json_response({"text": text})

    def _wav_length(self, data: bytes) -> float:
        try:
            return round(wav_seconds(data), 3)
        except (wave.Error, EOFError):
            self.problems.append("transcription: the file is not WAV")
            return 0.0

    async def _speak(self, request: web.Request) -> web.StreamResponse:
        if (refusal := self._refusal(request)) is not None:
            return refusal
        body = await request.json()
        self.note(request, body)
        for name in ("model", "input", "voice"):
            if not body.get(name):
                self.problems.append(f"speech: no {name}")
        if self.speech_status > 299:
            return _error(self.speech_status, "scripted failure", "server_error")
        await asyncio.sleep(self.first_audio)
        return await self._send_speech(request, body)

    async def _send_speech(self, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        kind = body.get("response_format", "mp3")
        if kind not in _SPEECH_TYPES:
            self.problems.append(f"speech: the stand-in has no {kind}")
            return _error(400, f"unsupported format {kind}", "invalid_request_error")
        pcm = spoken(body.get("input", ""))
        audio = wav(pcm) if kind == "wav" else pcm
        sse = body.get("stream_format") == "sse"
        media_type = "text/event-stream" if sse else _SPEECH_TYPES[kind]
        response = web.StreamResponse(headers={"Content-Type": media_type})
        await response.prepare(request)
        for start in range(0, len(audio), _CHUNK):
            piece = audio[start : start + _CHUNK]
            await response.write(_event(_audio_delta(piece)) if sse else piece)
        if sse:
            done = {"type": "speech.audio.done", "usage": {"input_tokens": 9, "output_tokens": 90}}
            await response.write(_event(done))
        return response

    async def _models(self, request: web.Request) -> web.StreamResponse:
        if (refusal := self._refusal(request)) is not None:
            return refusal
        names = ["gpt-4o-mini", "whisper-1", "tts-1", *self.model_answers]
        return web.json_response({"object": "list", "data": [{"id": name, "object": "model"} for name in names]})


def _error(status: int, message: str, code: str) -> web.Response:
    return web.json_response({"error": {"message": message, "type": code, "code": code}}, status=status)


def _event(body: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(body)}\n\n".encode()


def _audio_delta(piece: bytes) -> dict[str, Any]:
    return {"type": "speech.audio.delta", "audio": base64.b64encode(piece).decode()}


def _deltas(answer: Answer) -> Iterable[dict[str, Any]]:
    """The pieces of a streamed answer: the role, then words, then tool calls."""
    yield {"role": "assistant", "content": ""}
    for word in answer.text.split(" ") if answer.text else []:
        yield {"content": f"{word} "}
    for index, (name, arguments) in enumerate(answer.tool_calls):
        text = arguments if isinstance(arguments, str) else json.dumps(arguments)
        call = {"name": name, "arguments": ""}
        yield {"tool_calls": [{"index": index, "id": f"call_{secrets.token_hex(8)}", "type": "function", "function": call}]}
        for piece in (text[: len(text) // 2], text[len(text) // 2 :]):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}


def _chunk(body: dict[str, Any], choices: list[dict[str, Any]], usage: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "id": "chatcmpl-standin",
        "object": "chat.completion.chunk",
        "created": int(time.time()),
        "model": body.get("model"),
        "choices": choices,
        "usage": usage,
    }


def _completion(body: dict[str, Any], answer: Answer) -> dict[str, Any]:
    message = {"role": "assistant", "content": answer.text}
    return {
        "id": "chatcmpl-standin",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": body.get("model"),
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": _usage(body, answer),
    }


def _usage(body: dict[str, Any], answer: Answer) -> dict[str, Any]:
    prompt = sum(len(str(message.get("content", "")).split()) for message in body["messages"])
    completion = len(answer.text.split()) + 8 * len(answer.tool_calls)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": 0},
    }


if __name__ == "__main__":
    standin_main(
        lambda args: OpenAIStandin(
            host=args.host,
            port=args.port,
            api_key=args.api_key,
            stt_delay=args.stt_delay,
            first_token=args.first_token,
            first_audio=args.first_audio,
        ),
        {"stt-delay": 0.15, "first-token": 0.20, "first-audio": 0.10},
    )
