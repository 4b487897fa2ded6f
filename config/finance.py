"""What Billing's pages learn from the apps beside and above it."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _

from apps.billing.neighbours import Link, agents_register, links_register, resolved_register
from apps.calls.models import Call
from apps.compass.models import Agent
from apps.core.templatetags.ui import phone
from apps.desktop.models import Conversation
from apps.tenants.access import MANAGERS
from apps.tenants.models import Role

CHATS = (*MANAGERS, Role.AGENT)


def finance_knows() -> None:
    """Registers everything below."""
    agents_register(_agent_names)
    resolved_register(_chats_resolved)
    links_register("call", _calls)
    links_register("conversation", _chats)


def _agent_names(agent_ids: Iterable[UUID] | None) -> dict[UUID, str]:
    found = Agent.objects.all() if agent_ids is None else Agent.objects.filter(pk__in=list(agent_ids))
    return dict(found.values_list("pk", "name"))


def _chats_resolved(since: datetime, until: datetime) -> int:
    return Conversation.objects.filter(resolved_at__gte=since, resolved_at__lt=until).count()


def _calls(ids: Iterable[UUID]) -> dict[UUID, Link]:
    return {call.pk: Link(_caller(call), reverse("call", args=[call.pk])) for call in Call.objects.filter(pk__in=list(ids))}


def _caller(call: Call) -> str:
    who = call.caller_name or phone(call.from_number)
    return _("Call of %(who)s") % {"who": who} if who else _("Call")


def _chats(ids: Iterable[UUID]) -> dict[UUID, Link]:
    """Who may read chats follows them; finance reads only that there was one."""
    found = Conversation.objects.filter(pk__in=list(ids)).values_list("pk", flat=True)
    return {pk: Link(_("Chat"), reverse("conversation", args=[pk]), CHATS) for pk in found}
