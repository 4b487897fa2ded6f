"""Who answers which number."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone
from django_tenants.utils import schema_context

from apps.compass.models import Agent
from apps.core.errors import PermanentError
from apps.core.hours import Hours, hours_check
from apps.core.models import InboundEvent, MailState
from apps.core.schema import schema_current
from apps.desktop.selectors import teams_all
from apps.tenants.models import Route, Tenant
from apps.tenants.selectors import tenant_by_slug
from apps.tenants.services import route_delete, route_set
from apps.whatsapp.envelope import PROVIDER
from apps.whatsapp.models import AgentPhoneMapping

PARKED = "No tenant here has this number. Map it, and what was sent to it in the last days is taken up."
PARKED_DAYS = 7


class NumberMapped(PermanentError):
    """Somebody here answers the number already."""

    def __init__(self) -> None:
        super().__init__("This number is mapped already. Change it with PATCH.")


@transaction.atomic
def mapping_set(
    *,
    phone_number_id: str,
    agent_id: UUID | str | None = None,
    team: str = "",
    display_number: str = "",
    label: str = "",
    waba_id: str = "",
    business_hours: Hours | None = None,
    timezone_name: str = "",
    out_of_hours: str = AgentPhoneMapping.OutOfHours.SAME,
    out_of_hours_agent_id: UUID | str | None = None,
    out_of_hours_text: str = "",
    access_token: str | None = None,
    enabled: bool = True,
    new: bool = False,
) -> AgentPhoneMapping:
    """Gives a number to an AI agent (with a team behind it) or to a team. An access token of None stays as it is.

    Raises PermanentError where agent, team, hours or the number itself cannot be had; NumberMapped where it has to be `new` and
    is not: of two who add one at once, one does.
    """
    _check(phone_number_id, agent_id, team, out_of_hours, out_of_hours_text)
    hours_check(business_hours or {}, timezone_name)
    values: dict[str, Any] = {
        "agent_id": agent_id,
        "team": team,
        "display_number": display_number,
        "label": label,
        "waba_id": waba_id,
        "business_hours": business_hours or {},
        "timezone": timezone_name,
        "out_of_hours": out_of_hours,
        "out_of_hours_agent_id": out_of_hours_agent_id,
        "out_of_hours_text": out_of_hours_text,
        "enabled": enabled,
    }
    if access_token is not None:
        values["access_token"] = access_token
    mapping = _added(phone_number_id, values) if new else _put(phone_number_id, values)
    _route(phone_number_id)
    return mapping


def _put(phone_number_id: str, values: dict[str, Any]) -> AgentPhoneMapping:
    return AgentPhoneMapping.objects.update_or_create(phone_number_id=phone_number_id, defaults=values)[0]


def _added(phone_number_id: str, values: dict[str, Any]) -> AgentPhoneMapping:
    try:
        with transaction.atomic():
            return AgentPhoneMapping.objects.create(phone_number_id=phone_number_id, **values)
    except IntegrityError as error:
        raise NumberMapped from error


@transaction.atomic
def mapping_delete(*, mapping: AgentPhoneMapping) -> None:
    """Nobody here answers the number any more; its conversations stay."""
    tenant = tenant_by_slug(schema_current())
    assert tenant is not None
    route_delete(kind=Route.Kind.WHATSAPP_NUMBER, external_id=mapping.phone_number_id, tenant=tenant)
    mapping.delete()


def number_id_check(phone_number_id: str) -> None:
    """Raises PermanentError for what cannot be Meta's id of a number."""
    if not (phone_number_id.isascii() and phone_number_id.isdigit() and len(phone_number_id) <= 64):
        raise PermanentError("The phone number id is Meta's own id of the number, digits only; see WhatsApp > API setup at Meta.")


def _check(phone_number_id: str, agent_id: UUID | str | None, team: str, out_of_hours: str, text: str) -> None:
    number_id_check(phone_number_id)
    if agent_id is None and not team:
        raise PermanentError("Say who answers: an AI agent, or a team.")
    if agent_id is not None and not Agent.objects.filter(pk=agent_id).exists():
        raise PermanentError("There is no such agent.")
    if team and not teams_all().filter(slug=team).exists():
        raise PermanentError(f"There is no team “{team}”. Make it first.")
    if out_of_hours not in AgentPhoneMapping.OutOfHours.values:
        raise PermanentError(f"Out of hours is one of {', '.join(AgentPhoneMapping.OutOfHours.values)}.")
    if out_of_hours == AgentPhoneMapping.OutOfHours.MESSAGE and not text:
        raise PermanentError("Write what contacts are told out of hours.")


def _route(phone_number_id: str) -> None:
    tenant = tenant_by_slug(schema_current())
    assert tenant is not None
    with schema_context("public"):
        route_set(kind=Route.Kind.WHATSAPP_NUMBER, external_id=phone_number_id, tenant=tenant)
        parked_release(phone_number_id)


def numbers_resume(*, tenant: Tenant) -> None:
    """A suspension is over: what contacts wrote in its last days is taken up."""
    routes = Route.objects.filter(kind=Route.Kind.WHATSAPP_NUMBER, tenant=tenant)
    for phone_number_id in routes.values_list("external_id", flat=True):
        parked_release(phone_number_id)


def parked_release(phone_number_id: str) -> int:
    """Takes up what came for a number before it was mapped; returns how many events."""
    since = timezone.now() - timedelta(days=PARKED_DAYS)
    rows = InboundEvent.objects.filter(provider=PROVIDER, state=MailState.IGNORED, schema_name="", created_at__gt=since)
    rows = rows.filter(payload__metadata__phone_number_id=phone_number_id)
    return rows.update(state=MailState.PENDING, attempts=0, available_at=timezone.now(), note="", finished_at=None)
