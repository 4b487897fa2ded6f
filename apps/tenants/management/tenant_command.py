"""The base of commands that work for one tenant: the first argument names it, errors are a sentence."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django_tenants.utils import schema_context

from apps.core.errors import MeridianError
from apps.tenants.models import Tenant
from apps.tenants.selectors import tenant_by_slug, tenants_active


class TenantCommand(BaseCommand):
    """Subclasses add arguments and do their work in `work`, inside the tenant's schema."""

    tenant: Tenant

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("tenant", help="The tenant's slug, such as acme.")

    def handle(self, *args: Any, **options: Any) -> str | None:
        tenant = tenant_by_slug(options["tenant"])
        if tenant is None:
            known = ", ".join(tenants_active().values_list("schema_name", flat=True)) or "none yet"
            raise CommandError(f"There is no tenant “{options['tenant']}”. There is: {known}.")
        self.tenant = tenant
        with schema_context(tenant.schema_name):
            try:
                return self.work(**options)
            except MeridianError as error:
                raise CommandError(str(error)) from error

    def work(self, **options: Any) -> str | None:
        """Runs inside the tenant's schema; MeridianErrors end the command with their sentence."""
        raise NotImplementedError
