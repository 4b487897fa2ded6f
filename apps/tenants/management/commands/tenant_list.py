"""`manage.py tenant_list`."""

from typing import Any

from django.core.management.base import BaseCommand
from django.db.models import Count

from apps.tenants.models import Tenant


class Command(BaseCommand):
    help = "Lists every tenant: slug, state, people, when it was made, and its name."

    def handle(self, *args: Any, **options: Any) -> None:
        for tenant in Tenant.objects.annotate(people=Count("memberships")).order_by("schema_name"):
            state = f"goes {tenant.delete_at:%Y-%m-%d}" if tenant.delete_at else tenant.status
            self.stdout.write(
                f"{tenant.schema_name:<32} {state:<16} {tenant.people:>4} people  {tenant.created_at:%Y-%m-%d}  {tenant.name}"
            )
