"""The first steps of a new company: each ticks itself once it is done."""

from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _

from apps.calls.models import Call, PhoneNumber
from apps.compass.models import Agent, AgentVersion, Document
from apps.desktop.numbers import numbers_all
from apps.tenants.models import Membership, Tenant


@dataclass(frozen=True)
class Step:
    """Something to do, and where."""

    title: str
    href: str
    done: bool


def first_steps(tenant: Tenant) -> list[Step]:
    """In the order in which they make sense."""
    published = AgentVersion.objects.filter(state=AgentVersion.State.PUBLISHED)
    connected = PhoneNumber.objects.exists() or bool(numbers_all())
    agents = list(Agent.objects.values_list("slug", flat=True)[:2])
    return [
        Step(_("Make an agent"), reverse("agents" if agents else "agent-new"), bool(agents)),
        Step(_("Talk to it"), _agent_page(agents), Call.objects.exists()),
        Step(_("Publish it"), _agent_page(agents), published.exists()),
        Step(_("Connect a number"), reverse("numbers"), connected),
        Step(_("Add what it should know"), reverse("knowledge"), Document.objects.exists()),
        Step(_("Invite your people"), reverse("people"), Membership.objects.filter(tenant=tenant).count() > 1),
    ]


def _agent_page(slugs: list[str]) -> str:
    """Where the only agent is worked on; without one where it is made, and with several their list."""
    if len(slugs) == 1:
        return reverse("agent", args=slugs)
    return reverse("agents" if slugs else "agent-new")
