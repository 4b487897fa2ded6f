"""POST /stripe/webhook: nothing unsigned is believed, all that is signed is stored once, in any order and however often."""

import json
import time
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from apps.billing.models import CreditNote, Invoice
from apps.billing.services.credits import credit_note_create
from apps.billing.services.stripe_credits import credit_note_send
from apps.billing.services.stripe_sync import invoice_send
from apps.billing.standings import due_of, steps_of
from apps.core.inbox import inbox_drain
from apps.core.models import InboundEvent
from tests.billing.stripe.factories import draft_of
from tests.standins.stripe import WEBHOOK_SECRET, Fault, Stripe
from tests.standins.stripe.server import signature

pytestmark = pytest.mark.django_db


def post(body: bytes, header: str | None) -> Any:
    """POST on the public host; the test goes on in the public schema."""
    headers = {"host": "localhost"} | ({} if header is None else {"stripe-signature": header})
    answer = Client().post("/stripe/webhook", data=body, content_type="application/json", headers=headers)
    connection.set_schema_to_public()
    return answer


def taken(body: bytes, header: str) -> int:
    return int(post(body, header).status_code)


def event(kind: str = "invoice.paid", name: str = "evt_1", **about: Any) -> dict[str, Any]:
    shape = {"id": "in_1", "object": "invoice", "customer": "cus_1", **about}
    return {"id": name, "object": "event", "type": kind, "created": 1, "livemode": False, "data": {"object": shape}}


def bytes_of(payload: Any) -> bytes:
    return json.dumps(payload, indent=2).encode()


BODY = bytes_of(event())
AT = 1_700_000_000.0


def work() -> None:
    connection.set_schema_to_public()
    while inbox_drain():
        pass
    connection.set_schema_to_public()


def states() -> list[tuple[str, str]]:
    return list(InboundEvent.objects.order_by("created_at").values_list("kind", "state"))


def code_of(body: bytes, header: str | None) -> tuple[int, str]:
    answer = post(body, header)
    return answer.status_code, answer.json()["code"]


def test_a_signed_event_is_stored_before_it_is_worked_on(stripe: Stripe) -> None:
    assert post(BODY, signature(BODY)).status_code == 200
    row = InboundEvent.objects.get()
    assert (row.provider, row.external_id, row.kind) == ("stripe", "evt_1", "invoice.paid")
    assert row.payload["object"] == {"id": "in_1", "object": "invoice", "customer": "cus_1"}
    assert stripe.calls == []


@pytest.mark.parametrize(
    "header",
    [None, "", "x", "t=", "v1=", "t=1", "t=now,v1=00", "t=-1,v1=00", "t=1,t=2,v1=00", "t=9999999999999,v1=00", "t=١,v1=00",
     signature(BODY, secret="whsec_other", at=AT), signature(BODY + b" ", at=AT), signature(BODY, scheme="v0", at=AT)],
)  # fmt: skip
def test_what_is_not_signed_is_refused(stripe: Stripe, header: str | None) -> None:
    assert code_of(BODY, header) == (401, "bad_signature")
    assert not InboundEvent.objects.exists()


def test_every_byte_of_the_header_counts(stripe: Stripe) -> None:
    good = signature(BODY)
    for place, letter in enumerate(good):
        for other in {"0" if letter != "0" else "1", "x", " "}:
            answer = post(BODY, good[:place] + other + good[place + 1 :])
            assert answer.status_code == 401, (place, other)
        assert post(BODY, good[:place]).status_code == 401
    assert not InboundEvent.objects.exists()


def test_every_byte_of_the_body_counts(stripe: Stripe) -> None:
    header = signature(BODY)
    for place in range(len(BODY)):
        assert post(BODY[:place] + bytes([BODY[place] ^ 1]) + BODY[place + 1 :], header).status_code == 401
    assert not InboundEvent.objects.exists()


@pytest.mark.parametrize(("age", "status"), [(0, 200), (290, 200), (-290, 200), (310, 401), (-310, 401), (10**9, 401)])
def test_a_signature_is_good_for_300_seconds(stripe: Stripe, age: int, status: int) -> None:
    answer = post(BODY, signature(BODY, at=time.time() - age))
    assert answer.status_code == status
    if status == 401:
        assert answer.json()["code"] == "too_old"


def test_both_secrets_count_while_one_is_rolled_over(stripe: Stripe) -> None:
    other, good = signature(BODY, secret="whsec_new"), signature(BODY)
    assert post(BODY, f"{other},{good.split(',')[1]},v0=00").status_code == 200


