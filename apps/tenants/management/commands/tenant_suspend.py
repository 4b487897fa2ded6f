"""`manage.py tenant_suspend nordwind`."""

from typing import Any

from apps.tenants.management.tenant_command import TenantCommand
from apps.tenants.services_company import tenant_suspend


class Command(TenantCommand):
    help = "Suspends a tenant."

    def work(self, **options: Any) -> None:
        tenant_suspend(tenant=self.tenant)
        self.stdout.write(f"{self.tenant.name} is suspended: its host, its calls and its messages stop; nothing is lost.")
