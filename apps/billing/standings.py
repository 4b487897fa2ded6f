"""An invoice in plain words: how it stands, what happened to it, and what happens next."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from apps.billing.models import Invoice
from apps.billing.selectors.transfers import transfer_of
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
        (_("Paid by bank transfer") if transfer_of(invoice) else _("Paid"), invoice.paid_at),
        (_("Declared void"), invoice.voided_at),
    )
    steps = [Step(label, at) for label, at in happened if at]
    for note in invoice.credit_notes.all():
        number = {"number": note.number}
        steps.append(Step(_("Credit note %(number)s") % number, note.created_at))
        if note.voided_at:
            steps.append(Step(_("Credit note %(number)s declared void") % number, note.voided_at))
    return sorted(steps, key=lambda step: step.at)


def _draft(invoice: Invoice) -> Standing:
    if not stripe_configured():
        sentence = _(
            "It stays a draft: payments are not set up on this installation. Its operator sets STRIPE_SECRET_KEY to send it."
        )
    elif invoice.period_end > timezone.now():
        sentence = _("It grows with your usage, and is made final after %(day)s.") % {
            "day": date_format(invoice.period_end, "j M Y")
        }
    elif invoice.problem:
        sentence = _("Sending it did not work yet: %(problem)s It is tried again.") % {"problem": _stopped(invoice.problem)}
    else:
        sentence = _("It is checked and then sent. Until then it may still change.")
    return Standing(_("Draft, may still change"), "plain", sentence)


def _open(invoice: Invoice) -> Standing:
    due = money(due_of(invoice), invoice.currency)
    if invoice.is_overdue and invoice.due_at:
        sentence = _("%(due)s were due on %(day)s. Pay now to keep your account in good standing.")
        return Standing(_("Overdue"), "loss", sentence % {"due": due, "day": date_format(invoice.due_at, "j M Y")})
    if invoice.problem:
        return Standing(_("Payment failed"), "loss", _stopped(invoice.problem))
    if invoice.due_at:
        day = date_format(invoice.due_at, "j M Y")
        return Standing(_("Open"), "attention", _("%(due)s are due by %(day)s.") % {"due": due, "day": day})
    return Standing(_("Open"), "attention", _("%(due)s are to be paid.") % {"due": due})


def _paid(invoice: Invoice) -> Standing:
    return Standing(_("Paid"), "live", _("Nothing is left to do."))


def _uncollectible(invoice: Invoice) -> Standing:
    return Standing(_("Not collected"), "loss", _("We gave up collecting it by ourselves. You can still pay it."))


def _void(invoice: Invoice) -> Standing:
    return Standing(_("Void"), "plain", _("It counts no more. What it charged is on another invoice, or on none."))


def _stopped(sentence: str) -> str:
    return sentence if sentence.endswith(".") else f"{sentence}."


_STANDINGS: dict[str, Callable[[Invoice], Standing]] = {
    State.DRAFT: _draft,
    State.OPEN: _open,
    State.PAID: _paid,
    State.UNCOLLECTIBLE: _uncollectible,
    State.VOID: _void,
}
