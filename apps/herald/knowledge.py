"""What the company's documents say about the contact's last words, put before the model; and where it stands."""

import json
from typing import Any

import structlog
from django.db import DatabaseError

from apps.compass.knowledge.tool import NAME, knowledge_before, passages_text, sources_of
from apps.herald.conversation import said_before
from apps.herald.payloads import TurnRequest
from apps.herald.rendering import own_words

log = structlog.get_logger(__name__)
FEW_WORDS = 5  # a question this short leans on the one before it

Sources = list[dict[str, Any]]


def passages_put(messages: list[dict[str, Any]], config: dict[str, Any], turn: TurnRequest) -> Sources:
    """Adds the passages before the contact's words, where the agent wants that, and returns where they stand."""
    try:
        found = knowledge_before(config, asked_about(turn)).found
    except DatabaseError as error:  # an answer without documents is better than none
        log.error("knowledge_failed", error=type(error).__name__)
        return []
    if found:
        messages.insert(len(messages) - 1, {"role": "system", "content": passages_text(found)})
    return sources_of(found)


def asked_about(turn: TurnRequest) -> str:
    """The contact's words of this turn; where they are few, with what the contact said before them."""
    words = " ".join(filter(None, map(own_words, turn.messages)))
    if len(words.split()) >= FEW_WORDS:
        return words
    before = next((item.text for item in reversed(said_before(turn)) if item.role == "contact"), "")
    return f"{before} {words}".strip()


def sources_looked_up(name: str, content: str) -> Sources:
    """Where the passages stand that the model looked up itself, from the tool's answer."""
    if name != NAME:
        return []
    try:
        passages = json.loads(content)["result"]["passages"]
        return [passage["source"] for passage in passages]
    except (ValueError, KeyError, TypeError):
        return []
