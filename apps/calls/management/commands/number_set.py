"""manage.py number_set acme +12125550100 reception --ringback native"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from apps.calls.models import PhoneNumber
from apps.calls.services.numbers import number_set
from apps.compass.selectors import agent_by_slug
from apps.tenants.management.tenant_command import TenantCommand


class Command(TenantCommand):
    help = "Maps a number (E.164) or PBX extension to the agent that answers it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("number", help="Such as +12125550100, or an extension such as 801.")
        parser.add_argument("agent", help="The agent's slug.")
        parser.add_argument("--label", default="", help="What people call this number.")
        parser.add_argument(
            "--ringback",
            choices=PhoneNumber.Ringback.values,
            default=PhoneNumber.Ringback.ANSWER.value,
            help="answer: pick up at once and play a ringing tone; native: let the caller's exchange ring until it speaks.",
        )
        parser.add_argument(
            "--tone", default="", help="Whose ringing tone, in two letters such as eu, us, uk; default: the agent's."
        )
        parser.add_argument("--off", action="store_true", help="Keep the number, but let callers hear that it is not in service.")

    def work(self, **options: Any) -> None:
        agent = agent_by_slug(options["agent"])
        if agent is None:
            raise CommandError(f"There is no agent “{options['agent']}” at {self.tenant}.")
        row = number_set(
            number=options["number"],
            agent_id=agent.pk,
            label=options["label"],
            ringback=options["ringback"],
            tone=options["tone"],
            enabled=not options["off"],
        )
        self.stdout.write(
            self.style.SUCCESS(f"{row.number} is answered by {agent}" + (", but switched off." if options["off"] else "."))
        )
