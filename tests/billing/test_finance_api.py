"""/api/v1/billing: spending, entries, invoices and exports for programs."""

import csv
import io
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pyarrow.parquet as pq
import pytest
from django.db import connection
from django.test import Client

from apps.billing.exports import ENTRIES, export_stream, parts_of, rows_of
from apps.billing.models import Invoice, InvoicedEntry, InvoiceLine, LedgerEntry
from apps.billing.periods import Period
from apps.billing.services import call_bill
from apps.core.ids import uuid7
from apps.tenants.keys import api_key_create
from apps.tenants.models import Tenant, User
from tests.billing.factories import report_of
from tests.billing.invoice_side import entry_make

pytestmark = pytest.mark.django_db
ClientFor = Callable[[User | None, str], Client]
BASE = "/api/v1/billing"
MARCH = "since=2026-03-01&until=2026-03-31"
PATHS = ("spend", "entries", "invoices", "exports")


@pytest.fixture
def program(acme: Tenant) -> Client:
    """A program with a key that reads billing."""
    _, key = api_key_create(tenant=acme, name="books", scopes=["billing:read"])
    return Client(headers={"host": "acme.localhost", "authorization": f"Api-Key {key}"})


def billed(tenant: Tenant, *, hours: int = 0, **changes: object) -> LedgerEntry:
    started = datetime(2026, 3, 2, 9, tzinfo=UTC) + timedelta(hours=hours)
    report = report_of(started_at=started.isoformat(), ended_at=(started + timedelta(seconds=61.4)).isoformat(), **changes)
    return call_bill(tenant=tenant, call_id=report["call_id"], report=report).entry


def invoiced(tenant: Tenant, *entries: LedgerEntry) -> Invoice:
    total = sum((entry.total_known for entry in entries), Decimal()).quantize(Decimal("0.01"))
    invoice = Invoice.objects.create(
        tenant=tenant,
        number=f"{tenant.schema_name}-2026-03",
        month=date(2026, 3, 1),
        period_start=datetime(2026, 3, 1, tzinfo=UTC),
        period_end=datetime(2026, 4, 1, tzinfo=UTC),
        currency="USD",
        subtotal=total,
        total=total,
    )
    line = InvoiceLine.objects.create(
        invoice=invoice, position=1, kind="usage", description="=Calls", entries=len(entries), exact=total, amount=total
    )
    for entry in entries:
        InvoicedEntry.objects.create(entry=entry, line=line, invoice=invoice)
    return invoice


def body(answer: object) -> bytes:
    return b"".join(answer.streaming_content)  # type: ignore[attr-defined]


def test_only_those_who_handle_money_and_keys_with_the_scope(
    client_for: ClientFor, bob: User, charlie: User, alice: User, acme: Tenant
) -> None:
    _, other = api_key_create(tenant=acme, name="calls", scopes=["calls:read"])
    keyed = Client(headers={"host": "acme.localhost", "authorization": f"Api-Key {other}"})
    for path in PATHS:
        assert client_for(alice, "acme").get(f"{BASE}/{path}").status_code == 200
        assert client_for(bob, "acme").get(f"{BASE}/{path}").status_code == 403
        assert client_for(charlie, "acme").get(f"{BASE}/{path}").status_code == 403
        assert client_for(None, "acme").get(f"{BASE}/{path}").status_code == 401
        assert keyed.get(f"{BASE}/{path}").json()["code"] == "scope_missing"


def test_what_belongs_to_another_company_is_not_there(program: Client, globex: Tenant) -> None:
    entry = billed(globex)
    invoice = invoiced(globex, entry)
    for path in (f"entries/{entry.pk}", f"invoices/{invoice.pk}", f"invoices/{invoice.pk}/lines"):
        answer = program.get(f"{BASE}/{path}")
        assert answer.status_code == 404
        assert answer["Content-Type"] == "application/problem+json"
    assert program.get(f"{BASE}/entries?line={invoice.lines.get().pk}").status_code == 404
    assert program.get(f"{BASE}/entries?source_id={entry.source_id}").json()["results"] == []
    assert program.get(f"{BASE}/spend?{MARCH}").json()["entries"] == 0
    assert program.get(f"{BASE}/invoices").json()["results"] == []
    assert len(body(program.get(f"{BASE}/exports?{MARCH}")).splitlines()) == 1


