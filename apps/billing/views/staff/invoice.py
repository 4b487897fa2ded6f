"""An invoice of any tenant: how it stands, what can be done about it, and doing it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from apps.billing.closing import books_close_at
from apps.billing.models import Invoice
from apps.billing.selectors.notes import note_left
from apps.billing.selectors.transfers import surpluses_of, transfer_to_undo, transfers_counted, transfers_of, transfers_untold
from apps.billing.services.invoices import invoice_of
from apps.billing.services.staff import invoices as services
from apps.billing.services.staff.transfers import invoice_payment_tell, invoice_payment_undo, invoice_surplus_end
from apps.billing.services.transfers import transfer_possible
from apps.billing.standings import above_of, due_of, steps_of
from apps.billing.stripe_api import NOT_CONFIGURED, stripe_configured
from apps.billing.views.invoices import lines_named
from apps.billing.views.staff.act_forms import NoteForm, ReasonForm
from apps.billing.views.staff.pages import invoice_or_404, page, refused, told, who
from apps.billing.views.staff.transfers import TransferForm
from apps.tenants.staff import staff_required

State = Invoice.State
# https://docs.stripe.com/api/disputes/object#dispute_object-status
DISPUTES = {
    "needs_response": gettext_lazy("Needs an answer; give it in the Stripe dashboard"),
    "warning_needs_response": gettext_lazy("An inquiry that needs an answer; give it in the Stripe dashboard"),
    "under_review": gettext_lazy("Answered, the bank decides"),
    "warning_under_review": gettext_lazy("An inquiry, answered"),
    "warning_closed": gettext_lazy("An inquiry, closed"),
    "won": gettext_lazy("Won"),
    "lost": gettext_lazy("Lost, the payment went back"),
}


@dataclass(frozen=True)
class Act:
    """Something that can be done to an invoice: a button, and the dialog that asks before. `danger` is red."""

    key: str
    label: Any
    title: Any
    consequence: Any
    icon: str
    fits: Callable[[Invoice], bool]
    run: Callable[..., Invoice]
    said: Any
    danger: bool = False


def undoable(invoice: Invoice) -> bool:
    """Whether a bank transfer counts for it that can still be taken back."""
    return transfer_to_undo(invoice) is not None


def tellable(invoice: Invoice) -> bool:
    """Whether bank transfers paid it and Stripe could be told so."""
    at_stripe = invoice.state == State.PAID and bool(invoice.stripe_id) and stripe_configured()
    return at_stripe and transfers_untold(invoice).exists()


ACTS = (
    Act(
        "send",
        gettext_lazy("Send to Stripe"),
        gettext_lazy("Send it to Stripe?"),
        gettext_lazy("It is made final there and given to the customer within a minute. A card that is there is charged."),
        "send-horizontal",
        lambda one: one.state in (State.DRAFT, State.OPEN) and not one.sent_at and stripe_configured() and not paid_partly(one),
        services.invoice_send_again,
        gettext_lazy("It goes out within a minute. This page says when it has, or why not."),
    ),
    Act(
        "mail",
        gettext_lazy("Mail it again"),
        gettext_lazy("Mail it to the customer again?"),
        gettext_lazy("Stripe mails the invoice with its payment page once more, to the address for invoices."),
        "send-horizontal",
        lambda one: one.state == State.OPEN and bool(one.sent_at and one.stripe_id) and stripe_configured(),
        services.invoice_send_again,
        gettext_lazy("Stripe mails it once more."),
    ),
    Act(
        "anew",
        gettext_lazy("Make it anew"),
        gettext_lazy("Make this month's invoice anew?"),
        gettext_lazy(
            "A new draft with everything that is on no invoice. It has a number of its own, and is sent when you say so."
        ),
        "refresh-cw",
        lambda one: one.state == State.VOID and invoice_of(one.tenant, one.month, one.currency) is None,
        services.invoice_draw_again,
        gettext_lazy("Here is the new draft. Look at it, then send it."),
    ),
    Act(
        "give-up",
        gettext_lazy("Stop collecting"),
        gettext_lazy("Stop collecting it?"),
        gettext_lazy("It counts as uncollectible, here and at Stripe. The company is restricted until it is paid or voided."),
        "hand",
        lambda one: one.state == State.OPEN and bool(one.stripe_id) and stripe_configured(),
        services.invoice_give_up,
        gettext_lazy("It is no longer collected."),
        danger=True,
    ),
    Act(
        "tell-stripe",
        gettext_lazy("Tell Stripe now"),
        gettext_lazy("Tell Stripe that it is paid?"),
        gettext_lazy(
            "Stripe then counts it as paid outside of Stripe, and cannot take that back. Without this it is told when the books "
            "of the transfer's month are closed."
        ),
        "send-horizontal",
        tellable,
        invoice_payment_tell,
        gettext_lazy("Stripe counts it as paid."),
    ),
    Act(
        "surplus",
        gettext_lazy("Say where the overpayment went"),
        gettext_lazy("Where did the overpayment go?"),
        gettext_lazy(
            "What came above this invoice is kept for the company, and said each day, until it went back to its payer or was "
            "noted down for another invoice. Give the reference of the transfer back, or the other invoice's number."
        ),
        "undo-2",
        lambda one: bool(surpluses_of(one)),
        invoice_surplus_end,
        gettext_lazy("Nothing is left over of it any more."),
    ),
    Act(
        "unpaid",
        gettext_lazy("Take the bank transfer back"),
        gettext_lazy("Take the last bank transfer back?"),
        gettext_lazy("What it paid is owed again. Where it was the only one, the invoice is as it was before."),
        "undo-2",
        undoable,
        invoice_payment_undo,
        gettext_lazy("It is owed again."),
        danger=True,
    ),
    Act(
        "void",
        gettext_lazy("Void"),
        gettext_lazy("Void this invoice?"),
        gettext_lazy(
            "It counts no more, here and at Stripe, and cannot come back. What was on it is open for another invoice; "
            "what credit notes took back of it becomes a credit. What came by bank transfer is kept until you say where it went."
        ),
        "x",
        lambda one: one.state in (State.DRAFT, State.OPEN, State.UNCOLLECTIBLE),
        services.invoice_take_back,
        gettext_lazy("It is void. What was on it is open for another invoice."),
        danger=True,
    ),
)


def paid_partly(invoice: Invoice) -> bool:
    """Whether bank transfers count for it."""
    return transfers_counted(invoice).exists()


@require_GET
@staff_required
def invoice(request: HttpRequest, invoice_id: UUID) -> HttpResponse:
    one = invoice_or_404(invoice_id)
    context = {
        "invoice": one,
        "one": one.tenant,
        "due": due_of(one),
        "due_on": one.due_at if due_of(one) else None,
        "above": above_of(one),
        "unsent": NOT_CONFIGURED if one.state == State.DRAFT and not stripe_configured() else "",
        "dispute": DISPUTES.get(one.dispute, one.dispute.replace("_", " ")),
        "steps": steps_of(one),
        "lines": lines_named(list(one.lines.all())),
        "notes": one.credit_notes.select_related("line"),
        "credit_uses": one.credit_uses.select_related("credit"),
        "acts": [(act, ReasonForm(auto_id=f"{act.key}-%s")) for act in ACTS if act.fits(one)],
        "note_form": NoteForm(invoice=one, auto_id="note-%s") if note_left(one) else None,
        "transfer_form": TransferForm(invoice=one, auto_id="transfer-%s") if transfer_possible(one) else None,
        "transfers": [(row, books_close_at(row.received_on)) for row in transfers_of(one)],
    }
    return page(request, "invoice.html", "tenants", context)


@require_POST
@staff_required
def act(request: HttpRequest, invoice_id: UUID, key: str) -> HttpResponse:
    """Does one of ACTS, with its reason; what no longer fits is refused with a sentence."""
    one, wanted = invoice_or_404(invoice_id), next((row for row in ACTS if row.key == key), None)
    if wanted is None:
        raise Http404("There is no such act.")
    made = [one]

    def run() -> None:
        made[0] = wanted.run(invoice=one, reason=request.POST.get("reason", ""), by=who(request))

    told(request, run, str(wanted.said))
    return redirect("staff-invoice", made[0].pk)


@require_POST
@staff_required
def note(request: HttpRequest, invoice_id: UUID) -> HttpResponse:
    one = invoice_or_404(invoice_id)
    form = NoteForm(request.POST, invoice=one)
    if form.is_valid():
        values = form.cleaned_data
        told(request, lambda: services.note_make(invoice=one, by=who(request), **values), _("The credit note is made."))
    else:
        refused(request, form)
    return redirect("staff-invoice", one.pk)
