"""An invoice in plain words: how it stands, what happened to it, and what happens next.

Of many invoices at once prefetch `transfers`, so that each asks for none of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time
from decimal import Decimal

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from apps.billing.models import BankTransfer, Invoice
from apps.billing.stripe_api import stripe_configured
from apps.core.templatetags.ui import money

State = Invoice.State


@dataclass(frozen=True)
class Standing:
    """How an invoice stands. `tone` is that of components/badge.html."""

    label: str
    tone: str
    next: str


@dataclass(frozen=True)
class Step:
    """Something that happened to it."""

    label: str
    at: datetime


def due_of(invoice: Invoice) -> Decimal:
    """What is still to be paid; nothing of a draft, or of one that is void."""
    if invoice.state not in (State.OPEN, State.UNCOLLECTIBLE):
        return Decimal()
    return invoice.owed


def standing_of(invoice: Invoice) -> Standing:
    """The state in words, and what happens next."""
    if invoice.disputed_at and invoice.state == State.PAID:
        return Standing(_("Disputed"), "attention", _("The bank asks for the payment back. We answer it, and write to you."))
    return _STANDINGS[invoice.state](invoice)


def steps_of(invoice: Invoice) -> list[Step]:
    """What happened to it, in order."""
    happened = (
        (_("Drafted"), invoice.created_at),
        (_("Made final"), invoice.finalized_at),
        (_("Sent"), invoice.sent_at),
        (_("Disputed"), invoice.disputed_at),
        (_("Paid"), invoice.paid_at),
        (_("Declared void"), invoice.voided_at),
    )
    steps = _transfer_steps(invoice) + [Step(label, at) for label, at in happened if at]
    for note in invoice.credit_notes.all():
        number = {"number": note.number}
        steps.append(Step(_("Credit note %(number)s") % number, note.created_at))
        if note.voided_at:
            steps.append(Step(_("Credit note %(number)s declared void") % number, note.voided_at))
    return sorted(steps, key=lambda step: step.at)


def above_of(invoice: Invoice) -> Decimal:
    """What bank transfers brought above what was to be paid, and that still is the customer's."""
    return sum((one.surplus for one in _transfers(invoice)), Decimal())


def _transfers(invoice: Invoice) -> list[BankTransfer]:
    """The bank transfers that count, the oldest first."""
    return [one for one in invoice.transfers.all() if one.undone_at is None]


def _transfer_steps(invoice: Invoice) -> list[Step]:
    words = _("Bank transfer of %(amount)s")
    return [
        Step(words % {"amount": money(one.amount, invoice.currency)}, datetime.combine(one.received_on, time(), UTC))
        for one in _transfers(invoice)
    ]


def _draft(invoice: Invoice) -> Standing:
    if not stripe_configured():
        sentence = _("It stays a draft: sending invoices is not set up. Your operator can switch it on.")
    elif invoice.period_end > timezone.now():
        sentence = _("It grows with your usage, and is made final after %(day)s.") % {
            "day": date_format(invoice.period_end, "j M Y")
        }
    elif invoice.problem:
        sentence = _("Sending it did not work yet: %(problem)s It is tried again.") % {"problem": problem_told(invoice.problem)}
    else:
        sentence = _("It is checked and then sent. Until then it may still change.")
    return Standing(_("Draft, may still change"), "plain", sentence)


def _open(invoice: Invoice) -> Standing:
    due = money(due_of(invoice), invoice.currency)
    if invoice.is_overdue and invoice.due_at:
        sentence = _("%(due)s were due on %(day)s. Pay now to keep your account in good standing.")
        return Standing(_("Overdue"), "loss", sentence % {"due": due, "day": date_format(invoice.due_at, "j M Y")})
    if invoice.problem:
        return Standing(_("Payment failed"), "loss", problem_told(invoice.problem))
    if came := sum((one.applied for one in _transfers(invoice)), Decimal()):
        sentence = _("%(came)s came by bank transfer. Transfer the %(due)s that are left too.")
        return Standing(_("Paid in part"), "attention", sentence % {"came": money(came, invoice.currency), "due": due})
    if invoice.due_at:
        day = date_format(invoice.due_at, "j M Y")
        return Standing(_("Open"), "attention", _("%(due)s are due by %(day)s.") % {"due": due, "day": day})
    return Standing(_("Open"), "attention", _("%(due)s are to be paid.") % {"due": due})


def _paid(invoice: Invoice) -> Standing:
    if above := above_of(invoice):
        sentence = _("%(above)s more came than was to be paid. We keep it for you, and write to you about sending it back.")
        return Standing(_("Paid"), "live", sentence % {"above": money(above, invoice.currency)})
    return Standing(_("Paid"), "live", _("Nothing is left to do."))


def _uncollectible(invoice: Invoice) -> Standing:
    return Standing(_("Not collected"), "loss", _("We gave up collecting it by ourselves. You can still pay it."))


def _void(invoice: Invoice) -> Standing:
    return Standing(_("Void"), "plain", _("It counts no more. What it charged is on another invoice, or on none."))


def problem_told(sentence: str) -> str:
    """What went wrong, as a company's finance people read it: settings of the installation are its operator's to mend."""
    if not sentence:
        return ""
    if "STRIPE_" in sentence:
        return _("Sending invoices is not set up as it has to be. Your operator can mend that.")
    return sentence if sentence.endswith(".") else f"{sentence}."


_STANDINGS: dict[str, Callable[[Invoice], Standing]] = {
    State.DRAFT: _draft,
    State.OPEN: _open,
    State.PAID: _paid,
    State.UNCOLLECTIBLE: _uncollectible,
    State.VOID: _void,
}
