"""Exports of a tenant's ledger, as CSV and Parquet: rows a second and peak memory; and how fast finance's pages read.

`python -m bench.billing_export [rows]`: a year's, in the order in which they happened, as large as a call's. Memory is that of a
process that only streams.
"""

import json
import sys

from bench.product import data_folder, web_side
from bench.table import show

FILL = """
from django.db import connection
USAGE = '[{"kind": "stt", "provider": "deepgram", "model": "nova-3", "audio_duration": 40.2}]'
LINES = '''[{"kind": "transport", "provider": "livekit", "model": "webrtc", "amount": "0.001023",
  "quantities": {"seconds": "61.4"}},
 {"kind": "stt", "provider": "deepgram", "model": "nova-3", "quantities": {"seconds": "40.2"}, "amount": "0.005159"},
 {"kind": "llm", "provider": "openai", "model": "gpt-4o-mini", "amount": "0.000207",
  "quantities": {"input_tokens": "900", "cached_tokens": "0", "output_tokens": "120"}},
 {"kind": "tts", "provider": "elevenlabs", "model": "eleven_flash_v2_5", "amount": "0.015500",
  "quantities": {"characters": "310"}},
 {"kind": "platform", "provider": "meridian", "model": "call", "amount": "0.010233",
  "quantities": {"seconds": "61.4"}}]'''
SQL = '''
INSERT INTO billing_ledgerentry (id, tenant_id, source_type, source_id, revision, call_id, agent_id, channel, started_at,
  ended_at, duration, ended_reason, transcript_ref, usage, lines, transport, stt, llm, tts, messages, platform, total,
  total_known, provider_cost, currency, unpriced, price_book_id, source, content_hash, created_at, reason, by)
SELECT gen_random_uuid(), tenant.id, CASE WHEN row.r < 0.8 THEN 'call' ELSE 'turn' END, gen_random_uuid()::text, 0,
  CASE WHEN row.r < 0.8 THEN gen_random_uuid() END, ('0198c0de-0000-7000-8000-00000000000' || (row.number %% 9))::uuid,
  CASE WHEN row.r < 0.4 THEN 'sip' WHEN row.r < 0.8 THEN 'webrtc' ELSE 'whatsapp' END, row.at, row.at + interval '61.4 s', 61.4,
  'caller_hangup', '', %s::jsonb, %s::jsonb, 0.001023, 0.005159, 0.000207, 0.0155, 0, 0.010233, 0.032122, 0.032122, 0.021, 'USD',
  '[]', book.id, 'report', repeat('a', 64), row.at, '', ''
FROM (SELECT number, random() AS r, now() - ({count} - number) * interval '365 days' / {count} AS at
    FROM generate_series(%s, %s) AS number) AS row,
  (SELECT id FROM tenants_tenant WHERE schema_name = 'acme') AS tenant, (SELECT id FROM billing_pricebook LIMIT 1) AS book
'''
from apps.billing.services.rollups import spend_fold
with connection.cursor() as cursor:
    for start in range(0, {count}, 100_000):
        cursor.execute(SQL, [USAGE, LINES, start, min(start + 100_000, {count}) - 1])
    spend_fold()
    for table in ("billing_ledgerentry", "billing_spendday", "billing_spendpending"):
        cursor.execute("VACUUM ANALYZE " + table)
print("done")
"""
STREAM = """
import json, resource, time
from apps.billing.exports import SHEETS, export_stream
from apps.billing.periods import period_of
from apps.tenants.models import Tenant
tenant = Tenant.objects.get(schema_name="acme")
period = period_of("UTC", "custom", __import__("datetime").date(2020, 1, 1))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
began, size, first = time.perf_counter(), 0, None
for piece in export_stream(SHEETS["entries"], tenant, period, "{shape}"):
    first = first or time.perf_counter() - began
    size += len(piece)
took = time.perf_counter() - began
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([took, first, size / 1e6, before / 1024, after / 1024]))
"""
PAGES = """
import json, time
from django.db import connection, reset_queries
from django.test import Client
from apps.tenants.models import User
client = Client(headers={"host": "acme.localhost"})
client.force_login(User.objects.get(email="alice@acme.test"))
found = []
for path in {paths}:
    took = []
    for _ in range(6):
        began = time.perf_counter()
        answer = client.get(path)
        assert answer.status_code == 200, (path, answer.status_code)
        took.append(time.perf_counter() - began)
    found.append([path, sorted(took[1:])[2] * 1000, max(took[1:]) * 1000])
print(json.dumps(found))
"""
PATHS = [
    "/billing/",
    "/billing/?period=90&by=agent",
    "/billing/?since=2020-01-01&by=component",
    "/billing/usage/",
    "/billing/usage/?since=2020-01-01",
    "/billing/usage/?since=2020-01-01&channel=whatsapp",
    "/billing/usage/?since=2020-01-01&sort=-cost",
    "/billing/usage/?since=2020-01-01&unpriced=1",
    "/billing/usage/?since=2020-01-01&component=messages",
]


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with data_folder() as folder, web_side(folder) as side:
        side.python(FILL.replace("{count}", str(count)))
        pages = json.loads(side.python(PAGES.replace("{paths}", repr(PATHS))))
        rows = []
        for shape in ("csv", "parquet"):
            took, first, size, before, after = json.loads(side.python(STREAM.replace("{shape}", shape)))
            rows.append([shape, f"{count / took:,.0f}", took, first * 1000, size, before, after])
    show(f"Finance's pages at {count:,} ledger rows of one tenant", ["page", "median ms", "slowest ms"], pages)
    head = ["file", "rows/s", "seconds", "first piece ms", "MB", "memory before MB", "peak memory MB"]
    show(f"Export of {count:,} ledger rows", head, rows)


if __name__ == "__main__":
    main()