def test_spending_adds_up(program: Client, acme: Tenant) -> None:
    entries = [billed(acme), billed(acme, hours=24), billed(acme, hours=25, channel="sip")]
    answer = program.get(f"{BASE}/spend?{MARCH}&by=component").json()
    total = sum((entry.total_known for entry in entries), Decimal())
    assert Decimal(answer["total"]) == total
    assert sum(Decimal(share["amount"]) for share in answer["shares"]) == total
    assert [day["day"] for day in answer["days"]] == ["2026-03-02", "2026-03-03"]
    assert sum(Decimal(day["amount"]) for day in answer["days"]) == total
    assert sum(Decimal(amount) for day in answer["days"] for amount in day["shares"].values()) == total
    assert (answer["calls"], answer["time_zone"], answer["currency"]) == (3, "UTC", "USD")
    assert Decimal(answer["cost_per_call"]) == (total / 3).quantize(Decimal("0.000001"))
    phone = program.get(f"{BASE}/spend?{MARCH}&channel=sip").json()
    assert Decimal(phone["total"]) == entries[2].total_known


def test_entries_by_page_and_filter(program: Client, acme: Tenant) -> None:
    entries = [billed(acme, hours=hours) for hours in range(5)]
    first = program.get(f"{BASE}/entries?{MARCH}&limit=3").json()
    assert [row["id"] for row in first["results"]] == [str(entry.pk) for entry in reversed(entries)][:3]
    second = program.get(first["next"]).json()
    assert [row["id"] for row in second["results"]] == [str(entry.pk) for entry in reversed(entries)][3:]
    assert program.get(f"{BASE}/entries").json()["results"] == []
    found = program.get(f"{BASE}/entries?source_id={entries[0].source_id}").json()["results"]
    assert [row["id"] for row in found] == [str(entries[0].pk)]
    one = program.get(f"{BASE}/entries/{entries[0].pk}").json()
    assert Decimal(one["total"]) == entries[0].total
    assert one["lines"][1]["model"] == "nova-3"
    assert one["price_book"] == 1


def test_what_is_asked_wrongly_is_refused_in_words(program: Client) -> None:
    for query in ("since=x", "since=2026-03-02&until=2026-03-01", "by=moon", "agent_id=me"):
        answer = program.get(f"{BASE}/spend?{query}")
        assert answer.status_code == 400, query
        assert answer["Content-Type"] == "application/problem+json"


def test_from_an_invoice_to_its_entries(program: Client, acme: Tenant) -> None:
    entries = [billed(acme), billed(acme, hours=1)]
    late = billed(acme, hours=2)
    invoice = invoiced(acme, *entries)
    shown = program.get(f"{BASE}/invoices/{invoice.pk}").json()
    assert (shown["state"], shown["due"], shown["total"]) == ("draft", "0.000000", f"{invoice.total:.6f}")
    assert "stays a draft" in shown["standing"]
    (line,) = program.get(f"{BASE}/invoices/{invoice.pk}/lines").json()["results"]
    behind = program.get(f"{BASE}/entries?line={line['id']}").json()["results"]
    assert {row["id"] for row in behind} == {str(entry.pk) for entry in entries}
    assert {row["invoice_id"] for row in behind} == {str(invoice.pk)}
    assert program.get(f"{BASE}/entries/{late.pk}").json()["invoice_id"] is None


def test_csv_and_parquet_say_the_same(program: Client, acme: Tenant) -> None:
    entries = [billed(acme), billed(acme, hours=1)]
    invoiced(acme, entries[0])
    answer = program.get(f"{BASE}/exports?{MARCH}")
    assert answer["Content-Disposition"] == 'attachment; filename="acme-entries-2026-03-01_2026-03-31.csv"'
    rows = list(csv.DictReader(io.StringIO(body(answer).decode())))
    assert [row["id"] for row in rows] == [str(entry.pk) for entry in entries]
    assert [Decimal(row["total"]) for row in rows] == [entry.total for entry in entries]
    assert [row["invoice"] for row in rows] == ["acme-2026-03", ""]
    assert rows[0]["started_at"] == "2026-03-02T09:00:00.000000Z"
    table = pq.read_table(io.BytesIO(body(program.get(f"{BASE}/exports?{MARCH}&file=parquet"))))
    assert table.column_names == list(rows[0])
    assert table["total"].to_pylist() == [entry.total for entry in entries]
    assert table["started_at"].to_pylist() == [entry.started_at for entry in entries]


