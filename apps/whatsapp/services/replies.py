"""What Herald says: POST /reply's events, in order, each once, and dropped where a person holds the conversation by now."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any
from uuid import UUID

from django.db import InterfaceError, OperationalError, close_old_connections, transaction
from django.utils import timezone
from pydantic import ValidationError

from apps.core.outbox import effects_here
from apps.core.prepared import prepared
from apps.core.rows import row_columns, row_insert, row_made, row_update
from apps.desktop.models import Conversation, Message
from apps.desktop.services.conversations import conversation_summary_set
from apps.desktop.services.messages import message_send
from apps.whatsapp.channel import SEND
from apps.whatsapp.models import Turn, TurnEvent
from apps.whatsapp.outgoing import text_parts
from apps.whatsapp.replies import Done, ReplyEvent, Said, Typing
from apps.whatsapp.selectors import window_open
from apps.whatsapp.services.indicators import typing_beside, typing_soon
from apps.whatsapp.services.turns import conversation_hand_over, conversation_of_turn, turn_finish, turn_is_current
from apps.whatsapp.services.usage import turn_charge

State = Turn.State
# Typing in one statement and without a lock, where nothing speaks against it: it comes with every turn, and binds nobody.
TYPING = """WITH turn AS (SELECT turn.id, turn.conversation_id, talk.line FROM whatsapp_turn AS turn
  JOIN desktop_conversation AS talk ON talk.id = turn.conversation_id
  WHERE turn.id = %(turn)s AND turn.state = 'running' AND talk.status = 'pending' AND talk.generation = turn.generation
    AND %(seq)s = (SELECT count(*) FROM whatsapp_turnevent WHERE turn_id = turn.id)),
kept AS (INSERT INTO whatsapp_turnevent (turn_id, seq, event, payload, dropped, at)
  SELECT id, %(seq)s, 'typing', '{}', false, %(now)s FROM turn ON CONFLICT DO NOTHING RETURNING turn_id),
shown AS (UPDATE whatsapp_turn SET typing_at = %(now)s FROM kept WHERE id = kept.turn_id)
SELECT turn.line, (SELECT external_id FROM desktop_message AS said
  WHERE said.conversation_id = turn.conversation_id AND author = 'contact' ORDER BY at DESC, id DESC LIMIT 1)
FROM kept JOIN turn ON turn.id = kept.turn_id"""


class Outcome(StrEnum):
    """How an event was taken. Everything but `accepted` and `duplicate` is a refusal."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    STALE = "stale_generation"
    WINDOW = "window_closed"
    EARLY = "out_of_order"
    OVER = "turn_over"
    UNKNOWN = "unknown_turn"


# What a refusal is by HTTP, and why in words.
REFUSALS = {
    Outcome.STALE: (409, "A person has taken the conversation over since. The event was kept and dropped; send nothing more."),
    Outcome.WINDOW: (409, "The customer service window has closed, so nothing more can be said. A person takes over."),
    Outcome.OVER: (409, "This turn is over; nothing more can be said in it."),
    Outcome.UNKNOWN: (404, "There is no such turn."),
    Outcome.EARLY: (425, "An earlier event is missing. Send event {expected} first, then this one again."),
}


@dataclass(frozen=True)
class Taken:
    """`expected` is the number of the event that the turn waits for."""

    outcome: Outcome
    expected: int = 0


def reply_here(event: dict[str, Any]) -> tuple[int, str]:
    """POST /reply for Herald in this installation, in the tenant's schema: the status, and why where it refuses.

    What an event has sent to the contact is sent by this thread, as far as it can be.
    """
    try:
        reply = ReplyEvent.model_validate(event)
    except ValidationError as error:
        return 422, f"The event cannot be taken: {error.error_count()} of its fields are not right."
    try:
        if isinstance(reply.root, Typing) and typing_take(reply.root):
            return 200, ""
        with effects_here(SEND):
            taken = reply_take(turn_id=reply.root.turn_id, reply=reply)
    except (OperationalError, InterfaceError):  # Postgres is away, or ended this transaction for another; it comes again
        close_old_connections()
        return 503, "The database is away for a moment. Send the event again."
    return REFUSALS.get(taken.outcome, (200, ""))


def typing_take(event: Typing) -> bool:
    """Shows typing where the turn runs and this is the event that it waits for; false leaves it to `reply_take`."""
    with prepared(TYPING, {"turn": event.turn_id, "seq": event.seq, "now": timezone.now()}) as cursor:
        row = cursor.fetchone()
    if row is not None:
        typing_beside(*row)
    return row is not None


