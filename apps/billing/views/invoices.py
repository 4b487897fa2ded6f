"""The invoices: the list, one with its lines, and the way to Stripe's page for cards and receipts."""

from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext_lazy
from django.views.decorators.http import require_GET, require_POST

from apps.billing.models import BillingProfile, Invoice, InvoiceLine, Meter, Part, SourceType, Unit
from apps.billing.selectors.transfers import transfers_counted
from apps.billing.services.stripe_customers import portal_url
from apps.billing.standings import due_of, problem_told, standing_of, steps_of
from apps.billing.stripe_api import stripe_configured
from apps.core.errors import MeridianError
from apps.tenants.access import MONEY, role_required
from apps.tenants.models import Tenant

SIZE = 24
MINUTES = ngettext_lazy("%(count)s minute", "%(count)s minutes", "n")
CALLS = ngettext_lazy("%(count)s call", "%(count)s calls", "n")
ANSWERS = ngettext_lazy("%(count)s answer", "%(count)s answers", "n")
MESSAGES = ngettext_lazy("%(count)s message", "%(count)s messages", "n")
# A line's unit (of the price book, of a plan, of a fee) and its source in words: one, and several.
COUNTED: dict[str, Any] = {
    Unit.MINUTE: MINUTES,
    Unit.TURN: ANSWERS,
    Unit.MESSAGE: MESSAGES,
    Unit.RUN: ngettext_lazy("%(count)s run", "%(count)s runs", "n"),
    Unit.CALL: CALLS,
    Unit.SECOND: ngettext_lazy("%(count)s second", "%(count)s seconds", "n"),
    Meter.CALL_MINUTES: MINUTES,
    Meter.AI_TURNS: ANSWERS,
    Meter.MESSAGES: MESSAGES,
    "month": ngettext_lazy("%(count)s month", "%(count)s months", "n"),
    "seat": ngettext_lazy("%(count)s seat", "%(count)s seats", "n"),
}
BEHIND: dict[str, Any] = {
    SourceType.CALL: CALLS,
    SourceType.TURN: ANSWERS,
    SourceType.MESSAGE: MESSAGES,
    SourceType.TRANSCRIPT: ngettext_lazy("%(count)s voice note", "%(count)s voice notes", "n"),
    SourceType.SUMMARY: ngettext_lazy("%(count)s summary", "%(count)s summaries", "n"),
}
ANYTHING = ngettext_lazy("%(count)s record", "%(count)s records", "n")


@require_GET
@role_required(*MONEY)
def invoices(request: HttpRequest) -> HttpResponse:
    """The newest first, with how each stands."""
    tenant: Tenant = request.tenant  # type: ignore[attr-defined]
    page = Paginator(Invoice.objects.filter(tenant=tenant).prefetch_related("transfers"), SIZE).get_page(request.GET.get("page"))
    rows = [{"invoice": one, "standing": standing_of(one), "due": due_of(one)} for one in page]
    context = {"section": "billing", "tab": "invoices", "page": page, "rows": rows, "stripe": stripe_configured()}
    return render(request, "billing/invoices.html", context)


@require_GET
@role_required(*MONEY)
def invoice(request: HttpRequest, invoice_id: UUID) -> HttpResponse:
    """One invoice; each line of usage leads to its entries."""
    tenant: Tenant = request.tenant  # type: ignore[attr-defined]
    found = Invoice.objects.filter(tenant=tenant, pk=invoice_id).prefetch_related("credit_notes", "lines", "credit_uses").first()
    if found is None:
        raise Http404
    context = {
        "section": "billing",
        "tab": "invoices",
        "invoice": found,
        "standing": standing_of(found),
        "steps": steps_of(found),
        "due": due_of(found),
        "pays_at_stripe": bool(due_of(found) and found.hosted_url) and not transfers_counted(found).exists(),
        "lines": lines_named([line for line in found.lines.all() if line.kind != InvoiceLine.Kind.CREDIT]),
        "credits": [line for line in found.lines.all() if line.kind == InvoiceLine.Kind.CREDIT],
        "profile": BillingProfile.objects.filter(tenant=tenant).first(),
    }
    return render(request, "billing/invoice.html", context)


@require_POST
@role_required(*MONEY)
def portal(request: HttpRequest) -> HttpResponse:
    """Leads to Stripe's page, where cards are changed and receipts are found; says why where that does not work."""
    tenant: Tenant = request.tenant  # type: ignore[attr-defined]
    back = reverse("billing-invoices")
    try:
        return redirect(portal_url(tenant=tenant, return_url=request.build_absolute_uri(back)))
    except MeridianError as error:
        messages.error(request, _("The payment page cannot be opened now. %(why)s") % {"why": problem_told(str(error))})
        return redirect(back)


def lines_named(lines: list[InvoiceLine]) -> list[dict[str, Any]]:
    """Lines with their quantity in words, how many things are behind them, and the parts of their amount."""
    return [
        {"line": line, "quantity": quantity_words(line), "behind": behind_words(line), "parts": parts_of(line)} for line in lines
    ]


def quantity_words(line: InvoiceLine) -> str:
    """Such as 1,204.50 minutes; empty where nothing is counted."""
    if line.quantity is None or not line.unit:
        return ""
    written = number_format(line.quantity, 0 if line.quantity == int(line.quantity) else 2, force_grouping=True)
    words = COUNTED.get(line.unit)
    if words is None:
        return f"{written} × {Unit(line.unit).label if line.unit in Unit.values else line.unit}"
    return str(words % {"n": 1 if line.quantity == 1 else 2, "count": written})


def behind_words(line: InvoiceLine) -> str:
    """What a line of usage adds up, such as 33 calls; empty for fees and what plans cover."""
    words = BEHIND.get(line.source_type, ANYTHING)
    if not line.entries:
        return ""
    return str(words % {"n": line.entries, "count": number_format(line.entries, force_grouping=True)})


def parts_of(line: InvoiceLine) -> list[tuple[str, Any]]:
    """The parts of a line's amount, where its details tell them."""
    parts = line.details.get("parts") or {}
    found = []
    for part, amount in parts.items() if isinstance(parts, dict) else ():
        try:
            found.append((str(Part(part).label), Decimal(str(amount))))
        except (ValueError, InvalidOperation):
            continue
    return [(label, amount) for label, amount in found if amount]
