"""What should be true of one company's invoices, credits, credit notes and payments, here and at Stripe, in plain dataclasses."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from tests.billing.machine_truth import Truth, cents

ZERO = Decimal(0)


@dataclass(eq=False)
class Grant:
    """A credit of the platform; `paper` left it over, or was voided with credit notes on it."""

    amount: Decimal
    left: Decimal
    paper: Paper | None = None


@dataclass(eq=False)
class Note:
    """A credit note. `after` is what of it had been paid: when it was made, and once Stripe heard of it, by then."""

    key: str
    amount: Decimal
    after: Decimal
    told: bool = False


@dataclass(eq=False)
class Part:
    """A bank transfer: what of it the invoice counts, and whether Stripe was asked to, it was taken back, its surplus went."""

    key: str
    amount: Decimal
    applied: Decimal
    day: date
    asked: bool = False
    undone: bool = False
    gone: bool = False


@dataclass(eq=False)
class Paper:
    """An invoice. `there` is its state at Stripe, where `remaining` is open and `paid_there` is paid; `paid` is known here."""

    month: date
    charges: dict[str, Decimal]
    subtotal: Decimal
    credits: Decimal
    uses: list[tuple[Grant, Decimal]]
    id: UUID | None = None
    balance: Decimal = ZERO
    state: str = "open"
    there: str = "open"
    remaining: Decimal = ZERO
    paid_there: Decimal = ZERO
    paid: Decimal = ZERO
    notes: list[Note] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)

    @property
    def total(self) -> Decimal:
        return self.subtotal - self.credits

    @property
    def credited(self) -> Decimal:
        return sum((note.amount for note in self.notes), ZERO)

    @property
    def owed(self) -> Decimal:
        return max(self.total - self.paid - self.credited - self.balance, ZERO)

    @property
    def counted(self) -> list[Part]:
        return [part for part in self.parts if not part.undone]

    @property
    def unheard(self) -> bool:
        """Paid at Stripe, which nobody told."""
        return self.there == "paid" and self.state == "open"

    @property
    def creditable(self) -> Decimal:
        """What a credit note may take back: of an open one nothing that the bank brought."""
        if self.state not in ("open", "paid"):
            return ZERO
        banked = sum((part.applied for part in self.counted if not part.asked), ZERO) if self.state == "open" else ZERO
        return max(self.total - self.credited - banked, ZERO)

    def surplus(self, part: Part) -> Decimal:
        above = part.amount if self.state == "void" else part.amount - part.applied
        return ZERO if part.undone or part.gone else above

    def waits(self) -> bool:
        """Whether a note from before the payment is on its way to Stripe, which has to hear of it first."""
        return any(not note.told and note.after < note.amount for note in self.notes)

    def hear(self) -> None:
        """What Stripe says is taken over."""
        banked = sum((part.applied for part in self.counted if not part.asked), ZERO)
        self.paid = max(self.paid, self.paid_there, min(self.paid_there + banked, self.total - self.balance))
        if self.there == "paid" and self.state == "open":
            self.state = "paid"

    def pay_there(self) -> None:
        self.paid_there, self.remaining, self.there = self.paid_there + self.remaining, ZERO, "paid"

    def settle(self) -> None:
        """With nothing left it is paid, where the bank brought a part of it."""
        if self.counted and self.state in ("open", "paid"):
            self.state = "open" if self.owed else "paid"


@dataclass
class Papers:
    """All of them, with the company's credits here and `balance`, its credit at Stripe."""

    papers: list[Paper] = field(default_factory=list)
    grants: list[Grant] = field(default_factory=list)
    balance: Decimal = ZERO

    def count(self, month: date) -> Paper | None:
        """The invoice of a month that counts."""
        return next((one for one in self.papers if one.month == month and one.state != "void"), None)

    def alive(self) -> list[Paper]:
        return [one for one in self.papers if one.state != "void"]

    def charged(self, work: str) -> Decimal:
        return sum((one.charges.get(work, ZERO) for one in self.alive()), ZERO)

    def draw(self, truth: Truth, month: date, end: datetime) -> Paper | None:
        """What a run makes of everything before the month's end that is on no invoice; None where it costs nothing."""
        charges, groups = {}, defaultdict[tuple[str, str, str], Decimal](Decimal)
        for work in truth.billed():
            if work.began < end:
                charges[work.id] = truth.now_costs(work) - self.charged(work.id)
                groups[work.source, work.agent, work.channel] += charges[work.id]
        if not any(groups.values()):
            return None
        paper = Paper(month, charges, cents(sum(charges.values(), ZERO)), ZERO, [])
        self._credit(paper)
        self._send(paper)
        self.papers.append(paper)
        return paper

    def _credit(self, paper: Paper) -> None:
        """The oldest credit first; what comes out below 0 is one."""
        if paper.subtotal < 0:
            self.grants.append(Grant(-paper.subtotal, -paper.subtotal, paper))
            paper.credits = paper.subtotal
            return
        for grant in self.grants:
            taken = min(grant.left, paper.total)
            if taken > 0:
                grant.left -= taken
                paper.credits += taken
                paper.uses.append((grant, taken))

    def _send(self, paper: Paper) -> None:
        if not paper.total:
            paper.state, paper.there = "paid", ""  # settled here, without Stripe
            return
        paper.balance = min(paper.total, self.balance)
        self.balance -= paper.balance
        paper.remaining = paper.total - paper.balance
        if not paper.remaining:
            paper.there = paper.state = "paid"

    def voidable(self, paper: Paper) -> bool:
        """Not what was paid, nor what left over a credit that is used."""
        carried = next((grant for grant in self.grants if grant.paper is paper), None)
        return not (paper.state == "paid" and paper.total) and (carried is None or carried.left == carried.amount)

    def void(self, paper: Paper) -> None:
        """Its usage and credits are open again; what was taken back of it is not charged again."""
        self.grants = [grant for grant in self.grants if grant.paper is not paper]
        for grant, taken in paper.uses:
            grant.left += taken
        if paper.credited and paper.total:
            self.grants.append(Grant(paper.credited, paper.credited, paper))
        paper.uses, paper.charges, paper.state = [], {}, "void"

    def note(self, paper: Paper, key: str, amount: Decimal) -> None:
        paper.notes.append(Note(key, amount, max(amount - paper.owed, ZERO)))
        paper.settle()

    def note_told(self, paper: Paper, note: Note) -> bool:
        """Stripe hears of it, and of the payment first where it was of what was paid; False where it has to wait."""
        if paper.state == "void":
            return True  # it became a credit here
        if note.after and paper.counted and paper.state == "paid" and not all(part.asked for part in paper.counted):
            if paper.waits():
                return False
            self.parts_told(paper)
        open_there = paper.remaining if paper.there == "open" else ZERO
        note.told, note.after = True, max(note.amount - open_there, ZERO)
        paper.remaining -= note.amount - note.after
        self.balance += note.after
        if paper.there == "open" and not paper.remaining:
            paper.there = "paid"
        paper.hear()
        return True

    def parts_told(self, paper: Paper) -> None:
        for part in paper.counted:
            part.asked = True
        paper.pay_there()
        paper.hear()

    def receivables(self) -> Decimal:
        """What the journal has to leave open over all months."""
        return sum((self._receivable(one) for one in self.alive() if one.there), ZERO)

    def _receivable(self, paper: Paper) -> Decimal:
        banked = sum((part.applied for part in paper.counted), ZERO)
        taken = sum((note.amount - note.after for note in paper.notes), ZERO)
        stripe = paper.paid - banked if paper.state == "paid" else ZERO
        return paper.total - paper.balance - taken - banked - stripe

    def surpluses(self) -> Decimal:
        return sum((paper.surplus(part) for paper in self.papers for part in paper.parts), ZERO)


def by_key(papers: Iterable[Paper]) -> dict[str, tuple[Paper, Note]]:
    """Credit notes by the key that they were asked for with."""
    return {note.key: (paper, note) for paper in papers for note in paper.notes}
