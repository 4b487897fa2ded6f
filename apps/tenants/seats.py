"""Whether there is room for one more person, and what it costs. Whoever sells plans registers itself; tenants know no plans."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.core.errors import PermanentError
from apps.core.templatetags.ui import money
from apps.tenants.models import Invitation, Membership, Tenant, User


@dataclass(frozen=True)
class Seat:
    """What the next person lacks: `missing` seats beside those that there are.

    `price` is a month's for all of them, `now` what of it this month costs, `free_until` the first day that costs in a trial.
    """

    seats: int
    missing: int
    price: Decimal
    now: Decimal
    currency: str
    free_until: date | None = None

    @property
    def full(self) -> str:
        """That there is no room."""
        words = _("Your plan's %(seats)d seats are taken, by people who work here and people who are invited.")
        return words % {"seats": self.seats}

    @property
    def costs(self) -> str:
        """What it takes, in a sentence."""
        words = {"price": money(self.price, self.currency), "now": money(self.now, self.currency)}
        if self.free_until:
            words["day"] = date_format(self.free_until, "j F Y")
            sentence = ngettext(
                "%(count)d more costs nothing until your trial is over on %(day)s, and %(price)s a month from then on.",
                "%(count)d more cost nothing until your trial is over on %(day)s, and %(price)s a month from then on.",
                self.missing,
            )
        else:
            sentence = ngettext(
                "%(count)d more costs %(price)s a month: %(now)s for what is left of this month.",
                "%(count)d more cost %(price)s a month: %(now)s for what is left of this month.",
                self.missing,
            )
        return sentence % {**words, "count": self.missing}


class SeatsFull(PermanentError):
    """Every seat is taken, and the company lets nobody in above them."""


Look = Callable[[Tenant, int], Seat | None]
Add = Callable[[Tenant, int], object]
Admit = Callable[[Tenant, Seat], None]
Tell = Callable[[Tenant, Seat, User], None]
_look: Look = lambda tenant, people: None  # noqa: E731
_add: Add = lambda tenant, count: None  # noqa: E731
_admit: Admit = lambda tenant, seat: None  # noqa: E731
_tell: Tell = lambda tenant, seat, newcomer: None  # noqa: E731


def seats_register(look: Look, add: Add, admit: Admit, tell: Tell) -> None:
    """Called once from ready(). `look` answers what is missing for so many people, or None; `add` adds so many seats.

    `admit` adds what somebody lacks whom nobody asked for the price of it, or raises; `tell` has it told to who pays.
    """
    global _look, _add, _admit, _tell
    _look, _add, _admit, _tell = look, add, admit, tell


def seats_taken(tenant: Tenant) -> int:
    """People who may log in, and those who are invited: an invitation keeps its seat until it is withdrawn."""
    return Membership.objects.filter(tenant=tenant).count() + Invitation.objects.filter(tenant=tenant).count()


def seat_missing(tenant: Tenant) -> Seat | None:
    """What the next person needs that there is no seat for; None where there is room, or no plan that counts seats."""
    return _look(tenant, seats_taken(tenant) + 1)


def seats_add(tenant: Tenant, seat: Seat) -> None:
    """What is missing, from today on. Raises PermanentError as whoever sells it does."""
    _add(tenant, seat.missing)


def seat_admit(tenant: Tenant) -> Seat | None:
    """Makes room for somebody whom single sign-on lets in without an invitation; returns what was added, if anything.

    Charged as an invitation's seat is. Raises SeatsFull where the company chose that nobody is let in above its seats, and
    PermanentError as whoever sells them does. The tenant's row is locked, so that two do not take the same seat.
    """
    Tenant.objects.select_for_update().get(pk=tenant.pk)
    seat = seat_missing(tenant)
    if seat is not None:
        _admit(tenant, seat)
    return seat


def seat_tell(tenant: Tenant, seat: Seat | None, newcomer: User) -> None:
    """Who pays is told for whom a seat was added."""
    if seat is not None:
        _tell(tenant, seat, newcomer)
