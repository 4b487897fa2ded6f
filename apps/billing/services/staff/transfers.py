"""Bank transfers as the platform's staff take them back, make them final, or say where an overpayment went."""

from django.db import transaction

from apps.billing.models import BankTransfer, Invoice, StaffAct
from apps.billing.selectors.transfers import surpluses_of, transfer_to_undo, transfers_counted
from apps.billing.services.invoices import InvoiceRefused
from apps.billing.services.staff.acts import act_record, reason_checked
from apps.billing.services.transfers import surplus_end, transfer_undo
from apps.billing.services.transfers_stripe import transfers_tell_of


def invoice_payment_undo(*, invoice: Invoice, reason: str, by: str) -> Invoice:
    """Takes the newest of its transfers back that can be; raises as transfer_undo does."""
    return transfer_undo(transfer=transfer_to_undo(invoice) or _last(invoice), reason=reason, by=by)


def invoice_payment_tell(*, invoice: Invoice, reason: str, by: str) -> Invoice:
    """Tells Stripe that transfers paid it before the books are closed; raises as transfers_tell_of does."""
    sentence = reason_checked(reason)
    _last(invoice)
    if invoice.state != Invoice.State.PAID:
        raise InvoiceRefused(f"{invoice.number} is paid in part so far; Stripe is told when it is paid in full.")
    found = transfers_tell_of(invoice=invoice)
    with transaction.atomic():
        act_record(kind=StaffAct.Kind.PAID, tenant=found.tenant, subject=f"{found.number}, at Stripe", reason=sentence, by=by)
    return found


def invoice_surplus_end(*, invoice: Invoice, reason: str, by: str) -> Invoice:
    """What its transfers brought above it is no longer here; `reason` says where it went. Raises as surplus_end does."""
    reason_checked(reason)
    found = surpluses_of(invoice)
    if not found:
        raise InvoiceRefused(f"Nothing that was paid above {invoice.number} is left.")
    with transaction.atomic():
        for transfer in found:
            surplus_end(transfer=transfer, reason=reason, by=by)
    return invoice


def _last(invoice: Invoice) -> BankTransfer:
    found = transfers_counted(invoice).last()
    if found is None:
        raise InvoiceRefused(f"No bank transfer for {invoice.number} is noted down.")
    return found
