"""The life of a conversation: opened, offered to people, claimed, handed on, resolved."""

from apps.desktop.services.conversations.closing import (
    conversation_reopen,
    conversation_resolve,
    conversation_resolve_undo,
    conversation_snooze,
)
from apps.desktop.services.conversations.holding import (
    conversation_assign,
    conversation_claim,
    conversation_release,
    conversation_to_ai,
    conversation_to_team,
)
from apps.desktop.services.conversations.opening import conversation_escalate, conversation_open
from apps.desktop.services.conversations.reading import conversation_read, conversation_summary_set
from apps.desktop.services.conversations.sweep import conversation_sweep
from apps.desktop.services.conversations.undoing import conversation_undo

__all__ = [
    "conversation_assign",
    "conversation_claim",
    "conversation_escalate",
    "conversation_open",
    "conversation_read",
    "conversation_release",
    "conversation_reopen",
    "conversation_resolve",
    "conversation_resolve_undo",
    "conversation_snooze",
    "conversation_summary_set",
    "conversation_sweep",
    "conversation_to_ai",
    "conversation_to_team",
    "conversation_undo",
]
