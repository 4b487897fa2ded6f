"""POST /turn: a turn goes to Herald, or to whatever bot HERALD_URL names (contracts.md, Herald).

Where HERALD_URL is empty, Herald runs in this installation: it gets the same body by a call instead of a request.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import httpx
from django.conf import settings

from apps.core.errors import PermanentError, TransientError
from apps.core.rows import row_read
from apps.core.schema import schema_current
from apps.core.tokens import token_issue
from apps.desktop.models import Conversation, Message
from apps.desktop.selectors.outgoing import conversation_find, history_without, messages_by_id
from apps.whatsapp.models import Turn

TIMEOUT = httpx.Timeout(5.0, connect=2.0)
TOKEN_SECONDS = 300  # longer than a turn may take, and its retries
PATH = "/reply"
LIMITS = httpx.Limits(max_connections=64, max_keepalive_connections=16, keepalive_expiry=4)

HandOver = Callable[[dict[str, Any]], None]
_herald: dict[str, HandOver] = {}


def herald_register(hand_over: HandOver) -> None:
    """Called from config: `hand_over` gets the body of POST /turn. It raises TransientError, or PermanentError to refuse."""
    _herald["here"] = hand_over


class TurnRefused(PermanentError):
    """Herald said no, and would say so again."""


def turn_dispatch(turn_id: str) -> str:
    """Sends a running turn. Raises TurnRefused, TransientError. Herald takes the same turn twice without harm."""
    turn = row_read(Turn, "WHERE id = %s AND state = 'running'", [turn_id])
    conversation = conversation_find(turn.conversation_id) if turn else None
    if turn is None or conversation is None:
        return ""
    body = turn_body(turn, conversation)
    if settings.HERALD_URL:
        _post(body)
    else:
        _hand_over(body)
    return str(turn.pk)


def _hand_over(body: dict[str, Any]) -> None:
    try:
        _herald["here"](body)
    except PermanentError as error:
        raise TurnRefused(str(error)) from error


def _post(body: dict[str, Any]) -> None:
    token = token_issue(
        kind="turn", tenant=schema_current(), agent_id=body["agent_id"], subject_id=body["turn_id"], ttl=TOKEN_SECONDS
    )
    try:
        answer = _client().post(settings.HERALD_URL, json=body, headers={"Authorization": f"Bearer {token}"})
    except httpx.TransportError as error:
        raise TransientError(f"Herald could not be reached at HERALD_URL: {type(error).__name__}.") from error
    if answer.status_code >= 500 or answer.status_code in (408, 425, 429):
        raise TransientError(f"Herald answered {answer.status_code}.")
    if not answer.is_success:
        raise TurnRefused(f"Herald refused the turn with {answer.status_code}.")


def turn_body(turn: Turn, conversation: Conversation) -> dict[str, Any]:
    """The body of POST /turn; `history` is what was said before and beside the turn's own messages."""
    return {
        "turn_id": str(turn.pk),
        "conversation_id": str(conversation.pk),
        "agent_id": str(turn.agent_id),
        "channel": conversation.channel,
        "generation": turn.generation,
        "messages": [_message(message) for message in messages_by_id(turn.message_ids)],
        "history": history_without(conversation, turn.message_ids),
        "summary": conversation.summary,
        "contact": {"name": conversation.contact.name, "language": conversation.contact.language},
        "reply_url": f"{settings.API_URL}{PATH}",
    }


def _message(message: Message) -> dict[str, Any]:
    files = message.attachments.all()
    heard = " ".join(file.transcript for file in files if file.transcript)
    return {
        "id": str(message.pk),
        "type": message.kind,
        "text": message.text or heard,
        "payload": message.payload,
        "attachments": [{"name": file.name, "mime": file.mime, "transcript": file.transcript} for file in files],
    }


@cache
def _client() -> httpx.Client:
    """The one client of this process."""
    return httpx.Client(timeout=TIMEOUT, trust_env=False, limits=LIMITS)
