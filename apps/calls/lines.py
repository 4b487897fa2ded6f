"""Phone numbers in the list of all numbers."""

from collections.abc import Iterator

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from apps.calls.models import PhoneNumber
from apps.desktop.numbers import NumberRow, names


def numbers_of() -> Iterator[NumberRow]:
    """Every phone number and extension of the tenant."""
    numbers = list(PhoneNumber.objects.all())
    agents, teams = names(number.agent_id for number in numbers)
    for one in numbers:
        yield NumberRow(
            channel="phone",
            icon="phone",
            kind=_("Phone"),
            number=one.number,
            label=one.label,
            agent=agents.get(one.agent_id, ""),
            team=teams.get(one.team, one.team),
            limited=bool(one.business_hours),
            enabled=one.enabled,
            href=reverse("phone-number-edit", args=[one.pk]),
        )
