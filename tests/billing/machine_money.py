"""The money of the machine's company: invoices, credits, credit notes, voiding, payments at Stripe and to the bank, outages."""

from collections import Counter
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from apps.billing.closing import books_closed
from apps.billing.models import BankTransfer, CreditNote, Invoice
from apps.billing.months import month_before, month_bounds
from apps.billing.selectors.staff.journal import journal_postings
from apps.billing.services.credits import CreditRefused, credit_grant, credit_note_create
from apps.billing.services.invoice_runs import Outcome, invoices_run
from apps.billing.services.invoices import invoice_void
from apps.billing.services.reconcile import reconcile
from apps.billing.services.staff.invoices import invoice_take_back
from apps.billing.services.stripe_events import invoice_refresh
from apps.billing.services.stripe_queue import CREDIT_NOTE, WITHDRAW
from apps.billing.services.transfers import surplus_end, transfer_note, transfer_undo
from apps.billing.services.transfers_stripe import transfers_tell
from apps.core.errors import PermanentError
from apps.core.models import OutboundEffect
from apps.core.outbox import outbox_send
from tests.billing.machine import CLOCK, START, STRIPE, ZERO, ZONES, AtWork, contents
from tests.billing.machine_checks import Seen, look
from tests.billing.machine_papers import Grant, Paper, Papers, Part, by_key
from tests.billing.machine_truth import AGENTS, Content
from tests.standins.stripe import Fault

CENT = Decimal("0.01")
BY = "root@meridian.test"
faults = st.lists(
    st.tuples(
        st.sampled_from(["POST /v1/invoices.*", "POST /v1/invoiceitems", "POST /v1/customers", "GET /v1/invoices.*"]),
        st.sampled_from(["500", "500_after", "drop", "drop_after", "429"]),
        st.integers(0, 2),
    ),
    max_size=3,
)
note_faults = st.sampled_from(["", "", "500", "500_after", "drop", "drop_after", "429"])


