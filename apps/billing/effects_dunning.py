"""The outbox sends reminders of overdue invoices: to the company's address for invoices, or else to who looks after its money."""

from smtplib import SMTPException

from django.core.mail import EmailMessage
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from apps.billing.models import BillingProfile, DunningReminder, Invoice
from apps.billing.services.dunning import REMINDER, reminder_begin, reminder_end
from apps.core.errors import Ignored, TransientError
from apps.core.letters import letter_make
from apps.core.mail import MAX_ATTEMPTS
from apps.core.models import OutboundEffect
from apps.core.outbox import sender
from apps.core.templatetags.ui import money
from apps.tenants.access import MONEY
from apps.tenants.hosts import address_at
from apps.tenants.models import Tenant
from apps.tenants.selectors import people_of, tenant_host

Level = DunningReminder.Level
UNCERTAIN = "A process ended while this was sent; whether it left is not known, so it is not sent again."


@sender(REMINDER)
def reminder_effect(effect: OutboundEffect) -> str:
    """`reminder` is its id. Raises Ignored when it is settled or was begun before, TransientError while mail is down."""
    reminder = DunningReminder.objects.select_related("invoice__tenant").filter(pk=effect.payload["reminder"]).first()
    if reminder is None or reminder.sent_at or reminder.note:
        raise Ignored("This reminder was dealt with before.")
    if reminder.invoice.state != Invoice.State.OPEN or not reminder.invoice.owed:
        reminder_end(reminder=reminder, sent=False, note="The invoice was settled meanwhile.")
        raise Ignored("The invoice was settled meanwhile.")
    if not reminder_begin(reminder=reminder):
        reminder_end(reminder=reminder, sent=False, note=UNCERTAIN)
        raise Ignored(UNCERTAIN)
    _send(reminder, last=effect.attempts >= MAX_ATTEMPTS)
    return str(reminder.pk)


def _send(reminder: DunningReminder, *, last: bool) -> None:
    to = recipients_of(reminder.invoice.tenant)
    if not to:
        reminder_end(reminder=reminder, sent=False, note="Nobody looks after this company's money, so nobody was told.")
        raise Ignored("Nobody to send it to.")
    try:
        _email(reminder, to).send()
    except (SMTPException, OSError) as error:
        note = f"The mail server did not take it: {type(error).__name__}."
        reminder_end(reminder=reminder, sent=False, note=note if last else "")
        raise TransientError(note) from error
    reminder_end(reminder=reminder, sent=True)


def recipients_of(tenant: Tenant) -> list[str]:
    """The address for invoices where there is one; else the company's owners, admins and finance people."""
    email = BillingProfile.objects.filter(tenant=tenant).values_list("email", flat=True).first()
    if email:
        return [email]
    return [row.membership.user.email for row in people_of(tenant) if row.membership.role in MONEY]


def _email(reminder: DunningReminder, to: list[str]) -> EmailMessage:
    invoice = reminder.invoice
    values = {
        "number": invoice.stripe_number or invoice.number,
        "company": invoice.tenant.name,
        "amount": money(invoice.owed, invoice.currency),  # a part may have come since it was written
        "due": date_format(localtime(invoice.due_at), "j F Y"),
        "page": _page(invoice.tenant),
    }
    subject, words = _words(Level(reminder.level))
    what = _("Invoice %(number)s of %(company)s for %(amount)s was due on %(due)s and is still open.") % values
    every = _("All your invoices: %(page)s") % values if invoice.hosted_url and values["page"] else ""
    return letter_make(
        to=to,
        subject=subject % values,
        paragraphs=[_("Hello,"), what, words, invoice.problem, every],
        url=invoice.hosted_url or values["page"],
        action=_("See and pay the invoice") if invoice.hosted_url else _("See the invoice"),
        small=_("You get this because invoices of %(company)s are sent to you.") % values,
    )


def _words(level: Level) -> tuple[str, str]:
    """(subject, what to do)."""
    return {
        Level.FIRST: (
            _("Invoice %(number)s is due"),
            _("It may have slipped through. If you paid it in the meantime, thank you: nothing else is to be done."),
        ),
        Level.SECOND: (
            _("Invoice %(number)s is still open"),
            _(
                "We wrote to you about it before. If something is wrong with the invoice, answer this e-mail and we will look "
                "into it."
            ),
        ),
        Level.FINAL: (
            _("Final notice: invoice %(number)s is overdue"),
            _(
                "This is the final notice. If it is not paid within the next days, the account is marked as restricted until it "
                "is. Nothing is deleted, and what you set up stays as it is."
            ),
        ),
    }[level]


def _page(tenant: Tenant) -> str:
    """Empty for a company that is deleted, which has no pages any more and still owes what it used."""
    deleted = tenant.status == Tenant.Status.DELETED
    return "" if deleted else address_at(tenant_host(tenant), "/billing/invoices/")
