"""`manage.py tenant_delete nordwind`; `--now --name "Nordwind Logistics" --export nordwind.zip` does not wait."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from apps.tenants.exports import export_write
from apps.tenants.management.tenant_command import TenantCommand
from apps.tenants.services_company import GRACE, deletion_plan, tenant_delete


class Command(TenantCommand):
    help = "Deletes a tenant in 30 days, which tenant_restore takes back, or at once. The ledger is kept."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--now", action="store_true", help="Do not wait; there is no way back.")
        parser.add_argument("--name", default="", help="The company's name, to be sure, with --now.")
        parser.add_argument("--export", default="", help="The zip file that everything is written to first, with --now.")
        parser.add_argument("--without-export", action="store_true", help="Keep nothing, with --now.")

    def work(self, **options: Any) -> None:
        if not options["now"]:
            deletion_plan(tenant=self.tenant)
            end = f"{self.tenant.name} is deleted in {GRACE.days} days. tenant_restore takes it back."
            self.stdout.write(f"{end} An export is being made for it.")
            return
        if options["name"] != self.tenant.name:
            raise CommandError(f"Say which company it is with --name “{self.tenant.name}”.")
        if not options["export"] and not options["without_export"]:
            raise CommandError("Say where everything is kept first with --export FILE, or --without-export to keep nothing.")
        if options["export"]:
            self._export(Path(options["export"]))
        tenant_delete(tenant=self.tenant)
        self.stdout.write(f"{self.tenant.name} is deleted. Its ledger is kept.")

    def _export(self, path: Path) -> None:
        """Raises CommandError where it cannot be written: nothing is deleted then."""
        try:
            with path.open("xb") as file:
                export_write(self.tenant, file)
        except OSError as error:
            raise CommandError(f"Nothing was deleted: {path} could not be written ({error.strerror}).") from error
        self.stdout.write(f"Everything is in {path}.")
