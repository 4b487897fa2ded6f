"""Billing's tables. All lie in the public schema, and every row carries its tenant."""

from apps.billing.models.collection import DunningReminder, Reconciliation
from apps.billing.models.invoices import OWED, Credit, CreditNote, CreditUse, Invoice, InvoicedEntry, InvoiceLine, OpenEntry
from apps.billing.models.ledger import BillingConflict, LedgerEntry
from apps.billing.models.limits import SpendHold, SpendLimit, SpendWindow
from apps.billing.models.money import KIND_PARTS, Kind, Meter, Part, SourceType, Unit, money
from apps.billing.models.payments import BankTransfer
from apps.billing.models.plans import BillingProfile, Plan, PlanInclusion, Subscription
from apps.billing.models.prices import PastPrice, Price, PriceBook, PriceOverride, PriceTier
from apps.billing.models.rollups import SpendDay, SpendPending
from apps.billing.models.staff import StaffAct

__all__ = [
    "KIND_PARTS",
    "OWED",
    "BankTransfer",
    "BillingConflict",
    "BillingProfile",
    "Credit",
    "CreditNote",
    "CreditUse",
    "DunningReminder",
    "Invoice",
    "InvoiceLine",
    "InvoicedEntry",
    "Kind",
    "LedgerEntry",
    "Meter",
    "OpenEntry",
    "Part",
    "PastPrice",
    "Plan",
    "PlanInclusion",
    "Price",
    "PriceBook",
    "PriceOverride",
    "PriceTier",
    "Reconciliation",
    "SourceType",
    "SpendDay",
    "SpendHold",
    "SpendLimit",
    "SpendPending",
    "SpendWindow",
    "StaffAct",
    "Subscription",
    "Unit",
    "money",
]
