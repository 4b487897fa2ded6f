"""manage.py sip_trunk_delete acme "Head office" """

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from apps.calls.models import SipTrunk
from apps.calls.services.trunks import sip_trunk_delete
from apps.tenants.management.tenant_command import TenantCommand


class Command(TenantCommand):
    help = "Deletes a tenant's inbound SIP trunk and its dispatch rule, here and in LiveKit. Numbers stay mapped."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("name", help="The trunk's name.")

    def work(self, **options: Any) -> None:
        trunk = SipTrunk.objects.filter(name=options["name"]).first()
        if trunk is None:
            known = ", ".join(SipTrunk.objects.values_list("name", flat=True)) or "none"
            raise CommandError(f"There is no trunk “{options['name']}”. There is: {known}.")
        sip_trunk_delete(trunk=trunk)
        self.stdout.write(self.style.SUCCESS(f"Trunk “{options['name']}” is deleted."))
