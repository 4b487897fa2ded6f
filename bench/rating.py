"""Rating: usage rows a second, in memory and from the ledger, as a preview or a re-rating of a month does.

`python -m bench.rating [usage rows]`. A call has six of them, like its ledger entry has lines; a million by default. The ledger's
rows are generated in a database of its own, for 20 tenants.
"""

import json
import sys

from bench.product import data_folder, web_side
from bench.table import show

LINES = 6  # of a call: transport, speech to text, two models, text to speech, platform
TENANTS = 20
MEMORY = """
import json, time
from apps.billing.costs import cost_of
from apps.billing.models import PriceBook
from apps.billing.payloads import CallReport
from apps.billing.selectors.preview import lines_rated
from apps.billing.selectors.prices import rates_of
from tests.billing.factories import USAGE, report_of

rates = rates_of(PriceBook.objects.order_by("version")[0])
reports = [
    CallReport.model_validate(report_of(
        duration=number % 3600 / 10, ended_at="2026-03-02T10:00:00Z",
        usage=[*USAGE, {**USAGE[1], "model": "gpt-4o", "input_tokens": 900 + number}],
    ))
    for number in range(2000)
]
seconds = []
kept = [[line.as_json() for line in cost_of(report, rates).lines] for report in reports]
began = time.perf_counter()
for number in range(CALLS):
    cost_of(reports[number % 2000], rates).total
seconds.append(time.perf_counter() - began)
began = time.perf_counter()
for number in range(CALLS):
    lines_rated(kept[number % 2000], rates)
seconds.append(time.perf_counter() - began)
print(json.dumps(seconds))
"""
MAKE = """
from django.db import connection
from apps.billing.models import PriceBook
from apps.tenants.models import Tenant
from bench.rating import ENTRIES, LINE, TENANTS

if MODEL == "gpt-4o":
    Tenant.objects.bulk_create([Tenant(schema_name=f"bench{n}", name=f"Bench {n}") for n in range(TENANTS)])
book = PriceBook.objects.order_by("version")[0]
with connection.cursor() as cursor:
    cursor.execute(LINE)
    cursor.execute(ENTRIES, {"model": MODEL, "book": book.pk, "each": CALLS // TENANTS})
    cursor.execute("ANALYZE billing_ledgerentry")
print("made")
"""
LINE = """
CREATE FUNCTION pg_temp.line(text, text, text, jsonb, text) RETURNS jsonb LANGUAGE sql AS $$
SELECT jsonb_build_object('kind', $1, 'provider', $2, 'model', $3, 'quantities', $4, 'amount', $5)
$$
"""
# Each call has quantities of its own, so that no row is rated from memory.
ENTRIES = """
INSERT INTO billing_ledgerentry (id, tenant_id, source_type, source_id, revision, channel, started_at, ended_at, duration,
  ended_reason, transcript_ref, usage, lines, transport, stt, llm, tts, messages, platform, total, total_known, provider_cost,
  currency, unpriced, price_book_id, source, content_hash, reason, by, created_at)
SELECT gen_random_uuid(), t.id, 'call', gen_random_uuid()::text, 0, 'webrtc', moment, moment, 60, '', '', '[]',
  jsonb_build_array(
    pg_temp.line('transport', 'livekit', 'webrtc', seconds, '0.001000'),
    pg_temp.line('stt', 'deepgram', 'nova-3', seconds, '0.007700'),
    pg_temp.line('llm', 'openai', 'gpt-4o-mini',
      jsonb_build_object('input_tokens', n::text, 'cached_tokens', '512', 'output_tokens', '120'), '0.000207'),
    pg_temp.line('llm', 'openai', %(model)s,
      jsonb_build_object('input_tokens', (n + 900)::text, 'cached_tokens', '0', 'output_tokens', '80'), amount),
    pg_temp.line('tts', 'elevenlabs', 'eleven_flash_v2_5', jsonb_build_object('characters', (n %% 4000)::text), '0.015500'),
    pg_temp.line('platform', 'meridian', 'call', seconds, '0.010000')),
  0.001, 0.0077, amount::numeric, 0.0155, 0, 0.01, 0.0342 + amount::numeric, 0.0342, NULL, 'USD', lacking, %(book)s, 'report',
  'x', '', '', moment
FROM generate_series(1, %(each)s) AS n CROSS JOIN tenants_tenant t
CROSS JOIN LATERAL (SELECT timestamptz '2026-03-02' + random() * interval '25 days' AS moment,
  jsonb_build_object('seconds', (10 + random() * 400)::numeric(14, 3)::text) AS seconds,
  CASE %(model)s WHEN 'gpt-4o' THEN '0.001000' END AS amount,
  CASE %(model)s WHEN 'gpt-4o' THEN '[]'
    ELSE '[{"kind": "llm", "provider": "openai", "model": "gpt-unheard"}]' END::jsonb AS lacking
) AS x WHERE t.schema_name LIKE 'bench%%'
"""
PREVIEW = """
import json, resource, time
from datetime import date, timedelta
from decimal import Decimal
from django.db.models import F
from django.utils import timezone
from apps.billing.models import PriceBook
from apps.billing.selectors import book_preview
from apps.billing.services import price_book_copy

first, seconds = PriceBook.objects.order_by("version")[0], []
for number, changed in enumerate(({"kind": "tts"}, {})):
    book = price_book_copy(book=first, effective_from=timezone.now() + timedelta(days=1 + number))
    book.prices.filter(**changed).update(price=F("price") * Decimal("1.1"))
    began = time.perf_counter()
    found = list(book_preview(book=book, month=date(2026, 3, 1)))
    seconds.append(time.perf_counter() - began)
print(json.dumps([seconds, sum(one.entries for one in found), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""
RERATE = """
import json, time
from datetime import UTC, datetime
from decimal import Decimal
from apps.billing.models import LedgerEntry
from apps.billing.services import entries_rerate, past_price_decide

for unit in ("1m_input_tokens", "1m_output_tokens"):
    past_price_decide(kind="llm", provider="openai", model="gpt-unheard", unit=unit, price=Decimal(1), reason="Bench", by="b")
began = time.perf_counter()
report = entries_rerate()
print(json.dumps([time.perf_counter() - began, report.rated]))
"""


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    calls = rows // LINES // TENANTS * TENANTS
    unpriced = calls // 20
    with data_folder() as folder, web_side(folder) as side:
        fresh, kept = json.loads(side.python(MEMORY.replace("CALLS", str(calls))))
        side.python(MAKE.replace("MODEL", "'gpt-4o'").replace("CALLS", str(calls)))
        taken, entries, megabytes = json.loads(side.python(PREVIEW))
        side.python(MAKE.replace("MODEL", "'gpt-unheard'").replace("CALLS", str(unpriced)))
        again, rated = json.loads(side.python(RERATE))
    table = [
        ["reports of calls, in memory", calls * LINES, fresh, calls * LINES / fresh],
        ["lines of the ledger, in memory", calls * LINES, kept, calls * LINES / kept],
        [
            f"preview of a month, {entries:,} entries, other prices for speech",
            entries * LINES,
            taken[0],
            entries * LINES / taken[0],
        ],
        [f"the same, every price another one, {megabytes:,.0f} MB", entries * LINES, taken[1], entries * LINES / taken[1]],
        [f"re-rating, {rated:,} entries written", rated * LINES, again, rated * LINES / again],
    ]
    show("Rating usage", ["what", "usage rows", "seconds", "rows/s"], table)


if __name__ == "__main__":
    main()
