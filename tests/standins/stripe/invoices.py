"""An invoice's life: draft, finalized, paid, void, uncollectible; credit notes, customer balance, payments, disputes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.standins.stripe.state import State
from tests.standins.stripe.wire import Json, StripeProblem, integer, required, truth

MOST_ITEMS = 250


class Invoices:
    """Everything about invoices. `tax_rate` is what automatic tax adds; `cards` says whether a customer's card is good."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.tax_rate = Decimal(0)
        self.cards: dict[str, str] = {}
        self._number = 0

    def create(self, params: Json) -> Json:
        customer = self.state.get("customer", required(params, "customer"))
        if params.get("collection_method") == "send_invoice" and not (params.get("days_until_due") or params.get("due_date")):
            raise StripeProblem(400, "If invoices are sent, due_date or days_until_due has to be given.", param="days_until_due")
        row = self.state.make(
            "invoice",
            customer=customer["id"],
            currency=str(params.get("currency", "usd")).lower(),
            status="draft",
            collection_method=params.get("collection_method", "charge_automatically"),
            auto_advance=truth(params.get("auto_advance", "false")),
            automatic_tax={"enabled": truth(params.get("automatic_tax", {}).get("enabled", "false"))},
            description=params.get("description"),
            metadata=params.get("metadata") or {},
            number=None,
            hosted_invoice_url=None,
            invoice_pdf=None,
            attempt_count=0,
            attempted=False,
            amount_paid=0,
            pre_payment_credit_notes_amount=0,
            post_payment_credit_notes_amount=0,
            due_date=self._due(params),
            last_finalization_error=None,
            status_transitions=dict.fromkeys(("finalized_at", "marked_uncollectible_at", "paid_at", "voided_at")),
            starting_balance=0,
            ending_balance=None,
        )
        if params.get("pending_invoice_items_behavior", "exclude") == "include":
            for item in self.state.rows("invoiceitem", customer=customer["id"]):
                item["invoice"] = item["invoice"] or row["id"]
        self.count(row)
        self.state.tell("invoice.created", row)
        return row

    def _due(self, params: Json) -> int | None:
        if params.get("due_date"):
            return integer(params, "due_date")
        return int(self.state.clock()) + 86_400 * integer(params, "days_until_due") if params.get("days_until_due") else None

    def item_create(self, params: Json) -> Json:
        customer = self.state.get("customer", required(params, "customer"))
        amount, currency = integer(params, "amount"), required(params, "currency").lower()
        invoice = self.state.get("invoice", params["invoice"]) if params.get("invoice") else None
        if invoice is not None:
            self._takes(invoice, customer["id"], currency)
        item = self.state.make(
            "invoiceitem",
            customer=customer["id"],
            invoice=invoice["id"] if invoice else None,
            amount=amount,
            currency=currency,
            description=params.get("description"),
            metadata=params.get("metadata") or {},
            period=params.get("period"),
        )
        if invoice is not None:
            self.count(invoice)
        return item

    def _takes(self, invoice: Json, customer: str, currency: str) -> None:
        if invoice["status"] != "draft":
            raise StripeProblem(400, "This invoice is no longer editable", code="invoice_not_editable")
        if invoice["customer"] != customer:
            raise StripeProblem(400, "The invoice belongs to another customer.", param="invoice")
        if invoice["currency"] != currency:
            raise StripeProblem(400, f"The currency of the invoice is {invoice['currency']}.", param="currency")
        if len(self.state.rows("invoiceitem", invoice=invoice["id"])) >= MOST_ITEMS:
            raise StripeProblem(400, "An invoice has at most 250 items.", code="invoice_too_many_items")

    def count(self, row: Json) -> Json:
        """Adds a draft up."""
        items = self.state.rows("invoiceitem", invoice=row["id"])
        subtotal = sum(item["amount"] for item in items)
        tax = int((subtotal * self.tax_rate).to_integral_value()) if row["automatic_tax"]["enabled"] else 0
        row |= {"subtotal": subtotal, "total_excluding_tax": subtotal, "total": subtotal + tax}
        row |= {"total_taxes": [{"amount": tax}] if tax else [], "amount_due": max(0, subtotal + tax)}
        row["amount_remaining"] = row["amount_due"]
        return row

    def finalize(self, key: str, params: Json) -> Json:
        row = self.state.get("invoice", key)
        if row["status"] != "draft":
            raise StripeProblem(400, "This invoice is already finalized, you can't re-finalize a non-draft invoice.")
        self.count(row)
        self._number += 1
        customer = self.state.get("customer", row["customer"])
        row |= {"status": "open", "number": f"PRETEND-{self._number:04d}", "auto_advance": truth(params.get("auto_advance"))}
        row["hosted_invoice_url"] = f"https://invoice.stripe.test/i/{key}"
        row["invoice_pdf"] = f"https://pay.stripe.test/invoice/{key}/pdf"
        row["status_transitions"]["finalized_at"] = int(self.state.clock())
        self._balance(row, customer)
        self.state.tell("invoice.finalized", row)
        if row["amount_remaining"] == 0:
            self._paid(row)
        return row

    def _balance(self, row: Json, customer: Json) -> None:
        """A customer's balance below 0 is credit; an invoice below 0 becomes credit."""
        row["starting_balance"] = customer["balance"]
        if row["total"] < 0:
            customer["balance"] += row["total"]
        else:
            used = min(row["total"], max(0, -customer["balance"]))
            customer["balance"] += used
            row["amount_due"] = row["amount_remaining"] = row["total"] - used
        row["ending_balance"] = customer["balance"]

    def _paid(self, row: Json) -> None:
        row |= {"status": "paid", "amount_paid": row["amount_paid"] + row["amount_remaining"], "amount_remaining": 0}
        row["status_transitions"]["paid_at"] = int(self.state.clock())
        self.state.tell("invoice.paid", row)

    def pay(self, key: str, params: Json) -> Json:
        """Charges the card; a bad one is Stripe's 402."""
        row = self._open(key, "paid")
        row |= {"attempt_count": row["attempt_count"] + 1, "attempted": True}
        intent = self.state.make("payment_intent", customer=row["customer"], last_payment_error=None, status="succeeded")
        self.state.make(
            "invoice_payment", invoice=key, payment={"type": "payment_intent", "payment_intent": intent["id"]}, status="open"
        )
        if not truth(params.get("paid_out_of_band", "false")) and self.cards.get(row["customer"]) == "declined":
            error = {"message": "Your card was declined.", "code": "card_declined"}
            intent |= {"status": "requires_payment_method", "last_payment_error": error}
            self.state.tell("invoice.payment_failed", row)
            raise StripeProblem(402, "Your card was declined.", code="card_declined", kind="card_error")
        self.state.rows("invoice_payment", invoice=key)[-1]["status"] = "paid"
        self._paid(row)
        return row

    def void(self, key: str) -> Json:
        return self._ended(key, "void", "voided_at", "invoice.voided")

    def mark_uncollectible(self, key: str) -> Json:
        return self._ended(key, "uncollectible", "marked_uncollectible_at", "invoice.marked_uncollectible")

    def send(self, key: str) -> Json:
        row = self._open(key, "sent")
        if row["collection_method"] != "send_invoice":
            raise StripeProblem(400, "You can only manually send an invoice if its collection method is set to 'send_invoice'.")
        self.state.tell("invoice.sent", row)
        return row

    def _ended(self, key: str, status: str, stamp: str, event: str) -> Json:
        row = self._open(key, status)
        row["status"] = status
        row["status_transitions"][stamp] = int(self.state.clock())
        self.state.tell(event, row)
        return row

    def _open(self, key: str, verb: str) -> Json:
        row = self.state.get("invoice", key)
        if row["status"] not in (("open",) if verb in ("uncollectible", "sent") else ("open", "uncollectible")):
            raise StripeProblem(400, f"An invoice that is {row['status']} cannot be {verb}.", code="invoice_not_open")
        return row

    def delete(self, key: str) -> Json:
        row = self.state.get("invoice", key)
        if row["status"] != "draft":
            raise StripeProblem(400, "You can only delete draft invoices.")
        del self.state.tables["invoice"][key]
        for item in self.state.rows("invoiceitem", invoice=key):
            del self.state.tables["invoiceitem"][item["id"]]
        return {"id": key, "object": "invoice", "deleted": True}

    def shown(self, row: Json) -> Json:
        """With its lines and payments, as an answer has it."""
        items = self.state.rows("invoiceitem", invoice=row["id"])
        lines = [{"id": f"il_{item['id']}", "object": "line_item", "amount": item["amount"]} for item in items]
        payments = [self._payment(payment) for payment in self.state.rows("invoice_payment", invoice=row["id"])]
        return {
            **row,
            "lines": {
                "object": "list",
                "data": lines[:10],
                "has_more": len(lines) > 10,
                "url": f"/v1/invoices/{row['id']}/lines",
            },
            "payments": {"object": "list", "data": payments, "has_more": False, "url": "/v1/invoice_payments"},
        }

    def _payment(self, payment: Json) -> Json:
        intent = self.state.get("payment_intent", payment["payment"]["payment_intent"])
        return {**payment, "payment": {"type": "payment_intent", "payment_intent": intent}}

    def credit_note(self, params: Json) -> Json:
        row = self.state.get("invoice", required(params, "invoice"))
        amount = integer(params, "amount")
        if row["status"] not in ("open", "paid") or amount <= 0:
            raise StripeProblem(400, f"An invoice that is {row['status']} takes no credit note of {amount}.", param="invoice")
        already = row["pre_payment_credit_notes_amount"] + row["post_payment_credit_notes_amount"]
        if amount + already > row["total"]:
            raise StripeProblem(400, "The sum of credit notes would be more than the invoice's total.", param="amount")
        after = amount if row["status"] == "paid" else max(0, amount - row["amount_remaining"])
        self._split(params, after)
        note = self.state.make(
            "credit_note",
            invoice=row["id"],
            customer=row["customer"],
            amount=amount,
            total=amount,
            currency=row["currency"],
            memo=params.get("memo"),
            reason=params.get("reason"),
            metadata=params.get("metadata") or {},
            number=f"{row['number']}-CN-{len(self.state.rows('credit_note', invoice=row['id'])) + 1:02d}",
            status="issued",
            voided_at=None,
            pre_payment_amount=amount - after,
            post_payment_amount=after,
        )
        note["pdf"] = f"https://pay.stripe.test/credit_notes/{note['id']}/pdf"
        self._credited(row, amount - after, after)
        self.state.tell("credit_note.created", note)
        return note

    def credit_note_void(self, key: str) -> Json:
        """As somebody does it at Stripe by hand, which is for invoices that are open."""
        note = self.state.get("credit_note", key)
        row = self.state.get("invoice", note["invoice"])
        if row["status"] != "open" or note["status"] == "void":
            raise StripeProblem(400, "You can only void a credit note of an open invoice, once.")
        note |= {"status": "void", "voided_at": int(self.state.clock())}
        row["pre_payment_credit_notes_amount"] -= note["amount"]
        row["amount_remaining"] += note["amount"]
        self.state.tell("credit_note.voided", note)
        return note

    def pay_part(self, key: str, amount: int) -> Json:
        """A bank transfer that is less than what is due: the invoice stays open."""
        row = self._open(key, "paid")
        row |= {"amount_paid": row["amount_paid"] + amount, "amount_remaining": row["amount_remaining"] - amount}
        intent = self.state.make("payment_intent", customer=row["customer"], last_payment_error=None, status="succeeded")
        payment = self.state.make(
            "invoice_payment", invoice=key, payment={"type": "payment_intent", "payment_intent": intent["id"]}, status="paid"
        )
        self.state.tell("invoice_payment.paid", payment)
        return payment

    def ask_to_confirm(self, key: str) -> Json:
        """The card is good, and its bank wants its holder to confirm the payment."""
        row = self._open(key, "paid")
        row |= {"attempt_count": row["attempt_count"] + 1, "attempted": True}
        intent = self.state.make("payment_intent", customer=row["customer"], last_payment_error=None, status="requires_action")
        self.state.make(
            "invoice_payment", invoice=key, payment={"type": "payment_intent", "payment_intent": intent["id"]}, status="open"
        )
        self.state.tell("invoice.payment_action_required", row)
        return row

    def _split(self, params: Json, after_payment: int) -> None:
        given = sum(integer(params, name, 0) for name in ("credit_amount", "refund_amount", "out_of_band_amount"))
        if given != after_payment:
            raise StripeProblem(
                400,
                f"The sum of credit amount, refund amount and out of band amount ({given}) must equal the post-payment "
                f"credit note amount ({after_payment}).",
            )

    def _credited(self, row: Json, before: int, after: int) -> None:
        """`before` lowers what is open, `after` was paid and becomes credit of the customer."""
        row["pre_payment_credit_notes_amount"] += before
        row["post_payment_credit_notes_amount"] += after
        self.state.get("customer", row["customer"])["balance"] -= after
        row["amount_remaining"] -= before
        if row["status"] == "open" and row["amount_remaining"] == 0:
            self._paid(row)

    def dispute(self, key: str) -> Json:
        """The bank takes the payment of an invoice back, for now."""
        payment = self.state.rows("invoice_payment", invoice=key, status="paid")[-1]
        intent = payment["payment"]["payment_intent"]
        row = self.state.make(
            "dispute", payment_intent=intent, charge="ch_pretend", status="needs_response", reason="fraudulent", currency="usd"
        )
        row["amount"] = self.state.get("invoice", key)["total"]
        self.state.tell("charge.dispute.created", row)
        return row

    def dispute_close(self, key: str, status: str) -> Json:
        row = self.state.get("dispute", key)
        row["status"] = status
        self.state.tell("charge.dispute.closed", row)
        return row

    def payments(self, params: Json) -> list[Json]:
        payment: Any = params.get("payment", {})
        intent = payment.get("payment_intent")
        rows = self.state.rows("invoice_payment", invoice=params.get("invoice"))
        return [row for row in rows if intent in (None, row["payment"]["payment_intent"])]
