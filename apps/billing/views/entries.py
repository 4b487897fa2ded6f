"""The list of usage, and an entry with every line that it was charged for."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from apps.billing.entry_lines import entry_lines
from apps.billing.forms_spend import EntryForm, channel_name
from apps.billing.keyset import KeysetPage, keyset_page
from apps.billing.models import Invoice, InvoiceLine, LedgerEntry
from apps.billing.neighbours import Link, links_of, names_of
from apps.billing.periods import CUSTOM, Period
from apps.billing.selectors.entries import (
    ORDERS,
    EntryFilters,
    entries_listed,
    entries_none,
    entries_total,
    entry_of,
    revisions_of,
)
from apps.billing.selectors.spend import Narrowed, Spent, spend_kinds
from apps.billing.views.overview import agents_named
from apps.core.currencies import sums_of
from apps.core.tables import Column, Total, headings
from apps.core.templatetags.ui import moneys, unit_money
from apps.tenants.access import MONEY, role_required
from apps.tenants.models import Tenant

SIZE = 50
COLUMNS = (
    Column(gettext_lazy("What")),
    Column(gettext_lazy("Agent")),
    Column(gettext_lazy("Channel")),
    Column(gettext_lazy("Started"), "started"),
    Column(gettext_lazy("Amount"), "cost", numeric=True),
)


@require_GET
@role_required(*MONEY)
def entries(request: HttpRequest) -> HttpResponse:
    """The list, or only its table when htmx asks for it."""
    tenant: Tenant = request.tenant  # type: ignore[attr-defined]
    kinds = spend_kinds(tenant)
    form = EntryForm(request.GET, channels=kinds["channel"], agents=agents_named(kinds["agent_id"]))
    values, period = form.values, form.days(tenant.timezone)
    line = line_of(tenant, values.get("line"))
    filters = entry_filters(values, period, line)
    sort = values.get("sort", "-started")
    page = _page(request, tenant, filters, sort)
    context = {
        "section": "billing",
        "tab": "entries",
        "form": form,
        "period": period,
        "custom": period.key == CUSTOM,
        "line": line,
        "anything": bool(kinds["source_type"]),
        "page": page,
        "rows": rows_named(page.rows),
        "columns": headings(COLUMNS, sort=sort, query=_without_marks(request)),
        "totals": _totals(entries_total(tenant, filters), page.rows),
    }
    template = "billing/entries_table.html" if request.htmx else "billing/entries.html"  # type: ignore[attr-defined]
    return render(request, template, context)


@require_GET
@role_required(*MONEY)
def entry(request: HttpRequest, entry_id: UUID) -> HttpResponse:
    """One entry: its lines, the prices that held, its corrections, and where it happened."""
    tenant: Tenant = request.tenant  # type: ignore[attr-defined]
    found = entry_of(tenant, entry_id)
    if found is None:
        raise Http404
    revisions = revisions_of(found)
    context = {
        "section": "billing",
        "tab": "entries",
        "row": rows_named([found])[0],
        "entry": found,
        "lines": entry_lines(found),
        "revisions": revisions,
        "net": sum((one.total_known for one in revisions), Decimal()),
        "conflicts": found.conflicts.all(),
        "invoiced": invoice_of(found),
    }
    return render(request, "billing/entry.html", context)


def entry_filters(values: dict[str, Any], period: Period, line: InvoiceLine | None) -> EntryFilters:
    """The filters of the address. A line of an invoice brings its own: what came late lies outside of its month."""
    agent = values.get("agent")
    narrowed = Narrowed(
        since=None if line else period.since,
        until=None if line else period.until,
        source_type=values.get("source", ""),
        channel=values.get("channel", ""),
        agent_id=UUID(agent) if agent else None,
    )
    everywhere = bool(line or values.get("q"))
    return EntryFilters(
        starts=None if everywhere else period.starts,
        ends=None if everywhere else period.ends,
        narrowed=narrowed,
        component=values.get("component", ""),
        unpriced=bool(values.get("unpriced")),
        line=line.pk if line else None,
        source_id=values.get("q", "").strip(),
    )


def line_of(tenant: Tenant, line_id: UUID | None) -> InvoiceLine | None:
    """A line of one of this tenant's invoices. Raises Http404 for any other one."""
    if line_id is None:
        return None
    line = InvoiceLine.objects.filter(pk=line_id, invoice__tenant=tenant).select_related("invoice").first()
    if line is None:
        raise Http404
    return line


def invoice_of(entry: LedgerEntry) -> Invoice | None:
    """The invoice that an entry is on; None while it waits for the next one."""
    return entry.invoiced.invoice if hasattr(entry, "invoiced") else None


def rows_named(rows: Sequence[LedgerEntry]) -> list[dict[str, Any]]:
    """Entries with the words and links that their neighbours give."""
    agents = names_of(row.agent_id for row in rows if row.agent_id)
    calls = links_of("call", (row.call_id for row in rows))
    chats = links_of("conversation", (row.conversation_id for row in rows if not row.call_id))
    links = calls | chats
    return [
        {
            "entry": row,
            "what": row.get_source_type_display(),
            "agent": agents.get(row.agent_id, _("A former agent")) if row.agent_id else "",
            "channel": channel_name(row.channel) if row.channel else "",
            "link": _linked(links, row),
        }
        for row in rows
    ]


def _linked(links: dict[UUID, Link], row: LedgerEntry) -> Link | None:
    place = row.call_id or row.conversation_id
    return links.get(place) if place else None


def _page(request: HttpRequest, tenant: Tenant, filters: EntryFilters, sort: str) -> KeysetPage[LedgerEntry]:
    if entries_none(tenant, filters):
        return KeysetPage([])
    return keyset_page(
        entries_listed(tenant, filters),
        ORDERS[sort.lstrip("-")],
        descending=sort.startswith("-"),
        before=request.GET.get("before", ""),
        after=request.GET.get("after", ""),
        size=SIZE,
    )


def _without_marks(request: HttpRequest) -> Any:
    address = request.GET.copy()
    for mark in ("before", "after"):
        address.pop(mark, None)
    return address


def _totals(total: Mapping[str, Spent] | None, rows: Sequence[LedgerEntry]) -> list[Total]:
    """Over everything that matches; over the page alone where a filter makes that a long read. Each currency by itself."""
    if not rows:
        return []
    if total is None:
        sums = sums_of((row.currency, row.total_known) for row in rows)
        return _row_of(_("This page"), ", ".join(unit_money(amount, currency) for currency, amount in sorted(sums.items())))
    count = sum(spent.entries for spent in total.values())
    return _row_of(_("All %(count)s") % {"count": f"{count:,}"}, moneys({name: spent.total for name, spent in total.items()}))


def _row_of(counted: str, amount: str) -> list[Total]:
    return [Total(counted), Total(), Total(), Total(), Total(amount, _("Amount"), numeric=True)]
