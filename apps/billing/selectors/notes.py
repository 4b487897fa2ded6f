"""What credit notes take back."""

from decimal import Decimal

from django.db.models import QuerySet, Sum

from apps.billing.models import CreditNote, Invoice, InvoiceLine


def notes_of(of: Invoice | InvoiceLine) -> QuerySet[CreditNote]:
    """The credit notes of an invoice or of a line that count, those too that Stripe lacks so far."""
    about = {"line": of} if isinstance(of, InvoiceLine) else {"invoice": of}
    return CreditNote.objects.filter(**about, voided_at=None)


def notes_sum(of: Invoice | InvoiceLine) -> Decimal:
    """What the credit notes of an invoice, or of a line, take back, those too that Stripe lacks so far; void ones nothing."""
    return notes_of(of).aggregate(sum=Sum("amount"))["sum"] or Decimal(0)
