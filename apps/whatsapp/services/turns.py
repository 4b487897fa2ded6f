"""Turns: a burst of messages goes to Herald as one, one turn at a time for each conversation.

Locks are always taken in the order conversation, turn.
"""

from contextlib import suppress
from datetime import datetime, timedelta
from functools import cache
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from apps.billing.services.limits import Decision
from apps.compass.selectors import AgentUnavailable, agent_published
from apps.core.errors import TransientError
from apps.core.outbox import effect_enqueue
from apps.core.prepared import prepared
from apps.core.rows import row_columns, row_insert, row_made, row_read, row_update
from apps.desktop.errors import WindowClosed
from apps.desktop.models import Conversation, Message
from apps.desktop.selectors.outgoing import conversation_find, messages_unanswered
from apps.desktop.services.conversations import conversation_escalate
from apps.desktop.services.messages import message_send
from apps.desktop.services.rules import conversation_lock
from apps.whatsapp.models import Turn
from apps.whatsapp.sentences import declined, handed_over
from apps.whatsapp.services.spending import told_lately, turn_gate, turn_unspent
from apps.whatsapp.services.usage import turn_charge
from apps.whatsapp.services.voices import transcripts_pending
from apps.whatsapp.wakes import turn_wake

State = Turn.State
TURN = "whatsapp.turn"
QUIET = timedelta(seconds=1.2)
LONGEST = timedelta(seconds=6)
VOICE = timedelta(seconds=20)  # how long a turn waits for what a voice note says
VOICE_STEP = timedelta(seconds=1)
RUN = timedelta(seconds=120)
COULD_NOT = "The AI agent could not answer."  # what colleagues read where Herald says "error"
# Written out: several times for each message, and Django takes longer to put such a statement together than Postgres to do it.
LOCK = "WHERE id = (SELECT conversation_id FROM whatsapp_turn WHERE id = %s) FOR UPDATE"
COLLECTING = "WHERE conversation_id = %s AND state = 'collecting' FOR UPDATE"
TYPING = timedelta(seconds=20)  # Meta shows it for 25


def turn_collect(*, conversation: Conversation, message: Message) -> Turn:
    """Adds a contact's message to the turn that is being collected. The caller has locked the conversation."""
    now = timezone.now()
    turn = _collecting(conversation, now)
    turn.message_ids = [*turn.message_ids, str(message.pk)]
    turn.due_at = min(turn.created_at + LONGEST, now + QUIET)
    _keep(turn)
    turn_wake(turn, QUIET)
    return turn


def turn_of_unanswered(conversation: Conversation) -> Turn | None:
    """The AI holds the conversation again: what nobody has answered becomes a turn at once. None when there is nothing."""
    ids = [str(pk) for pk in messages_unanswered(conversation).values_list("pk", flat=True)]
    if not ids or conversation.agent_id is None:
        return None
    turn = _collecting(conversation, timezone.now())
    turn.message_ids = list(dict.fromkeys([*ids, *turn.message_ids]))
    turn.due_at = timezone.now()
    _keep(turn)
    turn_wake(turn, timedelta(0))
    return turn


def turn_forget(message: Message) -> None:
    """A contact has deleted a message: an agent that has not been asked yet does not hear of it."""
    conversation = conversation_lock(message.conversation_id)
    turn = row_read(Turn, COLLECTING, [conversation.pk])
    if turn is None or str(message.pk) not in turn.message_ids:
        return
    turn.message_ids = [pk for pk in turn.message_ids if pk != str(message.pk)]
    row_update(turn, "message_ids")
    if not turn.message_ids:
        turn_finish(turn, State.STALE, "The contact deleted what they wrote.")


