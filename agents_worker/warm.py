"""One-time work that would otherwise stall the first call's event loop."""

from __future__ import annotations

import importlib
from functools import cache

from livekit.agents import llm, tokenize
from openai._base_client import get_platform
from openai.types.chat import ChatCompletionChunk

from agents_worker.providers import tls_context

# imported by the first request of an HTTP client or the first sound, in the middle of a greeting
_LATE_IMPORTS = (
    "anyio._backends._asyncio",
    "anyio._core._sockets",
    "numpy.fft",
    "openai.resources.audio.audio",
    "openai.resources.chat.completions.completions",
)


@cache
def warm_up() -> None:
    """Import what is imported late, load the certificates, build what is built on first use, once in this process."""
    for name in _LATE_IMPORTS:
        importlib.import_module(name)
    tls_context()
    get_platform()  # the first request tells it in a header, and runs lsb_release to know
    llm.ChatContext.empty().add_message(role="system", content="warm")
    ChatCompletionChunk.model_rebuild()
    tokenize.basic.hyphenate_word("warm")  # the captions' timing loads a dictionary
