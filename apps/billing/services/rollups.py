"""Folds new rows of the ledger into the days that finance's pages add up."""

from django.db import connection, transaction

from apps.billing.models import Part, SpendDay
from apps.tenants.models import Tenant

AT_ONCE = 20_000
LOCK = 7_203_411  # pg_advisory_xact_lock: one process at a time moves rows
PARTS = tuple(Part.values)
KEYS = "tenant_id, zone, day, source_type, channel, agent_id, currency"
SUMS = ("entries", "sources", "duration", *PARTS, "total_known")

ADD = f"""
  INSERT INTO billing_spendday AS kept ({KEYS}, {", ".join(SUMS)})
  SELECT entry.tenant_id, tenant.timezone, (entry.started_at AT TIME ZONE tenant.timezone)::date,
    entry.source_type, entry.channel, entry.agent_id, entry.currency,
    count(*), count(*) FILTER (WHERE entry.revision = 0), sum(entry.duration),
    {", ".join(f"coalesce(sum(entry.{part}), 0)" for part in PARTS)}, sum(entry.total_known)
  FROM billing_ledgerentry entry JOIN tenants_tenant tenant ON tenant.id = entry.tenant_id
  WHERE {{which}} GROUP BY 1, 2, 3, 4, 5, 6, 7
  ON CONFLICT ({KEYS}) DO UPDATE SET {", ".join(f"{name} = kept.{name} + EXCLUDED.{name}" for name in SUMS)}"""  # noqa: S608
# One statement sees one moment: what is added here is exactly what no longer waits.
FOLD = f"""
WITH taken AS (DELETE FROM billing_spendpending
    WHERE entry_id IN (SELECT entry_id FROM billing_spendpending ORDER BY entry_id LIMIT %s) RETURNING entry_id),
  added AS ({ADD.format(which="entry.id IN (SELECT entry_id FROM taken)")})
SELECT count(*) FROM taken"""  # noqa: S608
REZONE = f"""
WITH taken AS (DELETE FROM billing_spendpending waiting USING billing_ledgerentry entry
    WHERE entry.id = waiting.entry_id AND entry.tenant_id = %s)
{ADD.format(which="entry.tenant_id = %s")}"""  # noqa: S608


def spend_fold(*, at_once: int = AT_ONCE) -> int:
    """Adds what waits to the days, a batch in a transaction; how many rows it were. Until then pages read the ledger itself."""
    done = 0
    while count := _fold(at_once):
        done += count
    return done


def spend_rezone() -> int:
    """Counts the days anew of every tenant whose time zone has changed; how many tenants they were."""
    moved = SpendDay.objects.raw(
        "SELECT DISTINCT ON (day.tenant_id) day.* FROM billing_spendday day"
        " JOIN tenants_tenant tenant ON tenant.id = day.tenant_id WHERE day.zone <> tenant.timezone"
    )
    tenants = [row.tenant for row in moved]
    for tenant in tenants:
        _rezone(tenant)
    return len(tenants)


@transaction.atomic
def _fold(at_once: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        cursor.execute(FOLD, [at_once])
        return int(cursor.fetchone()[0])


@transaction.atomic
def _rezone(tenant: Tenant) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        cursor.execute("DELETE FROM billing_spendday WHERE tenant_id = %s", [tenant.pk])
        cursor.execute(REZONE, [tenant.pk, tenant.pk])
