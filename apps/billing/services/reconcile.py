"""Ledger, invoices and Stripe side by side: what differs, in sentences that say what to do.

Nothing is changed but with `fix_safe`, and then only what Stripe knows better: states, amounts, links and credit notes.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from apps.billing import stripe_calls
from apps.billing.models import Invoice, Reconciliation
from apps.billing.rounding import from_minor_units
from apps.billing.selectors.reconcile import Found, ledger_differences
from apps.billing.selectors.transfers import applied_sum, transfers_counted, transfers_untold, transfers_wait
from apps.billing.services.stripe_events import credit_note_refresh, invoice_refresh
from apps.billing.services.stripe_states import STATES
from apps.billing.services.stripe_sync import INVOICE_MARK
from apps.billing.stripe_api import StripeMissing, stripe_configured
from apps.core.errors import Ignored, MeridianError

Json = dict[str, Any]
OLDEST = timedelta(days=100)  # of the daily comparison; what is open is compared however old it is
EARLIER = timedelta(days=3)  # Stripe's invoices are listed from before ours were made
State = Invoice.State


@dataclass(frozen=True)
class Difference:
    """One thing that differs. `sentence` says what, `todo` what to do; `fixed` when it was taken over."""

    tenant: str
    invoice: str
    sentence: str
    todo: str
    fixed: bool = False

    def __str__(self) -> str:
        mark = "Taken over: " if self.fixed else ""
        return f"{mark}{self.sentence} {'' if self.fixed else self.todo}".strip()


@dataclass(frozen=True)
class Report:
    """What a comparison found. `open` are the differences that somebody has to do something about."""

    differences: list[Difference]
    invoices: int
    with_stripe: bool
    problem: str = ""

    @property
    def open(self) -> list[Difference]:
        return [one for one in self.differences if not one.fixed]


def reconcile(*, month: date | None = None, fix_safe: bool = False) -> Report:
    """Compares a month, or all that is open and the last 100 days, and keeps the result as a Reconciliation.

    An outage of Stripe does not raise: what was found until then is kept, and `problem` says why it is not all.
    """
    record = Reconciliation.objects.create(month=month, with_stripe=stripe_configured())
    invoices = list(_invoices(month))
    found = [_difference(one) for one in ledger_differences(invoices, month)]
    problem = ""
    if stripe_configured():
        try:
            found += _stripe_differences(invoices, fix_safe)
        except MeridianError as error:
            problem = f"Stripe could not be compared to the end: {error}"
    else:
        found += [_unsent(invoice) for invoice in invoices if invoice.state == State.DRAFT]
    report = Report(found, len(invoices), stripe_configured(), problem)
    record.differences, record.problem = [asdict(one) for one in found], problem[:500]
    record.invoices, record.finished_at = len(invoices), timezone.now()
    record.save()
    return report


def _invoices(month: date | None) -> Any:
    rows = Invoice.objects.select_related("tenant").order_by("tenant", "month")
    if month is not None:
        return rows.filter(month=month.replace(day=1))
    recent = Q(created_at__gte=timezone.now() - OLDEST)
    return rows.filter(recent | Q(state__in=(State.DRAFT, State.OPEN, State.UNCOLLECTIBLE)))


def _difference(found: Found) -> Difference:
    return Difference(found.tenant, found.invoice, found.sentence, found.todo)


def _unsent(invoice: Invoice) -> Difference:
    return _of(invoice, "is a draft, because Stripe is not configured here.", "Set STRIPE_SECRET_KEY and send it.")


def _of(invoice: Invoice, what: str, todo: str, *, fixed: bool = False) -> Difference:
    return Difference(
        invoice.tenant.schema_name, invoice.number, f"{invoice.number} of {invoice.tenant.name} {what}", todo, fixed
    )


def _stripe_differences(invoices: list[Invoice], fix_safe: bool) -> list[Difference]:
    there = _there(invoices)
    found: list[Difference] = []
    for invoice in invoices:
        found += _compare(invoice, there.pop(invoice.stripe_id, None), fix_safe)
    return found + list(_strangers(there.values()))


def _there(invoices: list[Invoice]) -> dict[str, Json]:
    """Stripe's invoices by id: those listed since the first of ours was made, with older ones fetched one by one."""
    moments = [invoice.created_at for invoice in invoices if invoice.created_at >= timezone.now() - OLDEST * 4]
    since = min(moments, default=timezone.now() - OLDEST) - EARLIER
    listed = {row["id"]: row for row in stripe_calls.invoices_since(since) if INVOICE_MARK in (row["metadata"] or {})}
    for invoice in invoices:
        if invoice.stripe_id and invoice.stripe_id not in listed:
            row = _fetched(invoice.stripe_id)
            listed |= {row["id"]: row} if row else {}
    return listed


def _fetched(stripe_id: str) -> Json | None:
    try:
        return stripe_calls.invoice_get(stripe_id)
    except StripeMissing:
        return None


