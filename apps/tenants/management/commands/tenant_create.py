"""`manage.py tenant_create nordwind "Nordwind Logistics" --owner ada@nordwind.test`."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.core.errors import MeridianError
from apps.tenants.models import Role
from apps.tenants.selectors import tenant_host
from apps.tenants.services import person_add, tenant_create


class Command(BaseCommand):
    help = "Makes a tenant with its schema and its host; its owner sets a password by “Forgotten your password?”."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="The tenant's address, such as nordwind.")
        parser.add_argument("name", help="The company's name.")
        parser.add_argument("--owner", required=True, help="The owner's e-mail address.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            tenant = tenant_create(slug=options["slug"], name=options["name"])
        except MeridianError as error:
            raise CommandError(str(error)) from error
        person_add(tenant=tenant, email=options["owner"], role=Role.OWNER)
        self.stdout.write(f"{tenant.name} is served at {tenant_host(tenant)}. Its owner is {options['owner']}.")
