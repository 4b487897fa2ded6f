"""Who may work at the desktop, and what a person may do with a conversation."""

from uuid import UUID

from django.http import HttpRequest

from apps.desktop.models import Conversation
from apps.desktop.selectors.people import DESK_ROLES, SUPERVISORS
from apps.tenants.access import role_required

desk_required = role_required(*DESK_ROLES)
PENDING, RESOLVED = Conversation.Status.PENDING, Conversation.Status.RESOLVED


def person(request: HttpRequest) -> UUID:
    """The id of who asks; only behind desk_required."""
    return request.user.pk  # type: ignore[return-value]


def rights(request: HttpRequest, conversation: Conversation) -> dict[str, bool]:
    """Flags for templates. What they hide, the services refuse."""
    mine = conversation.assignee_id == person(request)
    supervises = request.membership.role in SUPERVISORS  # type: ignore[attr-defined]
    resolved = conversation.status == RESOLVED
    may_direct = not resolved and (mine or conversation.assignee_id is None or supervises)
    return {
        "is_mine": mine and not resolved,
        "may_claim": not resolved and conversation.assignee_id is None,
        "may_direct": may_direct,
        "may_reopen": resolved,
        "may_merge": supervises,
        "may_ai": may_direct and conversation.agent_id is not None and conversation.status != PENDING,
    }