def _compare(invoice: Invoice, row: Json | None, fix_safe: bool) -> list[Difference]:
    if not invoice.stripe_id:
        return _not_there(invoice)
    if row is None:
        what = f"is {invoice.stripe_id} at Stripe, and Stripe does not have it."
        return [_of(invoice, what, "Was the key changed from test to live? Void the invoice here and make it anew.")]
    if row["status"] == "draft":
        return _drafted(invoice)
    whats = list(_whats(invoice, row))
    if not whats:
        return []
    fixed = fix_safe and _take_over(invoice)
    left = list(_whats(invoice, row)) if fixed else whats
    todo = "Run stripe_reconcile --fix-safe to take over what Stripe says."
    if invoice.state == State.VOID and row["status"] != "void":
        todo = "Void it at Stripe, or refund it there if it was paid: what was on it is invoiced anew here."
    done = [_of(invoice, what, "", fixed=True) for what in whats if what not in left]
    return done + [_of(invoice, what, todo) for what in left]


def _not_there(invoice: Invoice) -> list[Difference]:
    if invoice.state == State.DRAFT and invoice.send_again_at is None:
        why = f": {invoice.problem}" if invoice.problem else "."
        return [_of(invoice, f"is a draft that was not sent{why}", "Send it, or void it.")]
    if invoice.state in (State.OPEN, State.UNCOLLECTIBLE):
        return [_of(invoice, f"is {invoice.state} here and not at Stripe.", "Void it and make it anew.")]
    return []  # settled here at 0, void, or sending goes on by itself


def _drafted(invoice: Invoice) -> list[Difference]:
    if invoice.state == State.VOID:
        return [_of(invoice, "is void here and a draft at Stripe.", f"Delete the draft {invoice.stripe_id} at Stripe.")]
    if invoice.send_again_at is not None:
        return []
    why = f": {invoice.problem}" if invoice.problem else "."
    return [_of(invoice, f"is still a draft at Stripe{why}", "Mend what it says, and send it again.")]


def _whats(invoice: Invoice, row: Json) -> Iterator[str]:
    """What differs between an invoice and Stripe's, each as the end of a sentence."""
    waits = transfers_wait(invoice) and row["status"] in ("open", "uncollectible")
    if STATES.get(row["status"]) != invoice.state and not waits:
        yield f"is {invoice.state} here and {row['status']} at Stripe."
    notes = (row.get("pre_payment_credit_notes_amount") or 0) + (row.get("post_payment_credit_notes_amount") or 0)
    pairs = [
        ("comes to", invoice.total, row["total"]),
        ("has credit notes of", invoice.credited, notes),
    ]
    if not transfers_counted(invoice).exists():  # Stripe's sum may leave out what did not come through it
        pairs.insert(1, ("has paid", invoice.paid, row["amount_paid"]))
    if invoice.state == State.OPEN and row["status"] == "open":
        pairs.append(("leaves open", invoice.owed + applied_sum(transfers_untold(invoice)), row["amount_remaining"]))
    for words, ours, units in pairs:
        theirs = from_minor_units(units, invoice.currency)
        if ours != theirs:
            yield f"{words} {ours.normalize():f} {invoice.currency} here and {theirs.normalize():f} at Stripe."
    if row["currency"].upper() != invoice.currency:
        yield f"is in {invoice.currency} here and in {row['currency'].upper()} at Stripe."


def _take_over(invoice: Invoice) -> bool:
    """Fetches it anew with its credit notes; what Stripe cannot know better stays."""
    try:
        for note in stripe_calls.credit_notes_of(invoice.stripe_id):
            with suppress(Ignored):  # one that was made and voided there
                credit_note_refresh(stripe_id=note["id"])
        invoice_refresh(stripe_id=invoice.stripe_id)
    except StripeMissing:
        return False
    invoice.refresh_from_db()
    return True


def _strangers(rows: Iterable[Json]) -> Iterator[Difference]:
    """Stripe's invoices with our mark that no invoice here is."""
    for row in rows:
        mark = row["metadata"][INVOICE_MARK]
        ours = Invoice.objects.select_related("tenant").filter(pk=mark).first() if _is_uuid(mark) else None
        if (ours is not None and ours.stripe_id == row["id"]) or row["status"] == "void":
            continue
        amount = f"{from_minor_units(row['total'], row['currency'].upper()).normalize():f} {row['currency'].upper()}"
        if ours is None:
            sentence = f"Stripe has {row['id']} over {amount} with Meridian's mark, and there is no such invoice here."
        else:
            sentence = f"Stripe has {row['id']} over {amount} beside {ours.stripe_id or 'none'} for {ours.number}."
        verb = "Delete" if row["status"] == "draft" else "Void or refund"
        name = ours.tenant.schema_name if ours else str(row["metadata"].get("meridian_tenant", ""))
        yield Difference(name, ours.number if ours else "", sentence, f"{verb} it at Stripe.")


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
