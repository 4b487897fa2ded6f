"""A model's streamed answer, as servers write it."""

import asyncio
import json
from contextlib import aclosing
from typing import Any

import httpx2
import openai
import pytest

from apps.herald.streaming import chunks_of

SAID = {"choices": [{"index": 0, "delta": {"content": "From nine\u2028to\x85five."}}]}
USED = {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 3}}
DONE = "data: [DONE]\n\n"


def _event(piece: Any, end: str = "\n") -> str:
    return f"data: {json.dumps(piece, ensure_ascii=False)}{end}{end}"


def _asked(text: str) -> tuple[list[Any], list[dict[str, Any]]]:
    """The pieces of an answer that comes seven bytes at a time, and the bodies of the requests for it."""
    bodies: list[dict[str, Any]] = []

    async def pieces() -> Any:
        raw = text.encode()
        for start in range(0, len(raw), 7):
            yield raw[start : start + 7]

    def answer(request: httpx2.Request) -> httpx2.Response:
        bodies.append({**json.loads(request.content), "key": request.headers["Authorization"], "url": str(request.url)})
        return httpx2.Response(200, headers={"Content-Type": "text/event-stream"}, content=pieces())

    async def read() -> list[Any]:
        async with httpx2.AsyncClient(transport=httpx2.MockTransport(answer)) as http:
            client = openai.AsyncOpenAI(api_key="sk-1", base_url="http://model.test/v1", http_client=http, max_retries=0)
            asked = {"model": "small", "messages": [{"role": "user", "content": "When?"}], "extra_body": {"min_p": 0.1}}
            async with aclosing(chunks_of(client, asked)) as stream:
                return [piece async for piece in stream]

    return asyncio.run(read()), bodies


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["unix", "dos"])
def test_an_answer_is_read_piece_by_piece(end: str) -> None:
    said, used = _asked(_event(SAID, end) + _event(USED, end) + ": a comment\n\n" + DONE + _event({"choices": "too late"}))[0]
    assert said.choices[0].delta.content == "From nine\u2028to\x85five."
    assert (said.choices[0].delta.tool_calls, said.usage) == (None, None)
    assert (used.usage.prompt_tokens, used.usage.prompt_tokens_details) == (5, None)


def test_an_answer_may_end_without_its_last_lines() -> None:
    assert len(_asked(_event(SAID) + _event(USED).rstrip("\n"))[0]) == 2
    assert len(_asked(_event(SAID) + DONE.rstrip("\n"))[0]) == 1


def test_the_request_is_the_one_that_the_sdk_makes() -> None:
    assert _asked(DONE)[1] == [
        {
            "model": "small",
            "messages": [{"role": "user", "content": "When?"}],
            "min_p": 0.1,
            "key": "Bearer sk-1",
            "url": "http://model.test/v1/chat/completions",
        }
    ]


@pytest.mark.parametrize("error", [{"message": "overloaded"}, "overloaded"], ids=["object", "text"])
def test_an_error_in_the_middle_is_one(error: Any) -> None:
    with pytest.raises(openai.APIError):
        _asked(_event(SAID) + _event({"error": error}))
