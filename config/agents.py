"""What Compass's agent pages learn from the apps above and beside it."""

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from django.db.models import Count
from django.utils import timezone

from apps.billing.models import Price, PriceOverride
from apps.billing.selectors import price_book_at, tenant_currency
from apps.billing.selectors.prices import overrides_at
from apps.calls.models import Call, Channel, PhoneNumber
from apps.compass.neighbours import Number, PriceTable, calls_register, numbers_register, prices_register, teams_register
from apps.compass.variables import variables_register
from apps.core.schema import schema_current
from apps.desktop.selectors import teams_all
from apps.tenants.selectors import tenant_by_slug
from apps.whatsapp.models import AgentPhoneMapping

WEEK = timedelta(days=7)


def agents_know() -> None:
    """Registers everything below."""
    numbers_register(_phone_numbers)
    numbers_register(_whatsapp_numbers)
    calls_register(_calls_of_the_week)
    prices_register(_prices)
    teams_register(lambda: [(team.slug, team.name) for team in teams_all()])
    variables_register("call", _call_variables)


def _phone_numbers(agent_ids: Iterable[UUID]) -> dict[UUID, list[Number]]:
    found: dict[UUID, list[Number]] = {}
    for row in PhoneNumber.objects.filter(agent_id__in=list(agent_ids)):
        if row.agent_id is not None:
            found.setdefault(row.agent_id, []).append(Number("phone", row.number))
    return found


def _whatsapp_numbers(agent_ids: Iterable[UUID]) -> dict[UUID, list[Number]]:
    """Those that it answers always, or out of hours."""
    wanted, found = set(agent_ids), dict[UUID, list[Number]]()
    for row in AgentPhoneMapping.objects.all():
        for agent_id in {row.agent_id, row.out_of_hours_agent_id} & wanted:
            assert agent_id is not None  # only those asked for are left
            found.setdefault(agent_id, []).append(Number("WhatsApp", row.display_number or row.label or row.phone_number_id))
    return found


def _calls_of_the_week(agent_ids: Iterable[UUID]) -> dict[UUID, int]:
    wanted = list(agent_ids)
    rows = Call.objects.filter(started_at__gte=timezone.now() - WEEK, agent_id__in=wanted).order_by()
    return dict.fromkeys(wanted, 0) | dict(rows.values_list("agent_id").annotate(Count("pk")))


def _prices() -> PriceTable:
    """The book's in the tenant's currency, with its own prices in their place."""
    tenant, now = tenant_by_slug(schema_current()), timezone.now()
    if tenant is None:
        return PriceTable()
    currency = tenant_currency(tenant)
    book = price_book_at(now, currency)
    prices = {_key(row): row.charged for row in book.prices.select_related("book")} if book else {}
    return PriceTable(currency, prices | {_key(row): row.price for row in overrides_at(tenant, now, currency)})


def _key(row: Price | PriceOverride) -> tuple[str, str, str, str]:
    return row.kind, row.provider, row.model, row.unit


def _call_variables(call_id: str) -> dict[str, str]:
    call = Call.objects.filter(pk=call_id).first() if call_id else None
    if call is None:
        return {}
    channel = "phone" if call.channel == Channel.SIP else "web"
    return {"caller_number": call.from_number, "caller_name": call.caller_name, "channel": channel, "language": call.language}
