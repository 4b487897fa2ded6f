"""What stands of a company in billing's shared tables goes into its export: every charge, and every invoice."""

from django.db import models

from apps.billing.models import BillingProfile, Invoice, InvoiceLine, LedgerEntry, SpendLimit
from apps.tenants.exports import export_tables_register
from apps.tenants.models import Tenant


def exports_know() -> None:
    """Registers it."""
    export_tables_register("billing", _billing)


def _billing(tenant: Tenant) -> "list[tuple[str, models.QuerySet[models.Model]]]":
    own = [BillingProfile, Invoice, LedgerEntry, SpendLimit]
    tables = [(model._meta.db_table, model._base_manager.filter(tenant=tenant)) for model in own]
    return [*tables, (InvoiceLine._meta.db_table, InvoiceLine._base_manager.filter(invoice__tenant=tenant))]