class Money(AtWork):
    """Months end, and what was charged is asked for, paid, taken back."""

    def __init__(self) -> None:
        super().__init__()
        self.papers = Papers()

    @rule(cent=st.integers(1, 40))
    def credit(self, cent: int) -> None:
        amount = Decimal(cent) / 100
        credit_grant(tenant=self.tenant, amount=amount, currency="USD", reason="Sorry", by=BY)
        self.papers.grants.append(Grant(amount, amount))

    @rule(broken=faults)
    def invoice_run(self, broken: list[tuple[str, Any, int]]) -> None:
        """The month before, through a Stripe that fails here and there; then again, when it works."""
        month = month_before(CLOCK.now.date())
        end = month_bounds(month, self.tenant.timezone)[1]
        known, over = self.papers.count(month), end <= CLOCK.now
        stripe = STRIPE[0]
        stripe.faults = [Fault(call, kind, times=3, skip=skip) for call, kind, skip in broken]
        first = invoices_run(month=month, tenants=[self.tenant])
        stripe.faults = []
        if first.rows[0].outcome in (Outcome.LATER, Outcome.FAILED):
            CLOCK.now += timedelta(minutes=6)
            again = invoices_run(month=month, tenants=[self.tenant])
            assert again.rows[0].outcome in (Outcome.SENT, Outcome.UNCHANGED), (first.rows, again.rows)
        if known is None and over:
            made = self.papers.draw(self.truth, month, end)
            assert (first.rows[0].outcome == Outcome.NOTHING) == (made is None), first.rows
            if made is not None:
                self._complete(made)

    def _complete(self, paper: Paper) -> None:
        """Stripe has the invoice once, with the same total."""
        row = Invoice.objects.exclude(state="void").get(tenant=self.tenant, month=paper.month)
        paper.id = row.pk
        table = STRIPE[0].state.tables["invoice"].values()
        there = [one for one in table if one["metadata"].get("meridian_invoice") == str(row.pk) and one["status"] != "void"]
        totals = [(row.stripe_id, int(paper.total * 100))] if paper.total else []
        assert [(one["id"], one["total"]) for one in there] == totals
        assert row.sent_at or not paper.total, "its customer was given it"

    # Invoices are voided.

    @precondition(lambda self: self.papers.alive())
    @rule(data=st.data())
    def void(self, data: Any) -> None:
        """Here, and Stripe hears of it later; only where nobody paid there meanwhile, whom that would charge twice."""
        paper = self._draw(data, [one for one in self.papers.alive() if not one.unheard])
        if paper is None:
            return
        if not self.papers.voidable(paper):
            with pytest.raises(PermanentError):
                invoice_void(invoice=self._row(paper))
            return
        invoice_void(invoice=self._row(paper))
        self.papers.void(paper)

    @precondition(lambda self: self.papers.alive())
    @rule(data=st.data())
    def taken_back_by_staff(self, data: Any) -> None:
        """Stripe is asked first, which knows whether it is paid."""
        paper = self._draw(data, self.papers.alive())
        if paper.state == "open" and paper.there == "open":
            invoice_take_back(invoice=self._row(paper), reason="It was wrong.", by=BY)
            self.papers.void(paper)
            paper.there = "void"
            return
        with pytest.raises(PermanentError):
            invoice_take_back(invoice=self._row(paper), reason="It was wrong.", by=BY)
        if paper.unheard:
            paper.hear()

    # Credit notes.

    @precondition(lambda self: self.papers.alive())
    @rule(data=st.data(), share=st.sampled_from(["all", "cent", "half", "more"]))
    def credit_note(self, data: Any, share: str) -> None:
        """Of the whole invoice or a part, open or paid; asked for twice with one key; never more than is left."""
        paper = self._draw(data, self.papers.papers)
        left, key = paper.creditable, self._id()
        amount = {"all": left, "cent": CENT, "half": _half(left), "more": left + CENT}[share]
        if not 0 < amount <= left:
            with pytest.raises(CreditRefused):
                self._note(paper, amount, key)
            return
        made = self._note(paper, amount, key)
        self.papers.note(paper, key, amount)
        assert self._note(paper, amount, key).pk == made.pk
        with pytest.raises(CreditRefused):
            self._note(paper, amount + CENT, key)

    def _note(self, paper: Paper, amount: Decimal, key: str) -> CreditNote:
        return credit_note_create(invoice=self._row(paper), amount=amount, reason="The line was bad.", by=BY, key=key)

    @precondition(lambda self: self.papers.papers)
    @rule(data=st.data(), broken=note_faults)
    def stripe_hears(self, data: Any, broken: Any) -> None:
        """One of the things that are to be done at Stripe is, in whatever order, through an outage or not."""
        kinds, states = (CREDIT_NOTE, WITHDRAW), ("pending", "processing")
        due = OutboundEffect.objects.filter(kind__in=kinds, state__in=states, available_at__lte=CLOCK.now).order_by("pk")
        effect = self._draw(data, list(due))
        if effect is None:
            return
        STRIPE[0].faults = [Fault("POST /v1/(credit_notes|invoices).*", broken, times=2)] if broken else []
        outbox_send(str(effect.pk))
        STRIPE[0].faults = []
        effect.refresh_from_db()
        if effect.state in states and broken:
            CLOCK.now += timedelta(minutes=6)
            self.time_passes_by()
            outbox_send(str(effect.pk))
            effect.refresh_from_db()
        self._heard(effect)

    def _heard(self, effect: OutboundEffect) -> None:
        if effect.kind == WITHDRAW:
            paper = next(one for one in self.papers.papers if str(one.id) == effect.payload["invoice"])
            paper.there = "void"
            assert effect.state == "done", effect.note
            return
        key = CreditNote.objects.get(pk=effect.payload["credit_note"]).key
        paper, note = by_key(self.papers.papers)[key]
        told = self.papers.note_told(paper, note)
        expected = "ignored" if paper.state == "void" else "done" if told else "pending"
        assert effect.state == expected, effect.note

    # Payments.

    @precondition(lambda self: self._payable())
    @rule(data=st.data(), heard=st.integers(0, 2))
    def paid_at_stripe(self, data: Any, heard: int) -> None:
        """Its webhook comes, comes twice, or gets lost. What the bank brought a part of is not paid there as well."""
        paper = self._draw(data, self._payable())
        stripe_id = self._row(paper).stripe_id
        STRIPE[0].invoices.pay(stripe_id, {})
        paper.pay_there()
        for _ in range(heard):
            assert invoice_refresh(stripe_id=stripe_id).state == "paid"
            paper.hear()

    def _payable(self) -> list[Paper]:
        return [one for one in self.papers.papers if one.state == one.there == "open" and not one.counted]

    @precondition(lambda self: self.papers.papers)
    @rule()
    def night(self) -> None:
        """The comparison hears of what no webhook told, and finds nothing else amiss than what is still on its way."""
        report = reconcile(fix_safe=True)
        assert not report.problem
        for paper in self.papers.alive():
            if paper.there:
                paper.hear()
        for one in report.open:
            assert any(words in one.sentence for words in ("credit notes of", "leaves open", "came above", "is void here")), one
        surpluses = sum("came above" in one.sentence for one in report.open)
        assert surpluses == sum(paper.surplus(part) > 0 for paper in self.papers.papers for part in paper.parts)

    @precondition(lambda self: self.papers.alive())
    @rule(data=st.data(), share=st.sampled_from(["all", "all", "half", "more"]))
    def paid_to_the_bank(self, data: Any, share: str) -> None:
        """All that is left or a part; what is above it is kept. The same form twice is one transfer."""
        paper = self._draw(data, [one for one in self.papers.alive() if one.total])
        if paper is None:
            return
        key = self._id()
        if paper.unheard and paper.owed:  # Stripe is asked only for what is to be paid here
            paper.hear()
        if paper.state != "open" or not paper.owed:
            with pytest.raises(PermanentError):
                self._transfer(paper, paper.total, key)
            return
        owed = paper.owed
        amount = {"all": owed, "half": max(_half(owed), CENT), "more": owed + CENT}[share]
        if share == "more":
            with pytest.raises(PermanentError):
                self._transfer(paper, amount, key)
        made = self._transfer(paper, amount, key, more=share == "more")
        assert self._transfer(paper, amount, key, more=True).pk == made.pk
        paper.parts.append(Part(key, amount, min(amount, owed), CLOCK.now.date()))
        paper.paid += min(amount, owed)
        paper.settle()

    def _transfer(self, paper: Paper, amount: Decimal, key: str, *, more: bool = False) -> BankTransfer:
        values: dict[str, Any] = {"reference": "ACME", "by": BY, "key": key, "more": more}
        return transfer_note(invoice=self._row(paper), amount=amount, received_on=CLOCK.now.date(), **values)

    @precondition(lambda self: self._parts())
    @rule(data=st.data())
    def transfer_taken_back(self, data: Any) -> None:
        paper, part = self._draw(data, self._parts())
        row = BankTransfer.objects.select_related("invoice__tenant").get(key=part.key)
        final = books_closed(part.day) or part.asked or part.gone or any(note.after for note in paper.notes)
        if final:
            with pytest.raises(PermanentError):
                transfer_undo(transfer=row, reason="It was for another one.", by=BY)
            return
        transfer_undo(transfer=row, reason="It was for another one.", by=BY)
        part.undone = True
        paper.paid = max(paper.paid - part.applied, ZERO)
        if paper.state != "void":
            paper.state = "open" if paper.owed else paper.state
            paper.hear()

    @precondition(lambda self: any(paper.surplus(part) for paper, part in self._parts()))
    @rule(data=st.data())
    def surplus_goes(self, data: Any) -> None:
        _paper, part = self._draw(data, [(paper, part) for paper, part in self._parts() if paper.surplus(part)])
        surplus_end(transfer=BankTransfer.objects.get(key=part.key), reason="Sent back.", by=BY)
        part.gone = True

    def _parts(self) -> list[tuple[Paper, Part]]:
        return [(paper, part) for paper in self.papers.papers for part in paper.counted]

    @precondition(lambda self: self._parts())
    @rule()
    def books_close(self) -> None:
        """Stripe hears of what transfers paid, once no note from before them is on its way there."""
        due = [
            one
            for one in self.papers.papers
            if one.state == "paid" and one.counted and not all(part.asked for part in one.counted) and not one.waits()
            and all(books_closed(part.day) for part in one.counted)
        ]  # fmt: skip
        assert transfers_tell() == len(due)
        for paper in due:
            self.papers.parts_told(paper)

    # What is true after every step.

    def known(self) -> Any:
        return self.truth, self.papers

    def compare(self, found: Seen) -> None:
        super().compare(found)
        self._entries(found)
        self._invoices(found)
        self._credits(found)
        self._notes_and_parts(found)

    def _entries(self, found: Seen) -> None:
        """Every entry is on one invoice or none, and which one is known."""
        charges: dict[UUID, dict[str, Decimal]] = {}
        for invoice, source, amount in found.charges:
            charges.setdefault(invoice, {})[source] = amount
        assert charges == {one.id: one.charges for one in self.papers.alive()}

    def _invoices(self, found: Seen) -> None:
        """Each to the cent, as a row and as the sum of its lines."""
        assert {row[0]: row[1:] for row in found.invoices} == {
            one.id: (one.state, one.subtotal, one.credits, one.total, one.credited, one.balance, one.paid, ZERO)
            for one in self.papers.papers
        }
        lines = {row[0]: row[1:] for row in found.lines}
        for one in self.papers.alive():
            exact = sum(one.charges.values(), ZERO)
            assert lines[one.id] == (one.total, one.subtotal, exact)

    def _credits(self, found: Seen) -> None:
        """Here what is left of each, and at Stripe the customer's balance."""
        assert Counter(found.credits) == Counter(
            (grant.amount, grant.left, grant.paper and grant.paper.id) for grant in self.papers.grants
        )
        customers = STRIPE[0].state.rows("customer")
        assert sum(row["balance"] for row in customers) == int(-self.papers.balance * 100)

    def _notes_and_parts(self, found: Seen) -> None:
        papers = self.papers.papers
        notes = {(one.id, note.key, note.amount, note.after) for one in papers for note in one.notes}
        assert set(found.notes) == notes
        parts = {
            (one.id, part.key, part.amount, part.applied, part.undone, part.asked, part.gone)
            for one in papers
            for part in one.parts
        }
        assert set(found.parts) == parts

    def ends(self) -> None:
        """The journal of all months is in balance, document by document, and leaves open what is open."""
        self.compare(look(self.tenant.pk))
        if not self.papers.papers:
            return
        documents, accounts = Counter[Any](), Counter[str]()
        month = START.date().replace(day=1)  # nothing was made final before
        while month <= CLOCK.now.date():
            for row in journal_postings(month):
                documents[month, row.event, row.document] += row.debit - row.credit
                accounts[row.account] += row.debit - row.credit
            month = month_bounds(month, "UTC")[1].date()
        assert not any(documents.values())
        assert accounts["receivables"] == self.papers.receivables()
        assert accounts["overpayments"] == -self.papers.surpluses()
        assert accounts["unexplained"] == 0

    def _row(self, paper: Paper) -> Invoice:
        return Invoice.objects.select_related("tenant").get(pk=paper.id)

    def _draw(self, data: Any, found: list[Any]) -> Any:
        """One of these, by its place, which stays the same when a history is run again; None where there is none."""
        return found[data.draw(st.integers(0, len(found) - 1))] if found else None


class Collected(Money):
    """Histories that begin with an invoice that was sent: of what random ones come to seldom."""

    @initialize(zone=st.sampled_from(ZONES), happened=contents, again=contents)
    def begin(self, zone: str, happened: Content, again: Content) -> None:
        super().begin(zone=zone)
        for content in (happened, again):
            self.join(agent=AGENTS[0], channel="sip", happened=content)
        self.sweep()
        self.time_passes(minutes=60 * 26 * 2)
        self.invoice_run(broken=[])


def _half(amount: Decimal) -> Decimal:
    return Decimal(int(amount * 50)) / 100
