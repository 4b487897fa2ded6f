"""One process alone sends an invoice: a claim with a lease, renewed by every step, and how an attempt ended."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import F, Q
from django.utils import timezone

from apps.billing.models import Invoice
from apps.billing.stripe_api import StripeRefused, StripeUnavailable
from apps.core.errors import MeridianError, TransientError

LEASE = timedelta(minutes=5)  # above what one step can take: a list of 250 items with one retry each renews it item by item
WAITS = (60, 300, 900, 3600, 4 * 3600)  # seconds until an attempt that failed is made again by itself
LONGEST_PROBLEM = 500


class InvoiceBusy(TransientError):
    """Another process sends this invoice, or has taken it over."""


@dataclass(frozen=True)
class Claim:
    """An invoice that this process alone may send; every write goes through `step`, which fails once it is another's."""

    invoice: Invoice
    attempt: int

    def step(self, **values: Any) -> None:
        """Writes what was reached and renews the lease. Raises InvoiceBusy when the claim has gone to another process."""
        values |= {"sending_until": timezone.now() + LEASE, "updated_at": timezone.now()}
        if self._mine().update(**values) != 1:
            raise InvoiceBusy(f"Invoice {self.invoice.number} was voided, or another process has taken it over.")
        for name, value in values.items():
            setattr(self.invoice, name, value)

    def done(self) -> None:
        """Lets go of it, with nothing left to be done."""
        self._mine().update(sending_until=None, send_again_at=None)
        self.invoice.sending_until = self.invoice.send_again_at = None

    def failed(self, error: MeridianError) -> None:
        """Lets go of it and says why; what may pass by itself is tried again later, the rest waits for a person."""
        wait = WAITS[min(self.attempt, len(WAITS)) - 1]
        again = timezone.now() + timedelta(seconds=wait) if isinstance(error, TransientError) else None
        tries = 1 if isinstance(error, StripeUnavailable) and error.answered else 0
        values: dict[str, Any] = {"problem": str(error)[:LONGEST_PROBLEM], "sending_until": None, "send_again_at": again}
        self._mine().update(**values, stripe_tries=F("stripe_tries") + tries)

    def _mine(self) -> Any:
        return Invoice.objects.filter(pk=self.invoice.pk, send_attempts=self.attempt).exclude(state=Invoice.State.VOID)


def invoice_claim(invoice: Invoice) -> Claim:
    """Takes an invoice for sending, by one conditional UPDATE.

    Raises InvoiceBusy while another process sends it, StripeRefused when it is void. A process that died holds it for LEASE.
    """
    now = timezone.now()
    free = Q(sending_until__isnull=True) | Q(sending_until__lte=now)
    rows = Invoice.objects.filter(free, pk=invoice.pk).exclude(state=Invoice.State.VOID)
    # Until the attempt says how it ended, the sweep takes it up after the lease.
    taken = rows.update(sending_until=now + LEASE, send_again_at=now + LEASE, send_attempts=F("send_attempts") + 1)
    fresh = Invoice.objects.select_related("tenant").get(pk=invoice.pk)
    if taken != 1:
        if fresh.state == Invoice.State.VOID:
            raise StripeRefused(f"Invoice {fresh.number} is void and is not sent.")
        raise InvoiceBusy(f"Invoice {fresh.number} is being sent at this moment.")
    return Claim(fresh, fresh.send_attempts)
