"""A streamed answer of a language model, read as plain JSON: building the SDK's objects costs more than all else of a turn.

Wire format: https://platform.openai.com/docs/api-reference/chat-streaming
"""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from typing import Any, cast

import httpx2
import openai
from openai.types.chat import ChatCompletionChunk

PATH = "/chat/completions"
END = b"[DONE]"
DRAIN_SECONDS = 0.1  # for what follows the end, so that the connection can be used again
EXTRAS = {"extra_headers": "headers", "extra_query": "params", "extra_body": "extra_json"}


class Part(dict[str, Any]):
    """A JSON object that is read like the SDK's: a field that is not there is None."""

    __getattr__ = dict.get


async def chunks_of(client: openai.AsyncOpenAI, request: dict[str, Any]) -> AsyncGenerator[ChatCompletionChunk]:
    """The pieces of an answer; close it where not all are read. Raises openai.OpenAIError, httpx2.HTTPError, JSONDecodeError."""
    options: dict[str, Any] = {EXTRAS[name]: value for name, value in request.items() if name in EXTRAS and value}
    body = {name: value for name, value in request.items() if name not in EXTRAS}
    ask: Any = client.post  # what the SDK's own `create` calls, after it has looked at each part of each message
    options |= {"security": {"bearer_auth": True}}
    response: httpx2.Response = await ask(PATH, cast_to=httpx2.Response, body=body, options=options, stream=True)
    try:
        async for data in _events(response):
            piece = json.loads(data, object_hook=Part)
            if isinstance(piece, Part):
                _check(piece, response)
                yield cast(ChatCompletionChunk, piece)
    finally:
        await response.aclose()


async def _events(response: httpx2.Response) -> AsyncIterator[bytes]:
    """The data of each event (server-sent events, WHATWG HTML 9.2), up to the one that says that it was the last."""
    chunks, rest, data = response.aiter_bytes(), b"", list[bytes]()
    async for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")  # and nowhere else: texts may hold Unicode's own ends of lines
        for line in lines:
            line = line.removesuffix(b"\r")
            if line.startswith(b"data:"):
                data.append(line[5:].removeprefix(b" "))
            elif not line and data:
                text, data = b"\n".join(data), []
                if text.startswith(END):
                    await _drain(chunks)
                    return
                yield text
    data += [rest[5:]] if rest.startswith(b"data:") else []
    if data and not b"\n".join(data).strip().startswith(END):  # some servers leave out the last empty line
        yield b"\n".join(data)


async def _drain(chunks: AsyncIterator[bytes]) -> None:
    with suppress(TimeoutError, httpx2.HTTPError):
        async with asyncio.timeout(DRAIN_SECONDS):
            async for _ in chunks:
                pass


def _check(piece: Part, response: httpx2.Response) -> None:
    """Some servers tell in the middle of an answer that they cannot go on."""
    if error := piece.get("error"):
        message = error.get("message") if isinstance(error, dict) else None
        raise openai.APIError(str(message or "The answer broke off."), response.request, body=error)
