"""`manage.py tenant_delete nordwind`; `--now --name "Nordwind Logistics"` does not wait."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from apps.tenants.management.tenant_command import TenantCommand
from apps.tenants.services_company import GRACE, deletion_plan, tenant_delete


class Command(TenantCommand):
    help = "Deletes a tenant in 30 days, which tenant_restore takes back, or at once. The ledger is kept."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--now", action="store_true", help="Do not wait; there is no way back.")
        parser.add_argument("--name", default="", help="The company's name, to be sure, with --now.")

    def work(self, **options: Any) -> None:
        if not options["now"]:
            deletion_plan(tenant=self.tenant)
            self.stdout.write(f"{self.tenant.name} is deleted in {GRACE.days} days. tenant_restore takes it back.")
            return
        if options["name"] != self.tenant.name:
            raise CommandError(f"Say which company it is with --name “{self.tenant.name}”.")
        tenant_delete(tenant=self.tenant)
        self.stdout.write(f"{self.tenant.name} is deleted. Its ledger is kept.")
