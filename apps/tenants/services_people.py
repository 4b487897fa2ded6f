"""Every write to who works at a tenant: invitations, roles, and people who leave."""

from decimal import Decimal
from uuid import UUID

from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession
from django.core import signing
from django.db import transaction
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from apps.core.errors import PermanentError
from apps.core.letters import letter_make
from apps.core.realtime import hint_publish
from apps.tenants.models import Invitation, Membership, Role, Tenant, User
from apps.tenants.models_people import INVITATION_LASTS
from apps.tenants.seats import Seat, seat_missing, seats_add
from apps.tenants.services import person_add

SALT = "meridian.invitation"


class PeopleError(PermanentError):
    """What cannot be done with a person, as a sentence."""

    code = "refused"


class OwnersOnly(PeopleError):
    """What only an owner may do; an API key never is one."""

    code = "owners_only"


class SeatNeeded(PeopleError):
    """There is no seat for one more; `seat` says what one costs."""

    code = "seat_needed"

    def __init__(self, seat: Seat, what: str) -> None:
        super().__init__(f"{seat.full} {seat.costs} {what}")
        self.seat = seat


@transaction.atomic
def invitation_create(
    *, tenant: Tenant, email: str, role: Role | str, by: User | None, address: str, seat_price: Decimal | None = None
) -> Invitation:
    """Invites somebody and sends the mail; `address` is where their link leads, up to the token. Raises PeopleError.

    `by` is nobody where a program with an API key asks: it makes no owners. Where no seat is free and one more costs something,
    `seat_price` is what somebody agreed to pay a month for it; without it, or for another price, this raises SeatNeeded.
    """
    email = email.strip().lower()
    _may_give(tenant, by, role)
    if Membership.everyone.filter(tenant=tenant, user__email=email).exists():
        raise PeopleError(_("%(email)s works here already. Change their role in the list.") % {"email": email})
    if Invitation.objects.filter(tenant=tenant, email=email).exists():
        raise PeopleError(_("%(email)s is invited already. Send the invitation again from the list.") % {"email": email})
    _seat_take(tenant, seat_price)
    invitation = Invitation.objects.create(tenant=tenant, email=email, role=role, invited_by=by)
    _mail(invitation, address)
    return invitation


def invitation_resend(*, invitation: Invitation, address: str) -> None:
    """Sends a new link for another seven days; earlier ones stop working."""
    invitation.sent_at = timezone.now()
    invitation.save(update_fields=["sent_at"])
    _mail(invitation, address)


def invitation_withdraw(*, invitation: Invitation) -> None:
    """Its link stops working."""
    invitation.delete()


def invitation_of(token: str, tenant: Tenant) -> Invitation:
    """The open invitation that a link stands for. Raises PeopleError when it is over, withdrawn, used or replaced."""
    try:
        pk, stamp = signing.loads(token, salt=SALT, max_age=INVITATION_LASTS)
    except signing.BadSignature:
        raise PeopleError(_("This invitation has expired. Ask for a new one.")) from None
    found = Invitation.objects.filter(pk=pk, tenant=tenant).select_related("tenant", "invited_by").first()
    if found is None or found.sent_at.isoformat() != stamp or found.is_over:
        raise PeopleError(_("This invitation has been used, withdrawn or sent again. Look for a newer mail, or ask for one."))
    return found


@transaction.atomic
def invitation_accept(*, invitation: Invitation, user: User | None = None, name: str = "", password: str = "") -> Membership:
    """The person joins; one without a log-in gets it here, with an address that the mail has proven.

    Raises PeopleError where the invitation is gone since it was read.
    """
    email = invitation.email
    if not Invitation.objects.filter(pk=invitation.pk, sent_at=invitation.sent_at).select_for_update().exists():
        raise PeopleError(_("This invitation has been used, withdrawn or sent again. Look for a newer mail, or ask for one."))
    if user is None:
        user = User.objects.create_user(email, password, name=name)
        EmailAddress.objects.create(user=user, email=email, primary=True, verified=True)
    membership = person_add(tenant=invitation.tenant, email=user.email, role=invitation.role)
    invitation.delete()
    return membership


@transaction.atomic
def role_change(*, membership: Membership, role: Role | str, by: User | None) -> None:
    """Raises PeopleError for the last owner, and when an admin would touch an owner."""
    _may_give(membership.tenant, by, role)
    _may_touch(membership, by)
    if membership.role == Role.OWNER and role != Role.OWNER:
        _not_the_last_owner(membership)
    membership.role = role
    membership.save(update_fields=["role"])
    _sockets_end(membership)