def test_lines_and_invoices_are_exported_by_month(program: Client, acme: Tenant) -> None:
    invoice = invoiced(acme, billed(acme))
    for days, count in ((MARCH, 1), ("since=2026-03-15&until=2026-03-20", 1), ("since=2026-04-01&until=2026-04-30", 0)):
        for what in ("lines", "invoices"):
            rows = list(csv.DictReader(io.StringIO(body(program.get(f"{BASE}/exports?{days}&what={what}")).decode())))
            assert len(rows) == count, (days, what)
    (line,) = csv.DictReader(io.StringIO(body(program.get(f"{BASE}/exports?{MARCH}&what=lines")).decode()))
    assert (line["invoice"], line["description"], Decimal(line["amount"])) == (invoice.number, "'=Calls", invoice.total)
    assert pq.read_table(io.BytesIO(body(program.get(f"{BASE}/exports?what=lines&file=parquet")))).num_rows == 0


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_is_a_formula(program: Client, acme: Tenant, cell: str) -> None:
    for hour, text in enumerate((cell, f"a{cell}")):
        entry_make(acme, "1", f"2026-03-05T0{hour}:00", source="message", source_id=text)
    answer = body(program.get(f"{BASE}/exports?{MARCH}")).decode()
    assert [row["source_id"] for row in csv.DictReader(io.StringIO(answer, newline=""))] == [f"'{cell}", f"a{cell}"]
    table = pq.read_table(io.BytesIO(body(program.get(f"{BASE}/exports?{MARCH}&file=parquet"))))
    assert table["source_id"].to_pylist() == [cell, f"a{cell}"], "what reads Parquet runs no formulas"


def test_any_text_comes_through_and_nothing_is_not_empty(program: Client, acme: Tenant) -> None:
    text = 'says "so", and\nthen\\ N'
    made = entry_make(
        acme, "-0.5", "2026-03-05", source="message", source_id=text, channel="", total=None, revision=0, total_known="0"
    )
    (row,) = csv.DictReader(io.StringIO(body(program.get(f"{BASE}/exports?{MARCH}")).decode(), newline=""))
    assert (row["source_id"], row["platform"], row["total"], row["unpriced"]) == (text, "-0.500000", "", "[]")
    (kept,) = pq.read_table(io.BytesIO(body(program.get(f"{BASE}/exports?{MARCH}&file=parquet")))).to_pylist()
    assert (kept["source_id"], kept["channel"], kept["call_id"], kept["total"]) == (text, "", None, None)
    assert (kept["platform"], kept["agent_id"], kept["revision"]) == (Decimal("-0.5"), str(made.agent_id), 0)


def test_parts_of_an_export_meet_without_a_gap(acme: Tenant) -> None:
    hours = [3, 1, 1, 1, 2]
    made = [entry_make(acme, "1", f"2026-03-05T0{hour}:00") for hour in hours]
    rows = rows_of(ENTRIES, acme, Period("custom", date(2026, 3, 1), date(2026, 3, 31), "UTC"))
    parts = [list(part.values_list("pk", flat=True)) for part in parts_of(rows, 2)]
    assert [len(part) for part in parts] == [2, 2, 1]
    assert [pk for part in parts for pk in part] == [entry.pk for entry in sorted(made, key=lambda one: (one.started_at, one.pk))]


def test_a_download_that_is_broken_off_leaves_no_statement_behind(acme: Tenant) -> None:
    entry_make(acme, "1", "2026-03-05")
    for shape in ("csv", "parquet"):
        file = export_stream(ENTRIES, acme, Period("custom", date(2026, 3, 1), date(2026, 3, 31), "UTC"), shape)
        next(file)
        file.close()  # type: ignore[attr-defined]
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")


def test_an_unknown_invoice(program: Client) -> None:
    assert program.get(f"{BASE}/invoices/{uuid7()}").json()["code"] == "not_found"