def turn_answered(conversation: Conversation, at: datetime) -> None:
    """A person has answered what a contact wrote before `at`: an agent that has not been asked yet does not hear of it.

    What an agent is being asked is dropped with its answer; of that, what came later is asked again. The caller has locked the
    conversation.
    """
    turn = row_read(Turn, COLLECTING, [conversation.pk])
    if turn is not None:
        turn.message_ids = _since(turn, at)
        row_update(turn, "message_ids")
        if not turn.message_ids:
            turn_finish(turn, State.STALE, "A person answered in the WhatsApp Business app.")
    if conversation.status == Conversation.Status.PENDING:
        running = Turn.objects.filter(conversation_id=conversation.pk, state=State.RUNNING).first()
        if running is not None and _since(running, at):
            turn_of_unanswered(conversation)


def _since(turn: Turn, at: datetime) -> list[str]:
    """Which of a turn's messages were written at that moment or later."""
    later = set(Message.objects.filter(pk__in=turn.message_ids, at__gte=at).values_list("pk", flat=True))
    return [pk for pk in turn.message_ids if UUID(pk) in later]


def _collecting(conversation: Conversation, now: datetime) -> Turn:
    turn = row_read(Turn, COLLECTING, [conversation.pk]) or Turn(conversation_id=conversation.pk, created_at=now, due_at=now)
    assert conversation.agent_id is not None
    turn.agent_id, turn.generation = conversation.agent_id, conversation.generation
    return turn


def _keep(turn: Turn) -> None:
    """The conversation is locked, so nobody else begins a turn of it."""
    if not turn._state.adding:
        row_update(turn, "agent_id", "generation", "message_ids", "due_at")
    elif not row_insert(turn):
        raise TransientError("A turn of this conversation was begun beside this one.")


@transaction.atomic
def turn_start(turn_id: UUID | str) -> bool:
    """Sends a collected turn to Herald once it is due; false while it is not, or another one of its conversation runs."""
    now = timezone.now()
    conversation = conversation_of_turn(turn_id)
    turn, busy, spoken = _collected(turn_id) if conversation else (None, False, False)
    if turn is None or conversation is None or turn.state != State.COLLECTING or turn.due_at > now or busy:
        return False
    if conversation.status != Conversation.Status.PENDING or conversation.agent_id is None:
        turn_finish(turn, State.STALE, "A person answers.")
        return False
    if spoken and now < turn.created_at + VOICE and transcripts_pending(turn.message_ids):
        turn.due_at = now + VOICE_STEP
        row_update(turn, "due_at")
        return False
    decision = turn_gate(turn, conversation)
    return _run(turn, conversation, now) if decision.admitted else _decline(turn, conversation, decision)


def conversation_of_turn(turn_id: UUID | str) -> Conversation | None:
    """A turn's conversation, locked, which guards its turns too: read the turn after it."""
    return row_read(Conversation, LOCK, [turn_id])


def _collected(turn_id: UUID | str) -> tuple[Turn | None, bool, bool]:
    """A turn, whether another of its conversation runs, and whether a voice note is in it."""
    with prepared(_collected_sql(), [turn_id]) as cursor:
        values = cursor.fetchone()
    return (None, False, False) if values is None else (row_made(Turn, values[:-2]), values[-2], values[-1])


@cache
def _collected_sql() -> str:
    return (
        f"SELECT {row_columns(Turn)},"  # noqa: S608
        " EXISTS (SELECT FROM whatsapp_turn WHERE conversation_id = mine.conversation_id AND state = 'running'),"
        " EXISTS (SELECT FROM jsonb_array_elements_text(mine.message_ids) AS part (id)"
        " JOIN desktop_message AS said ON said.id = part.id::uuid WHERE said.kind = 'audio')"
        " FROM whatsapp_turn AS mine WHERE mine.id = %s"
    )


def _run(turn: Turn, conversation: Conversation, now: datetime) -> bool:
    assert conversation.agent_id is not None
    turn.state, turn.attempts, turn.due_at = State.RUNNING, turn.attempts + 1, now + RUN
    turn.agent_id, turn.generation = conversation.agent_id, conversation.generation
    row_update(turn, "state", "attempts", "due_at", "agent_id", "generation")
    effect_enqueue(kind=TURN, key=f"{TURN}:{turn.pk}", payload={"turn": str(turn.pk)})
    return True


