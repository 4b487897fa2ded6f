"""Going on with a call whose earlier worker died."""

from __future__ import annotations

from livekit.agents import llm
from livekit.agents.types import NOT_GIVEN

from agents_worker.contracts import Transcript


def chat_from(transcript: Transcript) -> llm.ChatContext:
    """The conversation so far, as the model should remember it."""
    chat = llm.ChatContext.empty()
    for item in transcript.items:
        role: llm.ChatRole = "user" if item.speaker == "caller" else "assistant"
        created_at = item.at.timestamp() if item.at else NOT_GIVEN
        chat.add_message(role=role, content=item.text, created_at=created_at)
    return chat
