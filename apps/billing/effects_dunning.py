"""The outbox sends reminders of overdue invoices: to the company's address for invoices, or else to who looks after its money."""

from smtplib import SMTPException
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from apps.billing.models import BillingProfile, DunningReminder, Invoice
from apps.billing.services.dunning import REMINDER, reminder_begin, reminder_end
from apps.core.errors import Ignored, TransientError
from apps.core.mail import MAX_ATTEMPTS
from apps.core.models import OutboundEffect
from apps.core.outbox import sender
from apps.core.templatetags.ui import money
from apps.tenants.access import MONEY
from apps.tenants.models import Tenant
from apps.tenants.selectors import people_of, tenant_host

SECONDS = 10  # the longest that the mail server is waited for
UNCERTAIN = "A process ended while this was sent; whether it left is not known, so it is not sent again."


@sender(REMINDER)
def reminder_effect(effect: OutboundEffect) -> str:
    """`reminder` is its id. Raises Ignored when it is settled or was begun before, TransientError while mail is down."""
    reminder = DunningReminder.objects.select_related("invoice__tenant").filter(pk=effect.payload["reminder"]).first()
    if reminder is None or reminder.sent_at or reminder.note:
        raise Ignored("This reminder was dealt with before.")
    if reminder.invoice.state != Invoice.State.OPEN:
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
        "reminder": reminder,
        "invoice": invoice,
        "company": invoice.tenant.name,
        "amount": money(reminder.due, invoice.currency),
        "page": _page(invoice.tenant),
        "level": reminder.level,
    }
    subject = {
        DunningReminder.Level.FIRST: _("Invoice %(number)s is due"),
        DunningReminder.Level.SECOND: _("Invoice %(number)s is still open"),
        DunningReminder.Level.FINAL: _("Final notice: invoice %(number)s is overdue"),
    }[DunningReminder.Level(reminder.level)] % {"number": invoice.stripe_number or invoice.number}
    body = render_to_string("billing/mail/reminder.txt", values)
    return EmailMessage(subject, body, to=to, connection=get_connection(timeout=SECONDS))


def _page(tenant: Tenant) -> str:
    public = urlsplit(settings.PUBLIC_URL)
    port = f":{public.port}" if public.port else ""
    return f"{public.scheme}://{tenant_host(tenant)}{port}/billing/invoices/"
