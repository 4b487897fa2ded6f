"""What the outbox does when a threshold of a limit is passed: pages show it, and each who looks after money gets one e-mail."""

from smtplib import SMTPException, SMTPRecipientsRefused

from django.core.mail import EmailMessage
from django.db import transaction
from django.utils.translation import gettext as _

from apps.billing.models import SpendLimit, SpendWindow
from apps.billing.selectors.limits import limit_name
from apps.billing.services.limits.notices import NOTICE
from apps.core.errors import Ignored, PermanentError, TransientError
from apps.core.letters import letter_make
from apps.core.models import OutboundEffect
from apps.core.outbox import effect_enqueue, sender
from apps.core.realtime import hint_publish
from apps.core.templatetags.ui import money
from apps.tenants.access import MONEY
from apps.tenants.hosts import address_at
from apps.tenants.models import Membership, Tenant
from apps.tenants.selectors import tenant_host

EMAIL = "billing.limit_email"


@sender(NOTICE)
def limit_notice(effect: OutboundEffect) -> str:
    """Has everybody told once: an effect for each e-mail, so that one address that fails repeats no other."""
    window = _window(effect)
    people = Membership.objects.filter(tenant=window.limit.tenant, role__in=MONEY, user__is_active=True).order_by("pk")
    with transaction.atomic():
        hint_publish(effect.schema_name, "calls", "limit.notice", str(window.limit_id), effect.payload["percent"])
        for user_id in people.values_list("user_id", flat=True):
            effect_enqueue(kind=EMAIL, key=f"{effect.key}:{user_id}", payload={**effect.payload, "user": str(user_id)})
    return ""


@sender(EMAIL)
def limit_email(effect: OutboundEffect) -> str:
    """One e-mail. Raises Ignored for somebody who left meanwhile, TransientError while the mail server is away."""
    window, percent = _window(effect), int(effect.payload["percent"])
    tenant = window.limit.tenant
    members = Membership.objects.filter(tenant=tenant, role__in=MONEY, user__is_active=True, user_id=effect.payload["user"])
    member = members.select_related("user").first()
    if member is None:
        raise Ignored("This person does not look after the company's money any more.")
    try:
        _email(window, percent, tenant, member.user.email).send()
    except SMTPRecipientsRefused as error:
        raise PermanentError("The mail server does not take this person's address.") from error
    except (SMTPException, OSError) as error:
        raise TransientError(f"The mail server did not take it: {type(error).__name__}.") from error
    return str(member.user_id)


def _window(effect: OutboundEffect) -> SpendWindow:
    window = SpendWindow.objects.select_related("limit__tenant").filter(pk=effect.payload["window"]).first()
    if window is None or not window.limit.active:
        raise Ignored("The limit was removed meanwhile.")
    return window


def _email(window: SpendWindow, percent: int, tenant: Tenant, to: str) -> EmailMessage:
    limit, values = window.limit, {"company": tenant.name, "percent": percent, "limit": limit_name(window.limit)}
    subject = _("%(company)s: %(percent)s %% of %(limit)s is spent") % values
    if percent >= 100:
        subject = _("%(company)s: %(limit)s is reached") % values
    amounts = _("%(spent)s of %(amount)s is spent.") % {
        "spent": money(window.spent, limit.currency),
        "amount": money(limit.amount, limit.currency),
    }
    return letter_make(
        to=to,
        subject=subject,
        paragraphs=[amounts, _next(limit, percent)],
        url=_page(tenant),
        action=_("See the limit, and change it"),
        small=_("You get this because you look after the billing of %(company)s.") % values,
    )


def _next(limit: SpendLimit, percent: int) -> str:
    """What happens, or happened."""
    people = limit.reached == SpendLimit.Reached.PEOPLE
    if percent >= 100:
        what = _("people answer them where they can be reached") if people else _("they are declined politely")
        return _("This is for new calls and messages: %(what)s, until the limit starts anew or is raised.") % {"what": what}
    what = _("handed to people") if people else _("declined politely")
    return _("Once the limit is reached, new calls and messages are %(what)s until it starts anew.") % {"what": what}


def _page(tenant: Tenant) -> str:
    return address_at(tenant_host(tenant), "/billing/limits/")
