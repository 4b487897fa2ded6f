"""The messages that a language model gets: the agent's prompt, what was said before, and what the contact says now."""

from typing import Any

from apps.herald.payloads import HistoryItem, TurnRequest
from apps.herald.rendering import message_text, own_words

HISTORY_CHARACTERS = 12_000  # about 3,000 tokens, which fits the smallest models; the summary carries what is older
ROLES = {"contact": "user", "agent": "assistant", "person": "assistant"}
CHANNEL = "This is a chat on {channel}: write plain text, as briefly as in a chat."
CHANNELS = {"whatsapp": "WhatsApp"}


def prompt_of(config: dict[str, Any], turn: TurnRequest) -> list[dict[str, Any]]:
    """Messages as the chat completions API takes them."""
    history = _recent(said_before(turn))
    said = [{"role": ROLES[item.role], "content": item.text} for item in history]
    return [{"role": "system", "content": _system(config, turn)}, *said, {"role": "user", "content": contact_says(turn)}]


def contact_says(turn: TurnRequest) -> str:
    """The contact's messages of this turn, one a line."""
    return "\n".join(message_text(message) for message in turn.messages)


def said_before(turn: TurnRequest) -> list[HistoryItem]:
    """The history without this turn's own messages, which a channel may have put at its end already."""
    own = {text for message in turn.messages for text in (message.text, own_words(message))}
    history = list(turn.history)
    while history and history[-1].role == "contact" and history[-1].text in own:
        history.pop()
    return history


def _system(config: dict[str, Any], turn: TurnRequest) -> str:
    lines = [
        config["prompt"]["system"].strip() or f"You are {config['name']}.",
        CHANNEL.format(channel=CHANNELS.get(turn.channel, turn.channel or "a website")),
    ]
    if turn.contact.name:
        lines.append(f"The contact's name is {turn.contact.name}.")
    if turn.summary:
        lines.append(f"So far: {turn.summary}")
    return "\n".join(lines)


def _recent(history: list[HistoryItem]) -> list[HistoryItem]:
    """The newest items that fit, in their order."""
    kept: list[HistoryItem] = []
    left = HISTORY_CHARACTERS
    for item in reversed([item for item in history if item.text.strip()]):
        left -= len(item.text)
        if left < 0:
            break
        kept.append(item)
    return kept[::-1]
