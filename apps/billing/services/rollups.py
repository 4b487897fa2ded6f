"""Folds new rows of the ledger into the slots that finance's pages add up."""

from django.db import connection, transaction

AT_ONCE = 20_000
PARTS = ("transport", "stt", "llm", "tts", "messages", "platform")
KEYS = "tenant_id, starts_at, source_type, channel, agent_id, currency"
SUMS = ("entries", "sources", "duration", *PARTS, "total_known")

SLOTTED = f"""
SELECT tenant_id, date_bin('15 minutes', started_at, TIMESTAMPTZ '2000-01-01 00:00+00') AS starts_at, source_type, channel,
  agent_id, currency, count(*) AS entries, count(*) FILTER (WHERE revision = 0) AS sources, sum(duration) AS duration,
  {", ".join(f"coalesce(sum({part}), 0) AS {part}" for part in PARTS)}, sum(total_known) AS total_known
FROM billing_ledgerentry"""  # noqa: S608  names of columns
FOLD = f"""
WITH taken AS (
  DELETE FROM billing_spendpending WHERE entry_id IN (
    SELECT entry_id FROM billing_spendpending ORDER BY entry_id LIMIT %s FOR UPDATE SKIP LOCKED)
  RETURNING entry_id),
folded AS (
  INSERT INTO billing_spendslot AS slot ({KEYS}, {", ".join(SUMS)})
  {SLOTTED} WHERE id IN (SELECT entry_id FROM taken) GROUP BY {KEYS} ORDER BY {KEYS}
  ON CONFLICT ({KEYS}) DO UPDATE SET {", ".join(f"{name} = slot.{name} + EXCLUDED.{name}" for name in SUMS)})
SELECT count(*) FROM taken"""  # noqa: S608  names of columns


def spend_fold(*, at_once: int = AT_ONCE) -> int:
    """Adds what waits to the slots, a batch in a transaction; how many rows it were. Several may run at once."""
    done = 0
    while count := _fold(at_once):
        done += count
    return done


@transaction.atomic
def _fold(at_once: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(FOLD, [at_once])
        return int(cursor.fetchone()[0])