@transaction.atomic
def reply_take(*, turn_id: UUID | str, reply: ReplyEvent) -> Taken:
    """Applies one event. The same number again changes nothing and is answered as before."""
    conversation = conversation_of_turn(turn_id)
    if conversation is None:
        return Taken(Outcome.UNKNOWN)
    turn, expected = _turn_and_expected(turn_id)
    if reply.seq < expected:
        return Taken(_again(TurnEvent.objects.get(turn=turn, seq=reply.seq)))
    if reply.seq > expected:
        return Taken(Outcome.EARLY, expected)
    if turn.state in (State.DONE, State.COLLECTING):
        return Taken(Outcome.OVER)
    return Taken(_take(turn, conversation, reply))


def _turn_and_expected(turn_id: UUID | str) -> tuple[Turn, int]:
    """The turn, whose `said` tells whether a message of it went out, and the number of the event that it waits for."""
    with prepared(_turn_sql(), [turn_id]) as cursor:
        values = cursor.fetchone()
    assert values is not None  # its conversation was found by it
    turn = row_made(Turn, values[:-2])
    turn.said = values[-1]  # type: ignore[attr-defined]
    return turn, values[-2]


@cache
def _turn_sql() -> str:
    return (
        f"SELECT {row_columns(Turn)}, event.taken, event.said FROM whatsapp_turn AS mine, LATERAL (SELECT count(*) AS taken,"  # noqa: S608
        " COALESCE(bool_or(event = 'message' AND NOT dropped), false) AS said FROM whatsapp_turnevent"
        " WHERE turn_id = mine.id) AS event WHERE mine.id = %s"
    )


def _again(known: TurnEvent) -> Outcome:
    if not known.dropped:
        return Outcome.DUPLICATE
    return Outcome.WINDOW if known.payload.get("refused") == Outcome.WINDOW else Outcome.STALE


def _take(turn: Turn, conversation: Conversation, reply: ReplyEvent) -> Outcome:
    if isinstance(reply.root, Done):
        turn.usage = [*turn.usage, *reply.root.usage]  # it has been spent, whoever answers now; saved as the turn ends
    if turn.state != State.RUNNING or not turn_is_current(turn, conversation):
        return _drop(turn, reply, Outcome.STALE)
    if isinstance(reply.root, Said) and not window_open(conversation):
        turn_finish(turn, State.FAILED, "The customer service window has closed.")
        conversation_hand_over(conversation, reason="error")
        return _drop(turn, reply, Outcome.WINDOW)
    _apply(turn, conversation, reply)
    _keep(turn, reply)
    return Outcome.ACCEPTED


def _drop(turn: Turn, reply: ReplyEvent, outcome: Outcome) -> Outcome:
    _keep(turn, reply, refused=outcome.value)
    if turn.state == State.RUNNING:
        turn_finish(turn, State.STALE, "A person has taken over.")
    elif isinstance(reply.root, Done):
        row_update(turn, "usage")
        turn_charge(turn)
    return outcome


def _keep(turn: Turn, reply: ReplyEvent, **extra: str) -> None:
    payload: dict[str, Any] = {**reply.root.model_dump(mode="json", exclude={"turn_id", "seq", "event"}), **extra}
    row_insert(TurnEvent(turn=turn, seq=reply.seq, event=reply.root.event, payload=payload, dropped=bool(extra)))


def _apply(turn: Turn, conversation: Conversation, reply: ReplyEvent) -> None:
    event = reply.root
    if isinstance(event, Said):
        payload = {"sources": [source.model_dump(mode="json") for source in event.sources]} if event.sources else None
        for part in text_parts(event.text):
            message_send(
                conversation=conversation, author=Message.Author.AI, text=part, payload=payload, generation=turn.generation,
                locked=True,
            )  # fmt: skip
    elif isinstance(event, Done):
        _done(turn, conversation, event)
    else:
        _typing(turn, conversation)


def _typing(turn: Turn, conversation: Conversation) -> None:
    turn.typing_at = timezone.now()
    row_update(turn, "typing_at")
    transaction.on_commit(lambda: typing_soon(conversation))


def _done(turn: Turn, conversation: Conversation, event: Done) -> None:
    turn_finish(turn, State.DONE, event.reason or "")
    if event.escalate:
        conversation_hand_over(
            conversation, reason=event.reason or "The AI agent hands over.", team=event.team or "", summary=event.summary or ""
        )
    elif event.summary:
        conversation_summary_set(conversation=conversation, summary=event.summary, locked=True)
