"""Locks in Postgres that last until the transaction's end, so that a process that dies holds none."""

from django.db import connection

from apps.tenants.models import Tenant

TENANT, INVOICE_NUMBER, NOTE_NUMBER = 74_001, 74_002, 74_003  # this application's own numbers for advisory locks


def tenant_money_lock(tenant: Tenant) -> None:
    """One at a time changes a tenant's plan or makes its invoice."""
    lock(TENANT, tenant.pk)


def lock(kind: int, number: int = 0) -> None:
    """Waits for it. Raises RuntimeError outside of a transaction, where it would be gone at once."""
    if not connection.in_atomic_block:
        raise RuntimeError("A lock needs a transaction to last in.")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [kind, number])
