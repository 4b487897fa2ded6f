"""Compare ledger, invoices and Stripe: python manage.py stripe_reconcile [--month 2026-11] [--fix-safe]"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django_tenants.utils import schema_context

from apps.billing.months import month_parse
from apps.billing.services.reconcile import Report, reconcile
from apps.core.errors import PermanentError


class Command(BaseCommand):
    help = "Compares ledger, invoices and Stripe, and says what differs and what to do. Exit code 1 when something does."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--month", help="such as 2026-11; without it all that is open and the last 100 days")
        parser.add_argument("--fix-safe", action="store_true", help="take over what Stripe knows better: states, amounts, links")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            month = month_parse(options["month"]) if options["month"] else None
        except PermanentError as error:
            raise CommandError(str(error)) from error
        with schema_context("public"):
            report = reconcile(month=month, fix_safe=options["fix_safe"])
        self._say(report)

    def _say(self, report: Report) -> None:
        for difference in report.differences:
            self.stdout.write(str(difference))
        if not report.with_stripe:
            self.stdout.write("Stripe is not configured here, so only ledger and invoices were compared.")
        count = len(report.open)
        self.stdout.write(f"{report.invoices} invoices compared, {count} {'difference' if count == 1 else 'differences'}.")
        if report.problem:
            raise CommandError(report.problem)
        if count:
            raise CommandError("Something differs; the sentences above say what to do.", returncode=1)