@transaction.atomic
def person_remove(*, membership: Membership, by: User | None) -> None:
    """Ends their access and their sessions; what they wrote stays. Raises PeopleError for the last owner."""
    _may_touch(membership, by)
    if membership.role == Role.OWNER:
        _not_the_last_owner(membership)
    membership.delete()
    sessions_end(user=membership.user)
    _sockets_end(membership)


@transaction.atomic
def person_deactivate(*, membership: Membership, by: User | None) -> None:
    """Lets them in no more, and keeps their place and role. Raises PeopleError for the last owner and for oneself."""
    _may_touch(membership, by)
    if by is not None and membership.user_id == by.pk:
        raise PeopleError(_("You cannot deactivate yourself. Ask a colleague."))
    if membership.deactivated_at is not None:
        return
    if membership.role == Role.OWNER:
        _not_the_last_owner(membership)
    membership.deactivated_at = timezone.now()
    membership.save(update_fields=["deactivated_at"])
    sessions_end(user=membership.user)
    _sockets_end(membership)


@transaction.atomic
def person_activate(*, membership: Membership, by: User | None) -> None:
    """Lets them in again, in the role that they had. Raises PeopleError, also where it takes a seat that costs something."""
    _may_touch(membership, by)
    if membership.deactivated_at is None:
        return
    _seat_take(membership.tenant, None, _("Take it under Billing, Plan, then activate them."))
    membership.deactivated_at = None
    membership.save(update_fields=["deactivated_at"])


def sessions_end(*, user: User) -> None:
    """Logs a person out everywhere."""
    for session in UserSession.objects.filter(user=user):
        session.end()


def person_topic(user_id: UUID) -> str:
    """The topic of hints on which a person's websockets at a company end."""
    return f"person:{user_id}"


def _sockets_end(membership: Membership) -> None:
    """An open websocket was let in by a role that counts no more."""
    hint_publish(membership.tenant.schema_name, person_topic(membership.user_id), "rights", str(membership.user_id), 0)


def _seat_take(tenant: Tenant, price: Decimal | None, what: str = "") -> None:
    """Makes room for one more: what costs nothing at once, the rest for the price that was agreed to."""
    Tenant.objects.select_for_update().get(pk=tenant.pk)  # two people who invite at once do not take the same seat
    seat = seat_missing(tenant)
    if seat is None:
        return
    if seat.price and seat.price != price:
        raise SeatNeeded(seat, what)
    seats_add(tenant, seat)


def _not_the_last_owner(membership: Membership) -> None:
    """The rows are locked, so that two owners cannot remove each other at once."""
    owners = Membership.objects.select_for_update().filter(tenant_id=membership.tenant_id, role=Role.OWNER)
    if not [owner for owner in owners if owner.pk != membership.pk]:
        raise PeopleError(_("%(name)s is the only owner. Make somebody else an owner first.") % {"name": membership.user})


def _may_give(tenant: Tenant, by: User | None, role: Role | str) -> None:
    if role == Role.OWNER and not _is_owner(tenant, by):
        raise OwnersOnly(_("Only an owner can make somebody an owner."))


def _may_touch(membership: Membership, by: User | None) -> None:
    if membership.role == Role.OWNER and not _is_owner(membership.tenant, by):
        raise OwnersOnly(_("%(name)s is an owner; only another owner can change that.") % {"name": membership.user})


def _is_owner(tenant: Tenant, user: User | None) -> bool:
    """A company that has no owner yet is led by its admins; a program leads none."""
    if user is None:
        return False
    owners = Membership.objects.filter(tenant=tenant, role=Role.OWNER)
    return owners.filter(user=user).exists() or not owners.exists()


def _mail(invitation: Invitation, address: str) -> None:
    """After the commit, so that no link is in a mail before it works."""
    token = signing.dumps([str(invitation.pk), invitation.sent_at.isoformat()], salt=SALT, compress=True)
    words = {"by": invitation.invited_by or "Meridian", "company": invitation.tenant}
    until = {"date": date_format(invitation.expires_at, "j F Y, H:i")}
    letter = letter_make(
        to=invitation.email,
        subject=_("%(by)s invites you to %(company)s") % words,
        paragraphs=[_("%(by)s invites you to work at %(company)s on Meridian.") % words],
        url=f"{address}{token}",
        action=_("Join %(company)s") % words,
        small=_("The link works until %(date)s UTC, once. If you do not know who this is, ignore this mail.") % until,
    )
    transaction.on_commit(letter.send)
