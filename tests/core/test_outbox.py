"""The outbox: decided in a transaction, done once after it."""

from collections.abc import Iterator

import pytest
from django.db import connection, transaction

from apps.core import outbox
from apps.core.errors import TransientError
from apps.core.models import OutboundEffect
from apps.core.outbox import effect_enqueue, effects_here, outbox_drain, outbox_send
from apps.core.tasks import outbox_send_task
from apps.tenants.models import Tenant

pytestmark = pytest.mark.django_db


@pytest.fixture
def sent() -> Iterator[list[tuple[str, str]]]:
    done: list[tuple[str, str]] = []

    def send(effect: OutboundEffect) -> str:
        done.append((connection.schema_name, effect.key))
        if effect.payload.get("fail"):
            raise TransientError("the other side is away")
        return "their-id"

    outbox.sender("testing")(send)
    yield done
    outbox._senders.pop("testing")


def test_effect_is_sent_after_commit_in_its_tenant(sent: list, in_acme: Tenant, django_capture_on_commit_callbacks) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        effect_enqueue(kind="testing", key="a", payload={})
        assert sent == []
    assert sent == [("acme", "a")]
    effect = OutboundEffect.objects.get(key="a")
    assert (effect.state, effect.external_id) == ("done", "their-id")


def test_same_key_is_sent_once(sent: list, in_acme: Tenant) -> None:
    effect_enqueue(kind="testing", key="a", payload={})
    effect_enqueue(kind="testing", key="a", payload={"other": 1})
    assert outbox_send() is True
    assert outbox_send() is False
    assert sent == [("acme", "a")]


def test_rolled_back_decision_sends_nothing(sent: list, in_acme: Tenant) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        effect_enqueue(kind="testing", key="a", payload={})
        raise RuntimeError
    assert outbox_send() is False
    assert sent == []


def test_failed_effect_waits_for_its_retry(sent: list, in_acme: Tenant) -> None:
    effect_enqueue(kind="testing", key="a", payload={"fail": True})
    outbox_send()
    effect = OutboundEffect.objects.get(key="a")
    assert (effect.state, effect.attempts, effect.note) == ("pending", 1, "the other side is away")
    assert outbox_send() is False


@pytest.mark.django_db(transaction=True)
def test_effects_of_a_block_are_sent_where_it_ran(sent: list, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_send_task, "apply_async", lambda *_, **__: pytest.fail("queued"))
    with effects_here():
        with transaction.atomic():
            effect_enqueue(kind="testing", key="a", payload={}, schema_name="acme")
        assert sent == []
    assert sent == [("acme", "a")]
    assert OutboundEffect.objects.get(key="a").state == "done"


@pytest.mark.django_db(transaction=True)
def test_a_block_that_fails_leaves_its_effects_to_the_sweeper(sent: list) -> None:
    with pytest.raises(ZeroDivisionError), effects_here():
        effect_enqueue(kind="testing", key="a", payload={}, schema_name="acme")
        raise ZeroDivisionError
    assert sent == []
    assert outbox_drain() == 1
    assert sent == [("acme", "a")]
