"""The worker process of the Procfile between the monthly run and the page that says paid: nothing is eager here."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from apps.billing.models import Invoice
from apps.billing.services.credits import credit_note_create
from apps.billing.tasks import invoice_tenant_task
from apps.core.models import InboundEvent, OutboundEffect
from apps.tenants.models import Role, Tenant, User
from apps.tenants.services import person_add
from tests.billing.stripe.test_flow import hook, in_order, usage
from tests.celery_side import celery_running, queued
from tests.e2e.waiting import until
from tests.standins.stripe import API_KEY, WEBHOOK_SECRET, Stripe

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.e2e, pytest.mark.timeout(900)]
MARCH = date(2026, 3, 1)


@pytest.fixture(autouse=True)
def _queued() -> Iterator[None]:
    with queued():
        yield


@pytest.fixture
def worker(tmp_path: Path, stripe: Stripe) -> Callable[[str], Any]:
    """Starts the `worker` process on the test's own database, queue and pretend Stripe."""
    there = {"STRIPE_SECRET_KEY": API_KEY, "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET, "STRIPE_API_BASE": stripe.base_url}
    return lambda name: celery_running("worker", tmp_path / f"{name}.log", patience=180, **there)


def wait(check: Callable[[], Any], what: str) -> None:
    asyncio.run(until(lambda: asyncio.to_thread(_fresh, check), what, patience=120))


def _fresh(check: Callable[[], Any]) -> Any:
    try:
        return check()
    finally:
        connection.close()


def settled() -> bool:
    """Every event was worked on, and every effect was carried out."""
    left = InboundEvent.objects.exclude(state__in=("done", "ignored")).exists()
    return not left and not OutboundEffect.objects.exclude(state="done").exists()


def page(client: Client, invoice: Invoice) -> str:
    body = client.get(f"/billing/invoices/{invoice.pk}/").content.decode()
    connection.set_schema_to_public()
    return body


@pytest.mark.slow
def test_from_the_run_to_the_page_that_says_paid(
    stripe: Stripe, worker: Any, acme: Tenant, client_for: Callable[[User | None, str], Client]
) -> None:
    """The second worker takes over what the first one left: it is killed between the run and the payment."""
    finance = client_for(person_add(tenant=acme, email="fiona@acme.test", role=Role.FINANCE, name="Fiona").user, "acme")
    usage("acme")
    with worker("first") as first:
        for _ in range(2):  # beat asks every hour
            invoice_tenant_task.delay(acme.pk, MARCH.isoformat())
        wait(lambda: Invoice.objects.filter(state="open", sent_at__isnull=False).exists(), "the invoice is sent")
        os.kill(first.pid, signal.SIGKILL)
    invoice = Invoice.objects.get()
    assert (stripe.count("customer"), stripe.count("invoice")) == (1, 1)
    assert "Open" in page(finance, invoice)
    note = credit_note_create(invoice=invoice, amount=Decimal("0.01"), reason="The line was bad.", by="root@meridian.test")
    stripe.invoices.pay(invoice.stripe_id, {})
    assert set(stripe.deliver(hook, copies=2, backwards=True)) == {200}
    assert Invoice.objects.get().state == "open"  # stored, and nobody there to work on it
    with worker("second"):
        wait(lambda: Invoice.objects.filter(state="paid").exists(), "the invoice is paid")
        wait(settled, "nothing is left to do")
    assert "Nothing is left to do." in page(finance, invoice)
    note.refresh_from_db()
    assert note.stripe_id and stripe.count("credit_note") == 1
    in_order()
