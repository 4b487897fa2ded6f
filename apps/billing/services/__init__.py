"""Every write of billing: the ledger, price books, and what is made of them."""

from apps.billing.services.beside import call_beside_bill
from apps.billing.services.corrections import conflict_accept, entry_correct
from apps.billing.services.ledger import (
    BillResult,
    ReportConflict,
    ReportInvalid,
    call_bill,
    conflict_resolve,
    entry_write,
    report_check,
)
from apps.billing.services.metering import usage_charge, usage_enqueue, usage_record
from apps.billing.services.prices import (
    override_end,
    override_set,
    price_book_copy,
    price_book_create,
    price_book_seed,
    prices_check,
)
from apps.billing.services.rerate import RerateReport, entries_rerate, past_price_decide, past_price_from_book

__all__ = [
    "BillResult",
    "ReportConflict",
    "ReportInvalid",
    "RerateReport",
    "call_beside_bill",
    "call_bill",
    "conflict_accept",
    "conflict_resolve",
    "entries_rerate",
    "entry_correct",
    "entry_write",
    "override_end",
    "override_set",
    "past_price_decide",
    "past_price_from_book",
    "price_book_copy",
    "price_book_create",
    "price_book_seed",
    "prices_check",
    "report_check",
    "usage_charge",
    "usage_enqueue",
    "usage_record",
]
