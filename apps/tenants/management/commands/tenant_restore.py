"""`manage.py tenant_restore nordwind`."""

from typing import Any

from apps.tenants.management.tenant_command import TenantCommand
from apps.tenants.services_company import tenant_restore


class Command(TenantCommand):
    help = "Ends a suspension and takes back a planned deletion."

    def work(self, **options: Any) -> None:
        tenant_restore(tenant=self.tenant)
        self.stdout.write(f"{self.tenant.name} is served again, and nothing of it will be deleted.")
