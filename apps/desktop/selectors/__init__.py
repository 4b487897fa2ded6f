"""Every read of the desktop, in the current tenant's schema."""

from apps.desktop.selectors.conversations import (
    conversation_counts,
    conversation_get,
    conversation_joined_into,
    conversations_list,
    conversations_placed,
    conversations_waiting,
    sort_of,
)
from apps.desktop.selectors.events import event_last_id, events_after, events_of
from apps.desktop.selectors.histories import history_of, messages_of, timeline_of
from apps.desktop.selectors.people import (
    ColleagueRow,
    colleague_get,
    colleagues_all,
    is_colleague,
    may_supervise,
    members_of,
    teams_all,
    user_name,
    user_names,
)
from apps.desktop.selectors.texts import canned_all, tags_all

__all__ = [
    "ColleagueRow",
    "canned_all",
    "colleague_get",
    "colleagues_all",
    "conversation_counts",
    "conversation_get",
    "conversation_joined_into",
    "conversations_list",
    "conversations_placed",
    "conversations_waiting",
    "event_last_id",
    "events_after",
    "events_of",
    "history_of",
    "is_colleague",
    "may_supervise",
    "members_of",
    "messages_of",
    "sort_of",
    "tags_all",
    "teams_all",
    "timeline_of",
    "user_name",
    "user_names",
]