def test_without_a_secret_everything_is_refused(stripe: Stripe, settings: Any) -> None:
    settings.STRIPE_WEBHOOK_SECRET = ""
    assert code_of(BODY, signature(BODY, secret="")) == (401, "not_configured")


def test_no_answer_tells_the_secret(stripe: Stripe) -> None:
    assert WEBHOOK_SECRET not in post(BODY, "t=1,v1=0").content.decode()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "not_json"),
        (b"{", "not_json"),
        (b"\xff", "not_json"),
        (b"[" * 100_000, "not_json"),
        (b'{"id": NaN}', "not_json"),
        (b"[]", "not_an_event"),
        (b"7", "not_an_event"),
        (b"null", "not_an_event"),
        (b"{}", "not_an_event"),
        (bytes_of(event() | {"data": 7}), "not_an_event"),
        (bytes_of(event() | {"data": {"object": []}}), "not_an_event"),
        (bytes_of(event() | {"object": "v2.core.event"}), "not_an_event"),
        (bytes_of(event() | {"id": 7}), "not_an_event"),
        (bytes_of(event() | {"id": ""}), "not_an_event"),
        (bytes_of(event() | {"id": "e" * 192}), "not_an_event"),
        (bytes_of(event() | {"id": "a\x00b"}), "not_an_event"),
        (bytes_of(event() | {"type": "t" * 65}), "not_an_event"),
    ],
)
def test_signed_but_no_event_is_a_400(stripe: Stripe, body: bytes, code: str) -> None:
    assert code_of(body, signature(body)) == (400, code)
    assert not InboundEvent.objects.exists()


def test_three_megabytes_are_taken_and_five_are_not(stripe: Stripe) -> None:
    body = bytes_of(event(description="x" * 3_000_000))
    assert post(body, signature(body)).status_code == 200
    assert "description" not in InboundEvent.objects.get().payload["object"]
    big = bytes_of(event(description="x" * 5_000_000))
    assert code_of(big, signature(big)) == (413, "too_large")


def test_other_methods_are_refused(stripe: Stripe) -> None:
    for method in ("get", "put", "delete"):
        assert getattr(Client(headers={"host": "localhost"}), method)("/stripe/webhook").status_code == 405


def test_the_same_event_again_is_stored_once(stripe: Stripe) -> None:
    for _ in range(3):
        assert taken(BODY, signature(BODY)) == 200
    assert InboundEvent.objects.count() == 1


@pytest.mark.parametrize("kind", ["customer.updated", "payment_intent.created", "something.new"])
def test_what_nobody_listens_to_is_taken_and_ignored(stripe: Stripe, kind: str) -> None:
    body = bytes_of(event(kind))
    assert taken(body, signature(body)) == 200
    work()
    row = InboundEvent.objects.get()
    assert (row.state, row.note) == ("ignored", f"Nothing here listens to {kind}.")
    assert stripe.calls == []


@pytest.mark.parametrize("about", [{}, {"id": 7}, {"id": ""}, {"id": "in_unknown", "customer": None}, {"customer": ["x"]}])
def test_strange_or_unknown_objects_end_quietly(stripe: Stripe, about: dict[str, Any]) -> None:
    body = bytes_of(event(**about))
    assert taken(body, signature(body)) == 200
    work()
    assert states() == [("invoice.paid", "ignored")]


@pytest.fixture
def sent(stripe: Stripe, acme: Any) -> Invoice:
    invoice = invoice_send(invoice=draft_of(acme))
    stripe.state.pending.clear()
    return invoice


def fresh(invoice: Invoice) -> Invoice:
    return Invoice.objects.get(pk=invoice.pk)


