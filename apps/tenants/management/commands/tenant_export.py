"""`manage.py tenant_export nordwind nordwind.zip`."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from apps.tenants.exports import export_write
from apps.tenants.management.tenant_command import TenantCommand


class Command(TenantCommand):
    help = "Writes everything a tenant has into a zip file, secrets left out."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", type=Path, help="Where the zip file goes.")

    def work(self, **options: Any) -> None:
        with options["file"].open("wb") as file:
            export_write(self.tenant, file)
        self.stdout.write(f"Everything of {self.tenant.name} is in {options['file']}.")
