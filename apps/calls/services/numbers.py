"""Which agent or team answers a number."""

import re
from typing import Any
from uuid import UUID

from django.db import transaction

from apps.calls.models import PhoneNumber
from apps.calls.numbers import number_normalise, number_valid
from apps.compass.selectors import agent_names
from apps.core.errors import PermanentError
from apps.core.hours import Hours, hours_check
from apps.core.schema import schema_current
from apps.tenants.selectors import tenant_by_slug

TONE = re.compile(r"^[a-z]{2}$")


@transaction.atomic
def number_set(
    *,
    number: str,
    agent_id: UUID | str | None = None,
    team: str = "",
    label: str = "",
    ringback: PhoneNumber.Ringback | str = PhoneNumber.Ringback.ANSWER,
    tone: str = "",
    business_hours: Hours | None = None,
    timezone_name: str = "",
    out_of_hours: PhoneNumber.OutOfHours | str = PhoneNumber.OutOfHours.SAME,
    out_of_hours_agent_id: UUID | str | None = None,
    out_of_hours_text: str = "",
    enabled: bool = True,
) -> PhoneNumber:
    """Maps a number or extension of the current tenant to an agent or a team. Raises PermanentError.

    `ringback`: `native` lets the caller's exchange ring until the agent speaks, `answer` picks up and plays `tone`.
    """
    tenant = tenant_by_slug(schema_current())
    form = number_normalise(number, tenant.country if tenant else "US")
    _check(form, agent_id, team, tone)
    hours_check(business_hours or {}, timezone_name)
    _closed_check(str(out_of_hours), out_of_hours_agent_id, out_of_hours_text)
    values: dict[str, Any] = {
        "agent_id": agent_id,
        "team": team,
        "label": label,
        "ringback": PhoneNumber.Ringback(ringback),
        "tone": tone,
        "business_hours": business_hours or {},
        "timezone": timezone_name,
        "out_of_hours": PhoneNumber.OutOfHours(out_of_hours),
        "out_of_hours_agent_id": out_of_hours_agent_id,
        "out_of_hours_text": out_of_hours_text,
        "enabled": enabled,
    }
    row, _ = PhoneNumber.objects.update_or_create(number=form, defaults=values)
    return row


def number_delete(*, number: PhoneNumber) -> None:
    """Callers of it then hear that it is not in service."""
    number.delete()


def _check(number: str, agent_id: UUID | str | None, team: str, tone: str) -> None:
    if not number_valid(number):
        raise PermanentError(f"“{number}” is no number: use E.164 such as +12125550100, or the extension as it is dialled.")
    if (agent_id is None) == (team == ""):
        raise PermanentError("A number is answered by an agent or by a team: choose one of the two.")
    if agent_id is not None and not agent_names([UUID(str(agent_id))]):
        raise PermanentError("There is no such agent here.")
    if tone and not TONE.match(tone):
        raise PermanentError(f"“{tone}” is no country of a ringing tone: use two letters such as eu, us or uk.")


def _closed_check(out_of_hours: str, agent_id: UUID | str | None, text: str) -> None:
    if out_of_hours == PhoneNumber.OutOfHours.MESSAGE and not text.strip():
        raise PermanentError("Write what callers hear out of hours.")
    if out_of_hours == PhoneNumber.OutOfHours.AGENT and (agent_id is None or not agent_names([UUID(str(agent_id))])):
        raise PermanentError("Choose the agent that answers out of hours.")
