"""manage.py sip_trunk_create acme --name "Head office" --number +12125550100 --allow 203.0.113.7 --agent reception"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from apps.calls.models import SipTrunk
from apps.calls.services.numbers import number_set
from apps.calls.services.trunks import password_made, sip_trunk_create
from apps.compass.selectors import agent_by_slug
from apps.tenants.management.tenant_command import TenantCommand


class Command(TenantCommand):
    help = "Makes a tenant's inbound SIP trunk in LiveKit, by the PBX's addresses or with credentials. See docs/telephony.md."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--name", required=True, help="What people call it, such as “Head office 3CX”.")
        parser.add_argument("--number", action="append", default=[], help="A called number or extension it takes; repeat it.")
        parser.add_argument("--allow", action="append", default=[], help="An address or network that may call; repeat it.")
        parser.add_argument("--username", default="", help="Let callers in by this user name instead.")
        parser.add_argument("--password", default="", help="Its password; one is made when it is left out.")
        parser.add_argument("--agent", help="Also map every --number to the agent with this slug.")

    def work(self, **options: Any) -> None:
        agent = _agent(options["agent"])
        password = options["password"] or (password_made() if options["username"] else "")
        trunk = sip_trunk_create(
            name=options["name"],
            numbers=options["number"],
            allowed_addresses=options["allow"],
            auth_user=options["username"],
            auth_password=password,
        )
        for number in trunk.numbers if agent else ():
            number_set(number=number, agent_id=agent.pk)
        self._tell(trunk, agent, shown_password="" if options["password"] else password)

    def _tell(self, trunk: SipTrunk, agent: Any, *, shown_password: str) -> None:
        self.stdout.write(self.style.SUCCESS(f"Trunk “{trunk.name}” takes calls for {self.tenant}."))
        self.stdout.write(f"  trunk {trunk.trunk_id}, dispatch rule {trunk.rule_id}")
        self.stdout.write(f"  called numbers: {', '.join(trunk.numbers) or 'any'}")
        self.stdout.write(f"  callers from:   {', '.join(trunk.allowed_addresses) or 'anywhere, with credentials'}")
        if trunk.auth_user:
            self.stdout.write(f"  user name:      {trunk.auth_user}")
        if shown_password:
            self.stdout.write(f"  password:       {shown_password}   (shown only now)")
        if agent is not None:
            self.stdout.write(f"  answered by:    {agent}")
        else:
            self.stdout.write(f"Map its numbers next: manage.py number_set {self.tenant.slug} NUMBER AGENT")


def _agent(slug: str | None) -> Any:
    agent = agent_by_slug(slug) if slug else None
    if slug and agent is None:
        raise CommandError(f"There is no agent “{slug}” here; nothing was made.")
    return agent
