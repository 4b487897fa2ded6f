"""manage.py whatsapp_number_set acme 106540352242922 --agent reception --team support"""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from apps.compass.selectors import agent_by_slug
from apps.tenants.management.tenant_command import TenantCommand
from apps.whatsapp.models import AgentPhoneMapping
from apps.whatsapp.services.catalogue import templates_sync
from apps.whatsapp.services.numbers import mapping_set

OUT = AgentPhoneMapping.OutOfHours


class Command(TenantCommand):
    help = "Maps a WhatsApp number (Meta's phone number id) to the agent or team that answers it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("phone_number_id", help="Meta's id of the number, from WhatsApp > API setup; not the number itself.")
        parser.add_argument("--agent", default="", help="The AI agent's slug. Without one the team answers.")
        parser.add_argument("--team", default="", help="The team that answers, or that the agent hands over to.")
        parser.add_argument("--waba", default="", help="The id of the WhatsApp Business Account, for its templates.")
        parser.add_argument("--number", default="", help="The number as people write it, such as +1 555 010 0001.")
        parser.add_argument("--label", default="", help="What people here call this number.")
        parser.add_argument("--token", default=None, help="An access token of its own; default: WHATSAPP_ACCESS_TOKEN.")
        parser.add_argument("--hours", default="", help='Business hours, such as {"mon": [["09:00", "17:00"]]}; default: always.')
        parser.add_argument("--timezone", default="", help="Of the business hours, such as Europe/Berlin; default: the tenant's.")
        parser.add_argument("--out-of-hours", choices=OUT.values, default=OUT.SAME.value, help="Who answers out of hours.")
        parser.add_argument("--out-of-hours-agent", default="", help="The agent's slug for --out-of-hours agent.")
        parser.add_argument("--out-of-hours-text", default="", help="What contacts are told out of hours.")
        parser.add_argument("--off", action="store_true", help="Keep the mapping, but take and send nothing.")

    def work(self, **options: Any) -> None:
        mapping = mapping_set(
            phone_number_id=options["phone_number_id"],
            agent_id=self._agent(options["agent"]),
            team=options["team"],
            waba_id=options["waba"],
            display_number=options["number"],
            label=options["label"],
            access_token=options["token"],
            business_hours=_hours(options["hours"]),
            timezone_name=options["timezone"],
            out_of_hours=options["out_of_hours"],
            out_of_hours_agent_id=self._agent(options["out_of_hours_agent"]),
            out_of_hours_text=options["out_of_hours_text"],
            enabled=not options["off"],
        )
        who = f"agent {options['agent']}" if options["agent"] else f"team {options['team']}"
        self.stdout.write(
            self.style.SUCCESS(f"{mapping} is answered by {who}" + (", but switched off." if options["off"] else "."))
        )
        if mapping.waba_id and mapping.enabled:
            self.stdout.write(f"{templates_sync(mapping)} templates.")

    def _agent(self, slug: str) -> Any:
        agent = agent_by_slug(slug) if slug else None
        if slug and agent is None:
            raise CommandError(f"There is no agent “{slug}” at {self.tenant}.")
        return agent.pk if agent else None


def _hours(text: str) -> Any:
    try:
        return json.loads(text) if text else {}
    except ValueError as error:
        raise CommandError('The hours cannot be read. Write them as {"mon": [["09:00", "17:00"]]}.') from error
