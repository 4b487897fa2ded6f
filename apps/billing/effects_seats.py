"""The outbox tells who looks after the money that single sign-on has let somebody in for whom a seat was added."""

from decimal import Decimal
from smtplib import SMTPException, SMTPRecipientsRefused

from django.core.mail import EmailMultiAlternatives
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _

from apps.core.errors import Ignored, PermanentError, TransientError
from apps.core.letters import letter_make
from apps.core.models import OutboundEffect
from apps.core.outbox import sender
from apps.tenants.access import MONEY
from apps.tenants.hosts import address_at
from apps.tenants.models import Membership, Tenant, User
from apps.tenants.seats import Seat
from apps.tenants.selectors import tenant_host

EMAIL = "billing.seat_email"


@sender(EMAIL)
def seat_email(effect: OutboundEffect) -> str:
    """One e-mail. Raises Ignored for somebody who left meanwhile, TransientError while the mail server is away."""
    given = effect.payload
    members = Membership.objects.filter(tenant=given["tenant"], role__in=MONEY, user__is_active=True, user=given["to"])
    member = members.select_related("user", "tenant").first()
    newcomer = User.objects.filter(pk=given["user"]).first()
    if member is None or newcomer is None:
        raise Ignored("This person does not look after the company's money any more, or the newcomer is gone.")
    try:
        _letter(member.tenant, newcomer, _seat(given), member.user.email).send()
    except SMTPRecipientsRefused as error:
        raise PermanentError("The mail server does not take this person's address.") from error
    except (SMTPException, OSError) as error:
        raise TransientError(f"The mail server did not take it: {type(error).__name__}.") from error
    return str(member.user_id)


def seat_facts(seat: Seat) -> dict[str, str | int]:
    """A seat for an effect's payload."""
    free = seat.free_until.isoformat() if seat.free_until else ""
    amounts = {"price": str(seat.price), "now": str(seat.now), "currency": seat.currency, "free_until": free}
    return {"seats": seat.seats, "missing": seat.missing, **amounts}


def _seat(given: dict[str, str | int]) -> Seat:
    price, now = (Decimal(str(given[name])) for name in ("price", "now"))
    free = parse_date(str(given["free_until"])) if given["free_until"] else None
    return Seat(int(given["seats"]), int(given["missing"]), price, now, str(given["currency"]), free)


def _letter(tenant: Tenant, newcomer: User, seat: Seat, to: str) -> EmailMultiAlternatives:
    words = {"who": newcomer, "company": tenant, "email": newcomer.email, "seats": seat.seats + seat.missing}
    return letter_make(
        to=to,
        subject=_("%(company)s: %(who)s has joined, on a seat that was added") % words,
        paragraphs=[
            _("Single sign-on has let in %(who)s (%(email)s), and every seat of your plan was taken.") % words,
            f"{seat.costs} {_('You have %(seats)d seats now.') % words}",
            _("Under Billing, Plan you can say that nobody is let in above your seats.") % words,
        ],
        url=_page(tenant),
        action=_("See the plan"),
        small=_("You get this because you look after the billing of %(company)s.") % words,
    )


def _page(tenant: Tenant) -> str:
    return address_at(tenant_host(tenant), "/billing/plan/")
