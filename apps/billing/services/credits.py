"""Credits that the platform gives, and notes that take back what was invoiced."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone
from django_tenants.utils import schema_context

from apps.billing.locks import NOTE_NUMBER, lock
from apps.billing.models import Credit, CreditNote, Invoice, InvoiceLine
from apps.billing.rounding import payable_check, rounded_to
from apps.billing.selectors.notes import note_hindrance, note_left, notes_of
from apps.billing.services.settling import invoice_settle_parts
from apps.billing.services.stripe_queue import credit_note_queue
from apps.core.errors import PermanentError
from apps.tenants.models import Tenant

PREFIX, DIGITS = "CN-", 7


class CreditRefused(PermanentError):
    """Why money cannot be given or taken back, as a sentence."""


def credit_grant(
    *, tenant: Tenant, amount: Decimal, currency: str, reason: str, by: str, expires_at: datetime | None = None
) -> Credit:
    """Money off a tenant's next invoices. `by` is the e-mail address of whoever gives it, `reason` stands on the invoice.

    Raises PermanentError when it is not above 0 or cannot be paid in the currency, without a reason, and when it is over already.
    """
    _amount_check(amount, currency)
    if not reason.strip():
        raise CreditRefused("Say what the credit is for; it stands on the invoice.")
    if expires_at is not None and expires_at <= timezone.now():
        raise CreditRefused("The credit would be over already; choose a later day, or none.")
    return Credit.objects.create(
        tenant=tenant, amount=amount, currency=currency.upper(), reason=reason.strip(), granted_by=by, expires_at=expires_at
    )


def credit_note_create(
    *, invoice: Invoice, amount: Decimal, reason: str, by: str, line: InvoiceLine | None = None, key: str = ""
) -> CreditNote:
    """Takes back a part of an invoice that was sent, never more than is left of it. `by` is an e-mail address.

    The same `key` again changes nothing. Raises CreditRefused for a draft or a void one, above what is left, and for a key that
    came with something else before.
    """
    if not reason.strip():
        raise CreditRefused("Say why; it stands on the credit note.")
    if line is not None and line.invoice_id != invoice.pk:
        raise CreditRefused("That line is of another invoice.")
    with schema_context("public"), transaction.atomic():
        found = Invoice.objects.select_for_update().get(pk=invoice.pk)
        values = {"amount": amount, "reason": reason.strip(), "line": line}
        if made := note_made(found, key, values):
            return made
        _left_check(found, amount)
        return _note(found, {**values, "created_by": by, "key": key})


def _note(invoice: Invoice, values: dict[str, Any]) -> CreditNote:
    """For the caller's transaction, which holds the invoice."""
    after = max(values["amount"] - invoice.owed, Decimal(0))
    note = CreditNote.objects.create(invoice=invoice, number=_next_number(), after_payment=after, **values)
    invoice.credited += note.amount
    invoice.save(update_fields=["credited", "updated_at"])
    invoice_settle_parts(invoice=invoice)
    credit_note_queue(note)
    return note


def note_made(invoice: Invoice, key: str, values: dict[str, Any]) -> CreditNote | None:
    """The credit note that a request with this key made. Raises CreditRefused where that said something else."""
    found = CreditNote.objects.filter(key=key).first() if key else None
    if found and (found.invoice_id != invoice.pk or any(getattr(found, name) != value for name, value in values.items())):
        raise CreditRefused("This form was sent before with something else in it. Open the invoice again and look at it.")
    return found


def credited_carry(*, invoice: Invoice) -> Credit | None:
    """What credit notes took back of an invoice that is being voided, as a credit: what was on it is charged again, that is not.

    Without tax, since a credit comes off the next invoice before its tax is worked out. For the caller's transaction.
    """
    if invoice.credited <= 0 or invoice.total <= 0:
        return None
    amount = rounded_to(invoice.credited * (invoice.total - invoice.tax) / invoice.total, invoice.currency)
    if amount <= 0:
        return None
    notes = ", ".join(note.number for note in notes_of(invoice))
    reason = f"{notes or 'what was taken back'}, of {invoice.number}, which was voided"
    return Credit.objects.create(
        tenant_id=invoice.tenant_id, amount=amount, currency=invoice.currency, reason=reason[-300:], carried_from=invoice
    )


def _left_check(invoice: Invoice, amount: Decimal) -> None:
    if hindrance := note_hindrance(invoice):
        raise CreditRefused(hindrance)
    _amount_check(amount, invoice.currency)
    left = note_left(invoice)
    if amount > left:
        raise CreditRefused(
            f"{left.normalize():f} {invoice.currency} are left of {invoice.number}; a credit note cannot be above that."
        )


def _amount_check(amount: Decimal, currency: str) -> None:
    if amount <= 0:
        raise CreditRefused("The amount has to be above 0.")
    payable_check(amount, currency)


def _next_number() -> str:
    """As invoices are numbered: without holes, under a lock."""
    lock(NOTE_NUMBER)
    last = CreditNote.objects.filter(number__startswith=PREFIX).order_by("-number").values_list("number", flat=True).first()
    return f"{PREFIX}{int(last.removeprefix(PREFIX)) + 1 if last else 1:0{DIGITS}}"