def test_paid_is_paid(stripe: Stripe, sent: Invoice) -> None:
    stripe.invoices.pay(sent.stripe_id, {})
    assert stripe.deliver(taken) == [200]
    work()
    row = fresh(sent)
    assert (row.state, row.paid, row.payment_attempts) == ("paid", Decimal(30), 1)
    assert row.paid_at
    assert states() == [("invoice.paid", "done")]
    assert InboundEvent.objects.get().schema_name == "acme"


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("copies", [1, 3])
def test_any_order_and_any_number_of_times(stripe: Stripe, acme: Any, backwards: bool, copies: int) -> None:
    sent = invoice_send(invoice=draft_of(acme))
    stripe.invoices.cards[stripe.state.rows("customer")[0]["id"]] = "declined"
    with pytest.raises(Exception, match="declined"):
        stripe.invoices.pay(sent.stripe_id, {})
    stripe.invoices.cards.clear()
    stripe.invoices.mark_uncollectible(sent.stripe_id)
    stripe.invoices.pay(sent.stripe_id, {})
    assert set(stripe.deliver(taken, copies=copies, backwards=backwards)) == {200}
    work()
    row = fresh(sent)
    assert (row.state, row.paid, row.payment_attempts, row.problem) == ("paid", Decimal(30), 2, "")
    assert not InboundEvent.objects.exclude(state__in=("done", "ignored")).exists()


def test_a_declined_card_is_told_in_its_words(stripe: Stripe, sent: Invoice) -> None:
    stripe.invoices.cards[stripe.state.rows("customer")[0]["id"]] = "declined"
    with pytest.raises(Exception, match="declined"):
        stripe.invoices.pay(sent.stripe_id, {})
    stripe.deliver(taken)
    work()
    row = fresh(sent)
    assert (row.state, row.payment_attempts, row.problem) == ("open", 1, "The payment failed: Your card was declined.")


def test_voided_and_uncollectible(stripe: Stripe, sent: Invoice) -> None:
    stripe.invoices.mark_uncollectible(sent.stripe_id)
    stripe.deliver(taken)
    work()
    assert fresh(sent).state == "uncollectible"
    stripe.state.get("invoice", sent.stripe_id)["status"] = "open"
    stripe.invoices.void(sent.stripe_id)
    stripe.deliver(taken)
    work()
    assert (fresh(sent).state, bool(fresh(sent).voided_at)) == ("void", True)


def test_an_older_answer_takes_nothing_back(stripe: Stripe, sent: Invoice) -> None:
    from apps.billing import stripe_calls
    from apps.billing.services.stripe_states import invoice_apply

    before = stripe_calls.invoice_get(sent.stripe_id)
    stripe.invoices.pay(sent.stripe_id, {})
    invoice_apply(invoice=sent, answer=stripe_calls.invoice_get(sent.stripe_id))
    invoice_apply(invoice=sent, answer=before)
    assert (fresh(sent).state, fresh(sent).paid) == ("paid", Decimal(30))


def test_an_outage_delays_and_loses_nothing(stripe: Stripe, sent: Invoice) -> None:
    stripe.invoices.pay(sent.stripe_id, {})
    stripe.faults = [Fault(r"GET /v1/invoices/\w+", "500", times=2)]
    stripe.deliver(taken)
    work()
    assert (states(), fresh(sent).state) == ([("invoice.paid", "pending")], "open")
    InboundEvent.objects.update(available_at="2020-01-01T00:00Z")
    work()
    assert (states(), fresh(sent).state) == ([("invoice.paid", "done")], "paid")


def test_a_mark_made_by_hand_settles_nothing(stripe: Stripe, sent: Invoice, globex: Any) -> None:
    """globex's customer, with acme's mark on a small invoice that was paid."""
    other = invoice_send(invoice=draft_of(globex, ("1.00",)))
    forged = stripe.invoices.create(
        {"customer": stripe.state.get("invoice", other.stripe_id)["customer"], "metadata": {"meridian_invoice": str(sent.pk)}}
    )
    stripe.invoices.finalize(forged["id"], {})
    stripe.deliver(taken)
    work()
    assert fresh(sent).state == "open"
    assert "only bears its mark" in InboundEvent.objects.filter(kind="invoice.paid").get().note


def test_a_dispute_finds_its_invoice_by_the_payment(stripe: Stripe, sent: Invoice) -> None:
    stripe.invoices.pay(sent.stripe_id, {})
    dispute = stripe.invoices.dispute(sent.stripe_id)
    stripe.deliver(taken)
    work()
    assert (fresh(sent).dispute, bool(fresh(sent).disputed_at)) == ("needs_response", True)
    stripe.invoices.dispute_close(dispute["id"], "won")
    stripe.deliver(taken)
    work()
    assert (fresh(sent).dispute, fresh(sent).disputed_at) == ("won", None)


