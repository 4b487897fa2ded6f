"""Bank transfers as the platform's staff take them back or make them final."""

from django.db import transaction

from apps.billing.models import BankTransfer, Invoice, StaffAct
from apps.billing.selectors.transfers import transfer_of
from apps.billing.services.invoices import InvoiceRefused
from apps.billing.services.staff.acts import act_record, reason_checked
from apps.billing.services.transfers import transfer_tell, transfer_undo


def invoice_payment_undo(*, invoice: Invoice, reason: str, by: str) -> Invoice:
    """Takes its transfer back; raises as transfer_undo does."""
    return transfer_undo(transfer=_transfer(invoice), reason=reason, by=by)


def invoice_payment_tell(*, invoice: Invoice, reason: str, by: str) -> Invoice:
    """Tells Stripe of its transfer before the books are closed; raises as transfer_tell does."""
    sentence = reason_checked(reason)
    found = transfer_tell(transfer=_transfer(invoice)).invoice
    with transaction.atomic():
        act_record(kind=StaffAct.Kind.PAID, tenant=found.tenant, subject=f"{found.number}, at Stripe", reason=sentence, by=by)
    return found


def _transfer(invoice: Invoice) -> BankTransfer:
    found = transfer_of(invoice)
    if found is None:
        raise InvoiceRefused(f"No bank transfer for {invoice.number} is noted down.")
    return found
