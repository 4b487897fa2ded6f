"""What webhooks said is blanked after a while; what is still to be done, and what came lately, is not."""

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from apps.core.inbox import Item, inbox_store
from apps.core.models import InboundEvent, MailState, OutboundEffect
from apps.core.outbox import effect_enqueue
from apps.core.retention import inbox_forget, outbox_forget
from config.celery import app

pytestmark = pytest.mark.django_db


def event(state: str, days: float | None) -> InboundEvent:
    finished = None if days is None else timezone.now() - timedelta(days=days)
    return InboundEvent.objects.create(
        provider="test",
        external_id=f"{state}-{days}",
        kind="message",
        payload={"text": "Hello"},
        state=state,
        finished_at=finished,
    )


def test_old_content_goes_and_the_rest_stays(settings: Settings) -> None:
    settings.INBOX_RETENTION_DAYS = 7
    old = [event(state, 8) for state in (MailState.DONE, MailState.IGNORED, MailState.DEAD)]
    kept = [event(MailState.DONE, 6), event(MailState.PENDING, None), event(MailState.PROCESSING, 8)]
    assert inbox_forget() == len(old)
    assert [InboundEvent.objects.get(pk=row.pk).payload for row in old] == [{}] * len(old)
    assert [InboundEvent.objects.get(pk=row.pk).payload for row in kept] == [{"text": "Hello"}] * len(kept)
    assert inbox_forget() == 0


def test_blanked_event_is_not_worked_on_again(settings: Settings) -> None:
    row = event(MailState.DONE, 400)
    inbox_forget()
    inbox_store("test", [Item(external_id=row.external_id, kind="message", payload={"text": "Hello"})])
    again = InboundEvent.objects.get(provider="test", external_id=row.external_id)
    assert (again.state, again.payload) == (MailState.DONE, {})


def effect(state: str, days: float | None) -> OutboundEffect:
    finished = None if days is None else timezone.now() - timedelta(days=days)
    return OutboundEffect.objects.create(
        key=f"{state}-{days}", kind="mail", payload={"to": "a@b.test"}, state=state, finished_at=finished
    )


def test_what_was_sent_long_ago_is_blanked_and_not_sent_again(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.core.retention.BATCH", 1)
    settings.OUTBOX_RETENTION_DAYS = 7
    old = [effect(state, 8) for state in (MailState.DONE, MailState.IGNORED)]
    kept = [
        effect(MailState.DONE, 6),
        effect(MailState.DEAD, 8),
        effect(MailState.PENDING, None),
        effect(MailState.PROCESSING, 8),
    ]
    assert outbox_forget() == len(old)
    assert [OutboundEffect.objects.get(pk=row.pk).payload for row in old] == [{}] * len(old)
    assert [OutboundEffect.objects.get(pk=row.pk).payload for row in kept] == [{"to": "a@b.test"}] * len(kept)
    effect_enqueue(kind="mail", key=old[0].key, payload={"to": "a@b.test"})
    again = OutboundEffect.objects.get(key=old[0].key)
    assert (again.state, again.payload, outbox_forget()) == (MailState.DONE, {}, 0)


@pytest.mark.parametrize(
    "task",
    ["apps.core.tasks.inbox_forget_task", "apps.core.tasks.outbox_forget_task", "apps.tenants.tasks.exports_purge_task"],
)
def test_beat_forgets_every_day(task: str) -> None:
    assert task in [entry["task"] for entry in app.conf.beat_schedule.values()]
