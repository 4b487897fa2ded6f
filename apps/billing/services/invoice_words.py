"""How an invoice's lines are worded: for the person who pays it, not for the one who built it."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from uuid import UUID

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django_tenants.utils import schema_exists, tenant_context

from apps.billing.models import Meter, Price, SourceType, Unit
from apps.billing.neighbours import names_of
from apps.billing.proration import Share
from apps.billing.services.invoice_claims import Group, Sums
from apps.tenants.models import Tenant

# What a line's quantity counts: a unit of the price book or of a plan.
UNITS_COUNTED: dict[str, str] = {
    SourceType.CALL: Unit.MINUTE,
    SourceType.TURN: Unit.TURN,
    SourceType.MESSAGE: Unit.MESSAGE,
    SourceType.TRANSCRIPT: Unit.MINUTE,
    SourceType.SUMMARY: Unit.RUN,
    SourceType.TRIAL: Unit.RUN,
    SourceType.CHECK: Unit.RUN,
    SourceType.KNOWLEDGE: Unit.RUN,
    SourceType.TOOL: Unit.RUN,
}
LONGEST = 300


def agent_names(tenant: Tenant, agent_ids: Iterable[UUID]) -> dict[UUID, str]:
    """How these agents are called; nothing of a company whose schema is gone."""
    wanted = list(agent_ids)
    if not wanted or not schema_exists(tenant.schema_name):
        return {}
    with tenant_context(tenant):
        return names_of(wanted)


def month_name(month: date) -> str:
    """Such as November 2026."""
    return date_format(month, "F Y")


def usage_words(group: Group, sums: Sums, names: dict[UUID, str], period: tuple[date, date]) -> str:
    """Such as “Reception: calls by phone”; says so when some of it, or all, is from before the invoice's month."""
    what = _what(group)
    if not sums.things:
        what = _("corrections of earlier usage (%(what)s)") % {"what": what}
    who = names.get(group.agent_id) if group.agent_id else None
    words = f"{who}: {what}" if who else what[:1].upper() + what[1:]
    first, begin = period
    if first < begin and sums.things:
        words += _(", with some from %(month)s that came late") % {"month": month_name(first)}
    return words[:LONGEST]


def fee_words(share: Share) -> str:
    """Such as “Team, 11 November to 30 November 2026 (20 of 30 days)”."""
    return _with_days(str(share.subscription.plan.name), share)


def seats_words(share: Share) -> str:
    """Such as “3 seats above the 5 of Team, …”."""
    plan = share.subscription.plan
    words = ngettext(
        "%(seats)d seat above the %(included)d of %(plan)s",
        "%(seats)d seats above the %(included)d of %(plan)s",
        share.extra_seats,
    )
    return _with_days(words % {"seats": share.extra_seats, "included": plan.included_seats, "plan": plan.name}, share)


def included_words(meter: str, quantity: Decimal, month: date) -> str:
    """Such as “Included in the plan: 300 call minutes of November 2026”."""
    values = {"quantity": _number(quantity), "meter": Meter(meter).label, "month": month_name(month)}
    return (_("Included in the plan: %(quantity)s %(meter)s of %(month)s") % values)[:LONGEST]


def tier_words(price: Price, month: date) -> str:
    """Such as “Volume price: nova-3 of deepgram, November 2026”."""
    values = {"model": price.model, "provider": price.provider, "month": month_name(month)}
    return (_("Volume price: %(model)s of %(provider)s, %(month)s") % values)[:LONGEST]


def credit_words(reason: str) -> str:
    return (_("Credit: %(reason)s") % {"reason": reason})[:LONGEST]


def _what(group: Group) -> str:
    by_phone = group.channel == "sip"
    words = {
        SourceType.CALL: _("calls by phone") if by_phone else _("calls in the browser"),
        SourceType.TURN: _("answers in chat"),
        SourceType.MESSAGE: _("WhatsApp messages"),
        SourceType.TRANSCRIPT: _("voice notes, written down"),
        SourceType.SUMMARY: _("summaries of chats"),
        SourceType.KNOWLEDGE: _("knowledge, read and searched"),
        SourceType.TRIAL: _("trials of agents"),
        SourceType.CHECK: _("checks of agents"),
        SourceType.TOOL: _("tools"),
    }
    return words.get(SourceType(group.source_type), group.source_type)


def _with_days(words: str, share: Share) -> str:
    """The days are named where they are not the whole month, and so is a trial."""
    if share.fee_days == share.month_days:
        return f"{words}, {month_name(share.first)}"[:LONGEST]
    days = _("%(words)s, %(first)s to %(last)s (%(charged)d of %(days)d days)") % {
        "words": words,
        "first": date_format(share.last.replace(day=share.last.day - share.fee_days + 1), "j F"),
        "last": date_format(share.last, "j F Y"),
        "charged": share.fee_days,
        "days": share.month_days,
    }
    return days[:LONGEST]


def _number(quantity: Decimal) -> str:
    return f"{quantity.quantize(Decimal('0.01')).normalize():,f}"
