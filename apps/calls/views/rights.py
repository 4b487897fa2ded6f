"""What each role may see of a call."""

from django.http import HttpRequest

from apps.tenants.models import Role

COSTS = frozenset({Role.OWNER, Role.ADMIN, Role.SUPERVISOR, Role.FINANCE})
WORDS = frozenset({Role.OWNER, Role.ADMIN, Role.SUPERVISOR, Role.AGENT})
TIMELINE = frozenset({Role.OWNER, Role.ADMIN, Role.SUPERVISOR})


def rights(request: HttpRequest) -> dict[str, bool]:
    """Flags for templates: may_costs, may_words (what was said), may_timeline (every raw event)."""
    role = request.membership.role  # type: ignore[attr-defined]
    return {"may_costs": role in COSTS, "may_words": role in WORDS, "may_timeline": role in TIMELINE}
