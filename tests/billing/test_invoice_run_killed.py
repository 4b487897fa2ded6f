"""`manage.py invoice_run` killed with SIGKILL in the middle of a company, and begun again."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.db.models import Count

from apps.billing.locks import INVOICE_NUMBER, TENANT, lock
from apps.billing.models import Invoice, InvoicedEntry, LedgerEntry
from apps.tenants.models import Tenant
from tests.billing.invoice_side import adds_up, entry_make

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600), pytest.mark.django_db(transaction=True)]
ROOT = Path(__file__).parent.parent.parent
COMPANIES = 6
WAITING = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND classid = %s AND NOT granted"


def scene() -> None:
    for number in range(COMPANIES):
        tenant = Tenant(schema_name=f"company{number}", name=f"Company {number}")
        tenant.auto_create_schema = False
        tenant.save()
        for cost in ("0.333333", "1.2", "2.005"):
            entry_make(tenant, cost, "2026-03-10")


def start() -> subprocess.Popen[str]:
    """Against the tests' own database."""
    server = os.environ["DATABASE_URL"].rpartition("/")[0]
    environment = {**os.environ, "DATABASE_URL": f"{server}/{connection.settings_dict['NAME']}", "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-W", "ignore", "manage.py", "invoice_run", "--month", "2026-03"]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)


def finish() -> str:
    out, _ = (run := start()).communicate(timeout=120)
    assert run.returncode == 0, out
    return out


@pytest.mark.slow
def test_killed_in_the_middle_of_a_company_and_begun_again() -> None:
    scene()
    with held_up(Tenant.objects.get(schema_name="company1")) as go_on:
        run = start()
        try:
            assert run.stdout is not None and run.stdout.readline().startswith("company0: INV-0000001")
            with transaction.atomic():
                lock(INVOICE_NUMBER)
                go_on()
                kill_when_blocked(run)
        finally:
            run.kill()
            run.wait(30)
    assert Invoice.objects.count() == 1
    assert InvoicedEntry.objects.count() == 3, "nothing of the company that it died in"
    out = finish()
    assert f"{COMPANIES} is a draft" in out
    whole(out)
    assert finish() == out, "and again, the same"
    whole(out)


@contextmanager
def held_up(tenant: Tenant) -> Iterator[Callable[[], None]]:
    """A run gets to this company and no further until it may go on, however long this process is not let run."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s, %s)", [TENANT, tenant.pk])
        try:
            yield lambda: cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [TENANT, tenant.pk])
        finally:
            cursor.execute("SELECT pg_advisory_unlock_all()")


def kill_when_blocked(run: subprocess.Popen[str]) -> None:
    with connection.cursor() as cursor:
        while run.poll() is None:
            cursor.execute(WAITING, [INVOICE_NUMBER])
            if cursor.fetchone():
                run.send_signal(signal.SIGKILL)
                run.wait(30)
                assert run.returncode == -signal.SIGKILL
                return
    raise AssertionError(f"The run ended with {run.returncode} instead of waiting for the lock.")


def whole(out: str) -> None:
    """Every company once, every entry once, numbers without holes, and the sums to the cent."""
    assert Invoice.objects.count() == COMPANIES
    assert not Invoice.objects.values("tenant").annotate(n=Count("pk")).filter(n__gt=1).exists()
    assert sorted(Invoice.objects.values_list("number", flat=True)) == [f"INV-{n:07}" for n in range(1, COMPANIES + 1)]
    assert InvoicedEntry.objects.count() == LedgerEntry.objects.count() == 3 * COMPANIES
    for invoice in Invoice.objects.all():
        adds_up(invoice)
        assert invoice.total == Decimal("3.54"), out
