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
    agents = reverse("agents")
    return [
        Step(_("Make an agent"), agents, Agent.objects.exists()),
        Step(_("Talk to it"), agents, Call.objects.exists()),
        Step(_("Publish it"), agents, published.exists()),
        Step(_("Connect a number"), reverse("numbers"), connected),
        Step(_("Add what it should know"), reverse("knowledge"), Document.objects.exists()),
        Step(_("Invite your people"), reverse("people"), Membership.objects.filter(tenant=tenant).count() > 1),
    ]
