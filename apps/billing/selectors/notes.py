"""What credit notes take back."""

from decimal import Decimal

from django.db.models import Sum

from apps.billing.models import CreditNote, Invoice, InvoiceLine


def notes_sum(of: Invoice | InvoiceLine) -> Decimal:
    """What the credit notes of an invoice, or of a line, take back, those too that Stripe lacks so far; void ones nothing."""
    about = {"line": of} if isinstance(of, InvoiceLine) else {"invoice": of}
    return CreditNote.objects.filter(**about, voided_at=None).aggregate(sum=Sum("amount"))["sum"] or Decimal(0)
