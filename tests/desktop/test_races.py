"""Many at once: one winner per claim, no answer after a claim, one conversation per contact, and no event missed."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.utils import timezone
from django_tenants.utils import tenant_context

from apps.desktop.errors import AlreadyClaimed, StaleGeneration
from apps.desktop.models import Colleague, Contact, Conversation, DeskEvent, Message
from apps.desktop.selectors import event_last_id, events_after
from apps.desktop.services.contacts import contact_upsert
from apps.desktop.services.conversations import conversation_claim, conversation_open
from apps.desktop.services.messages import message_receive, message_send
from apps.tenants.models import Tenant, User
from tests.desktop.factories import LINE, RecordingChannel, a_contact, a_conversation, says

pytestmark = pytest.mark.django_db(transaction=True)
CLAIMS = 1000


def at_once(tenant: Tenant, *works: Callable[[], Any]) -> list[Any]:
    """What each gave, all begun together, each in a thread and a connection of its own."""
    gate = threading.Barrier(len(works))

    def run(work: Callable[[], Any]) -> Any:
        try:
            with tenant_context(tenant):
                gate.wait(20)
                return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def claimed(conversation_id: UUID, user_id: UUID) -> UUID | None:
    try:
        return conversation_claim(conversation_id=conversation_id, user_id=user_id).assignee_id
    except AlreadyClaimed:
        return None


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_thousand_double_claims_have_one_winner_each(acme: Tenant, channel: RecordingChannel, alice: User, bob: User) -> None:
    with tenant_context(acme):
        contact = a_contact()
        Colleague.objects.bulk_create([Colleague(user_id=user.pk, capacity=CLAIMS) for user in (alice, bob)])
        made = [Conversation(contact=contact, channel="test", line=str(n)) for n in range(CLAIMS)]
        ids = [row.pk for row in Conversation.objects.bulk_create(made)]

        def all_of(user: User) -> list[UUID | None]:
            return [claimed(pk, user.pk) for pk in ids]

        by_alice, by_bob = at_once(acme, lambda: all_of(alice), lambda: all_of(bob))
        assert all((a is None) != (b is None) for a, b in zip(by_alice, by_bob, strict=True))
        held = dict(Conversation.objects.values_list("pk", "assignee_id"))
        assert [held[pk] for pk in ids] == [a or b for a, b in zip(by_alice, by_bob, strict=True)]
        assert set(Conversation.objects.values_list("generation", "version")) == {(2, 2)}
        assert DeskEvent.objects.filter(type="claimed").count() == CLAIMS


def test_an_answer_never_comes_after_a_claim(acme: Tenant, channel: RecordingChannel, bob: User) -> None:
    with tenant_context(acme):
        Colleague.objects.create(user_id=bob.pk, capacity=CLAIMS)
        outcomes = [_race(acme, bob) for _ in range(60)]
    assert set(outcomes) <= {"said, then claimed", "claimed, and dropped"}


def _race(acme: Tenant, bob: User) -> str:
    conversation = a_conversation()
    says(conversation)
    generation = conversation.generation

    def answer() -> bool:
        try:
            message_send(conversation=conversation, author="ai", text="Hello", generation=generation)
        except StaleGeneration:
            return False
        return True

    said, _ = at_once(acme, answer, lambda: claimed(conversation.pk, bob.pk))
    types = list(DeskEvent.objects.filter(conversation=conversation).order_by("version").values_list("type", flat=True))
    kept = Message.objects.filter(conversation=conversation, author="ai").count()
    if said and kept == 1 and types == ["opened", "message", "message", "claimed"]:
        return "said, then claimed"
    return "claimed, and dropped" if not said and kept == 0 and types == ["opened", "message", "claimed"] else str(types)


def test_a_new_contact_who_writes_twice_at_once_is_one(acme: Tenant, channel: RecordingChannel) -> None:
    def write(number: int) -> UUID:
        contact = contact_upsert(identities={"wa_id": "15550001", "wa_user_id": "US.1"}, name="Dana")
        with transaction.atomic():
            conversation, _ = conversation_open(contact=contact, channel="test", line=LINE)
            message_receive(
                conversation=conversation, external_id=f"wamid.{number}", kind="text", text="x", payload={}, at=timezone.now()
            )
        return conversation.pk

    opened = at_once(acme, *[lambda number=number: write(number // 2) for number in range(8)])
    with tenant_context(acme):
        assert len(set(opened)) == 1 and Contact.objects.count() == 1
        assert Conversation.objects.get().unread == Message.objects.count() == 4


def test_no_event_is_missed_however_transactions_commit(acme: Tenant, channel: RecordingChannel) -> None:
    """An earlier id appears after a later one was read; whoever asks with the later one still hears of both."""
    with tenant_context(acme):
        slow, fast = a_conversation(), a_conversation()
        seen = event_last_id()
        written, committed = threading.Event(), threading.Event()

        def late() -> None:
            with transaction.atomic():
                says(slow)
                written.set()
                assert committed.wait(20)

        def early() -> list[int]:
            assert written.wait(20)
            says(fast)
            got = [event.pk for event in events_after(seen) if event.pk > seen]  # older ones may come twice
            committed.set()
            return got

        _, first = at_once(acme, late, early)
        again = [event.pk for event in events_after(first[-1]) if event.pk > seen]
        written_ids = list(DeskEvent.objects.filter(pk__gt=seen).values_list("pk", flat=True))
        assert len(first) == 1 and first[-1] == max(written_ids)
        assert set(first) | set(again) == set(written_ids)


def test_readers_beside_writers_hear_of_everything(acme: Tenant, channel: RecordingChannel) -> None:
    with tenant_context(acme):
        conversations = [a_conversation() for _ in range(4)]
        begun = event_last_id()
        done = threading.Event()

        def write(rows: Sequence[Conversation]) -> None:
            for _ in range(50):
                for row in rows:
                    says(row)

        def write_all() -> None:
            at_once(acme, *[lambda row=row: write([row]) for row in conversations])
            done.set()

        def read() -> set[int]:
            heard: set[int] = set()
            last, over = begun, False
            while not over:
                over = done.is_set()
                events = events_after(last, limit=7)
                heard |= {event.pk for event in events}
                over = over and len([event for event in events if event.pk > last]) < 7
                last = max([last, *(event.pk for event in events)])
            return heard

        _, heard = at_once(acme, write_all, read)
        heard = {pk for pk in heard if pk > begun}
        assert heard == set(DeskEvent.objects.filter(pk__gt=begun).values_list("pk", flat=True))
        assert len(heard) == 200