def _decline(turn: Turn, conversation: Conversation, decision: Decision) -> bool:
    """A spend limit is reached: people take over, or the contact is told once that nobody answers now."""
    turn_finish(turn, State.FAILED, decision.reason)
    if decision.to_people:
        conversation_hand_over(conversation, reason=decision.reason)
    elif not told_lately(conversation):
        with suppress(WindowClosed):
            message_send(
                conversation=conversation,
                author=Message.Author.SYSTEM,
                text=declined(_language(conversation)),
                payload={"spend_limit": True},
            )
    return False


def turn_finish(turn: Turn, state: str, note: str = "") -> None:
    """Ends a locked turn; a turn that was collected meanwhile can start."""
    turn.state, turn.note, turn.finished_at = state, note[:300], timezone.now()
    row_update(turn, "state", "note", "finished_at", "usage")
    if not turn_charge(turn):
        turn_unspent(turn)
    following = row_read(Turn, COLLECTING, [turn.conversation_id])
    if following is not None:
        turn_wake(following, max(following.due_at - timezone.now(), timedelta(0)))


@transaction.atomic
def turn_fail(turn_id: UUID | str, note: str) -> bool:
    """Gives a running turn up: people take over and the contact is told. False when it is over already."""
    turn = Turn.objects.filter(pk=turn_id).first()
    if turn is None:
        return False
    conversation = conversation_lock(turn.conversation_id)
    turn.refresh_from_db(from_queryset=Turn.objects.select_for_update())
    if turn.state != State.RUNNING:
        return False
    turn_finish(turn, State.FAILED, note)
    if turn_is_current(turn, conversation):
        conversation_hand_over(conversation, reason="error")
    return True


def turn_is_current(turn: Turn, conversation: Conversation) -> bool:
    """True while the AI holds the conversation as it did when the turn began."""
    return conversation.status == Conversation.Status.PENDING and conversation.generation == turn.generation


def conversation_hand_over(conversation: Conversation, *, reason: str, team: str = "", summary: str = "") -> None:
    """The AI hands a locked conversation to people, and the contact is told that one of them will answer."""
    shown = COULD_NOT if reason == "error" else reason
    conversation_escalate(conversation=conversation, reason=shown, team_slug=team, summary=summary)
    sentence = handed_over(_language(conversation), after_error=reason == "error")
    with suppress(WindowClosed):  # then nothing can be said but a template, which the person chooses
        message_send(conversation=conversation, author=Message.Author.SYSTEM, text=sentence)


def _language(conversation: Conversation) -> str:
    """The contact's, or else the one that the agent speaks."""
    try:
        return conversation.contact.language or agent_published(conversation.agent_id or "").language
    except AgentUnavailable:
        return ""


def turns_sweep() -> int:
    """In the current tenant: starts what is due, gives up what took too long, and keeps typing shown. Returns how many."""
    now = timezone.now()
    due = list(Turn.objects.filter(state__in=(State.COLLECTING, State.RUNNING), due_at__lte=now).values_list("pk", "state"))
    for pk, state in due:
        if state == State.COLLECTING:
            turn_start(pk)
        else:
            turn_fail(pk, f"No answer came within {RUN.seconds} s.")
    return len(due) + typing_renew(now)


def typing_renew(now: datetime) -> int:
    """Shows typing again where a turn still runs and Meta is about to stop showing it."""
    from apps.whatsapp.tasks import typing_task

    rows = Turn.objects.filter(state=State.RUNNING, typing_at__lte=now - TYPING)
    count = 0
    for turn in rows:
        if Turn.objects.filter(pk=turn.pk, state=State.RUNNING, typing_at=turn.typing_at).update(typing_at=now):
            conversation = conversation_find(turn.conversation_id)
            if conversation is not None and turn_is_current(turn, conversation):
                typing_task.delay_on_commit(str(conversation.pk))
                count += 1
    return count
