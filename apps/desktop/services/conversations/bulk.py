"""One act on several conversations: each by itself and with its own result, under the rules that hold for one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from apps.desktop.errors import BadTime, DeskError, NotAllowed, NotColleague
from apps.desktop.models import Conversation
from apps.desktop.notifications import notifications_quiet
from apps.desktop.selectors.people import is_colleague, user_name
from apps.desktop.services.conversations.closing import (
    conversation_reopen,
    conversation_resolve,
    conversation_resolve_undo,
    conversation_snooze,
)
from apps.desktop.services.conversations.holding import (
    conversation_assign,
    conversation_to_team,
)
from apps.desktop.services.conversations.undoing import ASSIGNED, REOPENED, SNOOZED, TO_TEAM, conversation_undo
from apps.desktop.services.rules import conversation_lock, require_capacity, team_by_slug

Act = Callable[..., Conversation]
MOST = 100  # conversations in one request
ACTIONS = ("assign", "team", "snooze", "resolve", "reopen")
UNDOS: dict[str, Act] = {
    "assign": partial(conversation_undo, done=ASSIGNED),
    "team": partial(conversation_undo, done=TO_TEAM),
    "snooze": partial(conversation_undo, done=SNOOZED),
    "resolve": conversation_resolve_undo,
    "reopen": partial(conversation_undo, done=REOPENED),
}


@dataclass(frozen=True)
class BulkResult:
    """What became of one conversation. `changed` is false also where it was so already; `code` and `detail` say why not.

    `holder` names who has it, where that is why.
    """

    conversation_id: UUID
    done: bool
    changed: bool = False
    status: int = 200
    code: str = ""
    detail: str = ""
    holder: str = ""


def conversations_bulk(
    *,
    action: str,
    conversation_ids: Sequence[UUID],
    user_id: UUID,
    assignee_id: UUID | None = None,
    team_slug: str = "",
    until: datetime | None = None,
    outcome: str = "",
) -> list[BulkResult]:
    """assign, team, snooze, resolve or reopen, in the order given and each id once; what one refuses stops no other.

    Whoever is given several is told of the first. Raises what would refuse them all alike: NotColleague, UnknownTeam, BadTime.
    """
    act = _act(action, user_id, assignee_id, team_slug, until, outcome)
    return _each(conversation_ids, user_id, act)


def conversations_bulk_undo(*, action: str, conversation_ids: Sequence[UUID], user_id: UUID) -> list[BulkResult]:
    """Takes back what this person has done with that action, where nobody has gone on since."""
    return _each(conversation_ids, user_id, UNDOS[action])


def _each(ids: Sequence[UUID], user_id: UUID, act: Act) -> list[BulkResult]:
    results: list[BulkResult] = []
    for pk in dict.fromkeys(ids):
        with notifications_quiet(any(result.changed for result in results)):
            results.append(_one(pk, user_id, act))
    return results


def _act(action: str, user_id: UUID, assignee_id: UUID | None, team_slug: str, until: datetime | None, outcome: str) -> Act:
    if action == "assign":
        if assignee_id is None or not is_colleague(assignee_id):
            raise NotColleague
        return partial(_assign, assignee_id=assignee_id)
    if action == "team":
        team_by_slug(team_slug)
        return partial(conversation_to_team, team_slug=team_slug)
    if action == "snooze":
        if until is None or until <= timezone.now():
            raise BadTime
        return partial(conversation_snooze, until=until)
    return partial(conversation_resolve, outcome=outcome) if action == "resolve" else conversation_reopen


def _assign(*, conversation_id: UUID, user_id: UUID, assignee_id: UUID) -> Conversation:
    """What one takes for oneself counts as with claiming: nobody takes the whole list at once."""
    conversation = conversation_assign(conversation_id=conversation_id, user_id=user_id, assignee_id=assignee_id)
    if assignee_id == user_id:
        require_capacity(user_id, beside=conversation)
    return conversation


def _one(conversation_id: UUID, user_id: UUID, act: Act) -> BulkResult:
    holder: UUID | None = None
    try:
        with transaction.atomic():
            before = conversation_lock(conversation_id)
            holder = before.assignee_id
            after = act(conversation_id=conversation_id, user_id=user_id)
            return BulkResult(conversation_id, done=True, changed=after.version != before.version)
    except NotAllowed as error:
        name = user_name(holder)
        return _refused(conversation_id, error, detail=f"{name} holds this conversation." if name else "", holder=name)
    except DeskError as error:
        return _refused(conversation_id, error)


def _refused(conversation_id: UUID, error: DeskError, **more: Any) -> BulkResult:
    detail = more.pop("detail", "") or str(error)
    return BulkResult(conversation_id, done=False, status=error.status, code=error.code, detail=detail, **more)
