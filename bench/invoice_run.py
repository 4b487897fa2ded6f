"""The monthly invoice run: seconds for all tenants, milliseconds and statements for each, made first and made anew.

`python -m bench.invoice_run [tenants] [entries of each]`. Half of the entries are calls, the others answers and messages; every
tenant has a plan with included quantities, three agents and a volume price. Tenants are rows of public tables; nothing is sent.
"""

import json
import sys

from bench.figures import percentile
from bench.product import data_folder, web_side
from bench.table import show

# Ledger rows as metering writes them: calls with five lines, answers and messages with one.
ENTRIES = """
INSERT INTO billing_ledgerentry (id, tenant_id, source_type, source_id, revision, agent_id, channel, started_at, ended_at,
    duration, ended_reason, transcript_ref, usage, lines, transport, stt, llm, tts, messages, platform, total, total_known,
    provider_cost, currency, unpriced, price_book_id, source, content_hash, reason, by, created_at)
SELECT gen_random_uuid(), t.id, kind, gen_random_uuid()::text, 0, ('0198c0de-0000-7000-8000-00000000000' || (n %% 3))::uuid,
    CASE kind WHEN 'call' THEN (ARRAY['sip', 'webrtc'])[1 + n / 2 %% 2] ELSE 'whatsapp' END,
    moment, moment + make_interval(secs => seconds), CASE kind WHEN 'call' THEN seconds ELSE 0 END, '', '', '[]',
    CASE kind WHEN 'call' THEN jsonb_build_array(
        line('transport', 'livekit', 'sip', 'seconds', seconds, 0.011),
        line('stt', 'deepgram', 'nova-3', 'seconds', seconds, 0.016),
        line('llm', 'openai', 'gpt-4o-mini', 'input_tokens', 4000, 0.0006),
        line('tts', 'elevenlabs', 'eleven_flash_v2_5', 'characters', 900, 0.045),
        line('platform', 'meridian', 'call', 'seconds', seconds, 0.02))
    ELSE jsonb_build_array(line('llm', 'openai', 'gpt-4o-mini', 'input_tokens', 900, 0.0926)) END,
    0.011, 0.016, 0.0006, 0.045, 0, 0.02, 0.0926, 0.0926, 0.07, 'USD', '[]', %s, 'meter', '', '', '', moment
FROM generate_series(1, %s) n CROSS JOIN tenants_tenant t
CROSS JOIN LATERAL (SELECT CASE WHEN n %% 2 = 0 THEN 'call' WHEN n %% 5 = 0 THEN 'message' ELSE 'turn' END AS kind,
    timestamptz '2026-06-01' + random() * interval '29 days' AS moment, (20 + random() * 400)::numeric(14, 1) AS seconds) AS x
WHERE t.schema_name LIKE 'bench%%'
"""
LINE = """
CREATE FUNCTION pg_temp.line(text, text, text, text, numeric, numeric) RETURNS jsonb LANGUAGE sql AS $$
SELECT jsonb_build_object(
    'kind', $1, 'provider', $2, 'model', $3, 'quantities', jsonb_build_object($4, $5::text), 'amount', $6::text
) $$
"""
MAKE = """
import json, time
from datetime import date
from django.db import connection
from apps.billing.models import Plan, PriceBook, PriceTier, Subscription
from apps.tenants.models import Tenant
from bench.invoice_run import ENTRIES, LINE

plan, book = Plan.objects.get(code="team"), PriceBook.objects.order_by("version")[0]
price = book.prices.get(kind="stt", provider="deepgram", model="nova-3")
PriceTier.objects.create(price=price, above=500, unit_price="0.006")
tenants = [Tenant(schema_name=f"bench{n}", name=f"Bench {n}", timezone="Europe/Berlin") for n in range(TENANTS)]
Tenant.objects.bulk_create(tenants)
Subscription.objects.bulk_create([Subscription(tenant=t, plan=plan, seats=7, started_on=date(2026, 1, 1)) for t in tenants])
began = time.perf_counter()
with connection.cursor() as cursor:
    cursor.execute(LINE)
    cursor.execute(ENTRIES.replace("line(", "pg_temp.line("), [book.pk, EACH])
    rows = cursor.rowcount
    cursor.execute("ANALYZE")
print(json.dumps([rows, time.perf_counter() - began]))
"""
RUN = """
import json, time
from datetime import date
from django.db import connection
from apps.billing.models import Invoice, InvoicedEntry
from apps.billing.services.invoice_runs import invoices_run

counted, each = [0], []
def count(execute, sql, params, many, context):
    counted[0] += 1
    return execute(sql, params, many, context)

last = [time.perf_counter()]
def tell(row):
    each.append(time.perf_counter() - last[0])
    last[0] = time.perf_counter()

began = time.perf_counter()
with connection.execute_wrapper(count):
    report = invoices_run(month=date(2026, 6, 1), tell=tell)
print(json.dumps({
    "seconds": time.perf_counter() - began, "statements": counted[0], "each": each, "failed": len(report.failed),
    "invoices": Invoice.objects.count(), "entries": InvoicedEntry.objects.count(),
}))
"""


def main() -> None:
    tenants = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    entries = int(sys.argv[2]) if len(sys.argv) > 2 else 2000
    with data_folder() as folder, web_side(folder, seed=False) as side:
        rows, seconds = json.loads(side.python(f"TENANTS, EACH = {tenants}, {entries}\n{MAKE}"))
        table = [row_of(name, json.loads(side.python(RUN))) for name in ("made first", "made anew")]
    title = f"The invoice run: {tenants} tenants, {rows:,} ledger entries (written in {seconds:.0f} s)"
    show(title, ["run", "seconds", "ms a tenant p50", "p99", "statements a tenant", "invoices", "entries", "failed"], table)


def row_of(name: str, found: dict[str, object]) -> list[object]:
    each = [float(value) * 1000 for value in found["each"]]  # type: ignore[attr-defined]
    statements = float(found["statements"]) / max(1, len(each))  # type: ignore[arg-type]
    counts = [found["invoices"], found["entries"], found["failed"]]
    return [name, found["seconds"], percentile(each, 50), percentile(each, 99), statements, *counts]


if __name__ == "__main__":
    main()