def test_a_dispute_that_is_heard_of_backwards(stripe: Stripe, sent: Invoice) -> None:
    stripe.invoices.pay(sent.stripe_id, {})
    dispute = stripe.invoices.dispute(sent.stripe_id)
    stripe.invoices.dispute_close(dispute["id"], "lost")
    stripe.deliver(taken, backwards=True, copies=2)
    work()
    assert (fresh(sent).dispute, bool(fresh(sent).disputed_at)) == ("lost", True)


def test_a_dispute_of_a_strangers_payment_is_ignored(stripe: Stripe, sent: Invoice) -> None:
    stripe.invoices.pay(sent.stripe_id, {})
    stripe.state.rows("invoice_payment")[0]["payment"]["payment_intent"] = "pi_other"
    dispute = stripe.state.make("dispute", payment_intent="pi_none", status="needs_response", amount=1, currency="usd")
    stripe.state.tell("charge.dispute.created", dispute)
    stripe.deliver(taken, drop={"invoice.paid"})
    work()
    assert states() == [("charge.dispute.created", "ignored")]


def test_a_credit_note_made_at_stripe_is_taken_over_once(stripe: Stripe, sent: Invoice) -> None:
    stripe.invoices.credit_note({"invoice": sent.stripe_id, "amount": "500", "memo": "Sorry."})
    stripe.deliver(taken, copies=2)
    work()
    note = CreditNote.objects.get()
    assert (note.amount, note.reason, note.created_by, bool(note.pdf_url)) == (Decimal(5), "Sorry.", "Stripe", True)
    assert fresh(sent).credited == Decimal(5)


def test_a_credit_note_that_was_voided_at_stripe_counts_no_longer(stripe: Stripe, sent: Invoice) -> None:
    ours = credit_note_create(invoice=sent, amount=Decimal(7), reason="The line was bad.", by="root@meridian.test")
    credit_note_send(note=ours)
    theirs = stripe.invoices.credit_note({"invoice": sent.stripe_id, "amount": "500", "memo": "Sorry."})
    ours.refresh_from_db()
    stripe.invoices.credit_note_void(ours.stripe_id)
    stripe.deliver(taken, backwards=True, copies=2)
    work()
    ours.refresh_from_db()
    assert (bool(ours.voided_at), fresh(sent).credited, due_of(fresh(sent))) == (True, Decimal(5), Decimal(25))
    assert CreditNote.objects.get(stripe_id=theirs["id"]).voided_at is None
    assert [step.label for step in steps_of(fresh(sent))].count(f"Credit note {ours.number} declared void") == 1


def test_a_credit_note_that_was_made_and_voided_at_stripe_is_nothing(stripe: Stripe, sent: Invoice) -> None:
    note = stripe.invoices.credit_note({"invoice": sent.stripe_id, "amount": "500"})
    stripe.invoices.credit_note_void(note["id"])
    stripe.deliver(taken)
    work()
    assert not CreditNote.objects.exists()
    assert set(states()) == {("credit_note.created", "ignored"), ("credit_note.voided", "ignored")}


def test_a_part_that_was_paid_is_owed_no_longer(stripe: Stripe, sent: Invoice) -> None:
    stripe.invoices.pay_part(sent.stripe_id, 1200)
    stripe.deliver(taken, copies=2)
    work()
    assert (fresh(sent).state, fresh(sent).paid, due_of(fresh(sent))) == ("open", Decimal(12), Decimal(18))


def test_a_payment_that_waits_to_be_confirmed_says_so(stripe: Stripe, sent: Invoice) -> None:
    stripe.invoices.ask_to_confirm(sent.stripe_id)
    stripe.deliver(taken)
    work()
    assert fresh(sent).problem == "The payment has to be confirmed with the bank. Open the invoice's page and pay it there."
    stripe.invoices.pay(sent.stripe_id, {})
    stripe.deliver(taken)
    work()
    assert (fresh(sent).state, fresh(sent).problem) == ("paid", "")


def test_a_webhook_of_an_invoice_deleted_meanwhile(stripe: Stripe, sent: Invoice) -> None:
    stripe.invoices.pay(sent.stripe_id, {})
    del stripe.state.tables["invoice"][sent.stripe_id]
    stripe.deliver(taken)
    work()
    assert states() == [("invoice.paid", "ignored")]


def test_a_suspended_tenants_money_counts_all_the_same(stripe: Stripe, sent: Invoice) -> None:
    sent.tenant.status = "suspended"
    sent.tenant.save()
    stripe.invoices.pay(sent.stripe_id, {})
    stripe.deliver(taken)
    work()
    assert fresh(sent).state == "paid"
