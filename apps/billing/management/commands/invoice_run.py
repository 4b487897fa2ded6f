"""`manage.py invoice_run --month 2026-11 [--tenant acme] [--dry-run]`."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.billing.months import month_parse
from apps.billing.services.invoice_runs import Outcome, RunReport, RunRow, invoices_run
from apps.core.errors import MeridianError
from apps.tenants.models import Tenant
from apps.tenants.selectors import tenant_by_slug

SAID = {
    Outcome.DRAFTED: "is a draft",
    Outcome.SENT: "is sent",
    Outcome.SETTLED: "comes out at nothing, and is settled",
    Outcome.UNCHANGED: "was sent before",
    Outcome.NOTHING: "nothing to invoice",
    Outcome.EARLY: "not yet",
    Outcome.LATER: "goes on by itself",
    Outcome.FAILED: "failed",
}


class Command(BaseCommand):
    help = "Makes and sends the invoices of a month; run again, it goes on where it stopped."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--month", required=True, help="Such as 2026-11.")
        parser.add_argument("--tenant", action="append", default=[], help="Only this company's slug; may be given again.")
        parser.add_argument("--dry-run", action="store_true", help="Says what it would do, and does nothing.")

    def handle(self, *args: Any, **options: Any) -> None:
        tenants = [self._tenant(slug) for slug in options["tenant"]] or None
        try:
            month = month_parse(options["month"])
        except MeridianError as error:
            raise CommandError(str(error)) from error
        report = invoices_run(month=month, tenants=tenants, dry_run=options["dry_run"], tell=self._tell)
        self._sum_up(report)
        if report.failed:
            raise CommandError(f"{len(report.failed)} failed, as told above. Mend what they say and run the same again.")

    def _tenant(self, slug: str) -> Tenant:
        found = tenant_by_slug(slug)
        if found is None:
            raise CommandError(f"There is no tenant “{slug}”; `manage.py tenant_list` names them.")
        return found

    def _tell(self, row: RunRow) -> None:
        """A line as soon as a tenant is done, so that a long run can be watched."""
        amount = f" {row.total:,.2f} {row.currency}" if row.total is not None else ""
        words = f"{row.tenant}: {row.number}{amount} {SAID[row.outcome]}".replace(":  ", ": ")
        self.stdout.write(words + (f". {row.note}" if row.note else ""))
        self.stdout.flush()

    def _sum_up(self, report: RunReport) -> None:
        counts = [(SAID[outcome], report.count(outcome)) for outcome in Outcome]
        what = "Nothing was written; it would be: " if report.dry_run else ""
        told = ", ".join(f"{count} {words}" for words, count in counts if count) or "nobody has anything to invoice"
        totals = ", ".join(f"{total:,.2f} {currency}" for currency, total in sorted(report.totals.items()))
        self.stdout.write(f"{report.month:%B %Y}: {what}{told}." + (f" To be paid: {totals}." if totals else ""))
        if report.note and report.count(Outcome.DRAFTED):
            self.stdout.write(report.note)
