"""WhatsApp numbers in the list of all numbers."""

from collections.abc import Iterator

from django.urls import reverse

from apps.desktop.numbers import NumberRow, names
from apps.whatsapp.models import AgentPhoneMapping


def numbers_of() -> Iterator[NumberRow]:
    """Every mapping of the tenant."""
    mappings = list(AgentPhoneMapping.objects.all())
    agents, teams = names(mapping.agent_id for mapping in mappings)
    for one in mappings:
        yield NumberRow(
            channel="whatsapp",
            icon="message-square",
            kind="WhatsApp",
            number=one.display_number or one.phone_number_id,
            label=one.label,
            agent=agents.get(one.agent_id, ""),
            team=teams.get(one.team, one.team),
            limited=bool(one.business_hours),
            enabled=one.enabled,
            href=reverse("whatsapp-number-edit", args=[one.pk]),
        )
