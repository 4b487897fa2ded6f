"""Charges what was used without a price, where there is one by now."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.billing.selectors.unpriced import unpriced_usage
from apps.billing.services import entries_rerate
from apps.tenants.selectors import tenant_by_slug


class Command(BaseCommand):
    help = "Writes what has a price by now as rows of the ledger; safe to break off and to do again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", help="Only this company, by its slug.")
        parser.add_argument("--dry-run", action="store_true", help="Say what it would come to, and write nothing.")

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = tenant_by_slug(options["tenant"]) if options["tenant"] else None
        if options["tenant"] and tenant is None:
            raise CommandError(f"There is no company {options['tenant']}.")
        report = entries_rerate(tenant=tenant, dry_run=options["dry_run"])
        would = "would be " if options["dry_run"] else ""
        self.stdout.write(f"{report.seen} entries lack a price; {report.rated} {would}charged now.")
        for currency, amount in sorted(report.amounts.items()):
            self.stdout.write(f"  {amount} {currency}")
        for row in unpriced_usage(tenant):
            used = ", ".join(f"{amount:f} {name.replace('_', ' ')}" for name, amount in row.quantities.items())
            self.stdout.write(
                f"No price: {row.kind} {row.provider} {row.model}, {row.times} times since {row.first_at:%Y-%m-%d}: {used}"
            )
