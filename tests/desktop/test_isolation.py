"""Two tenants work side by side in shared threads and connections; nothing of one ever shows at the other."""

import contextlib
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from django.core.cache import cache
from django.db import connection
from django.utils import timezone
from django_tenants.utils import tenant_context

from apps.core.models import OutboundEffect
from apps.core.schema import schema_current
from apps.desktop import events, notifications
from apps.desktop.errors import DeskError, NotColleague, UnknownConversation
from apps.desktop.models import Conversation, DeskEvent, Message
from apps.desktop.selectors import (
    colleagues_all,
    conversation_counts,
    conversation_get,
    conversations_list,
    events_after,
    history_of,
)
from apps.desktop.services.contacts import contact_upsert
from apps.desktop.services.conversations import (
    conversation_claim,
    conversation_escalate,
    conversation_open,
    conversation_release,
    conversation_resolve,
    conversation_to_ai,
)
from apps.desktop.services.messages import message_receive, message_send, message_sent, message_status_set, note_add
from apps.desktop.services.team import colleague_set
from apps.desktop.tasks import desktop_sweep
from apps.tenants.models import Tenant, User
from tests.desktop.factories import LINE, RecordingChannel

pytestmark = pytest.mark.django_db(transaction=True)
OPERATIONS = 10_000
THREADS = 2
CONTACTS = 12
TABLES = ("contact", "contactidentity", "conversation", "message", "deskevent", "colleague")


@dataclass
class Side:
    """One tenant: its people, its canary, and what it may ever see."""

    tenant: Tenant
    users: list[UUID]
    strangers: list[UUID]
    canary: str
    conversations: list[UUID] = field(default_factory=list)
    foreign: list[UUID] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def look(self, seen: Any, what: str) -> None:
        """Whatever is read carries our canary and never theirs."""
        other = "GLOBEX" if self.canary == "ACME" else "ACME"
        if other in repr(seen):
            self.problems.append(f"{what} of {self.canary}: {seen!r}"[:300])


@pytest.fixture
def hinted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, str]]]:
    """(schema, conversation id) of every hint."""
    seen: list[tuple[str, str]] = []
    for module in (events, notifications):
        monkeypatch.setattr(module, "hint_publish", lambda schema, topic, type, id, version: seen.append((schema, id)))
    yield seen


def receive(side: Side, rng: random.Random) -> None:
    """Both tenants' contacts have the same numbers, and their messages the same ids."""
    number = rng.randrange(CONTACTS)
    contact = contact_upsert(identities={"wa_id": f"1555{number}"}, name=f"{side.canary} {number}")
    conversation, _ = conversation_open(contact=contact, channel="test", line=LINE, agent_id=side.users[0])
    side.conversations.append(conversation.pk)
    wamid, text = f"wamid.{rng.randrange(400)}", f"{side.canary} says parcel"
    message_receive(conversation=conversation, external_id=wamid, kind="text", text=text, payload={}, at=timezone.now())
    side.look(contact.name, "contact")


def answer(side: Side, rng: random.Random) -> None:
    row = conversation_get(rng.choice(side.conversations))
    sent = message_send(conversation=row, author="person", user_id=rng.choice(side.users), text=f"{side.canary} answers")
    message_sent(message_id=sent.pk, external_id=f"out.{sent.pk}")
    message_status_set(external_id=f"out.{sent.pk}", status="read", at=timezone.now())


def claim(side: Side, rng: random.Random) -> None:
    conversation_claim(conversation_id=rng.choice(side.conversations), user_id=rng.choice(side.users))


def let_go(side: Side, rng: random.Random) -> None:
    service = rng.choice([conversation_release, conversation_to_ai, conversation_resolve])
    service(conversation_id=rng.choice(side.conversations), user_id=side.users[0])


def escalate(side: Side, rng: random.Random) -> None:
    row = conversation_get(rng.choice(side.conversations))
    conversation_escalate(conversation=row, reason=f"{side.canary} asked")


def note(side: Side, rng: random.Random) -> None:
    text = f"{side.canary} note"
    note_add(conversation_id=rng.choice(side.conversations), user_id=rng.choice(side.users), text=text)


def stranger(side: Side, rng: random.Random) -> None:
    """The other tenant's person, and the other tenant's conversation, are unknown here."""
    with contextlib.suppress(NotColleague):
        pk, whom = rng.choice(side.conversations), rng.choice(side.strangers)
        side.problems.append(f"a stranger claimed {conversation_claim(conversation_id=pk, user_id=whom)}")


def foreign(side: Side, rng: random.Random) -> None:
    with contextlib.suppress(UnknownConversation):
        side.problems.append(f"{conversation_get(rng.choice(side.foreign))} was found")


def read_list(side: Side, rng: random.Random) -> None:
    rows = conversations_list(user_id=side.users[0], view="all", q=rng.choice(["", "", "parcel", "1555"]))[:10]
    side.look([(row.contact.name, row.last_message_text, row.handoff_reason) for row in rows], "list")


def read_messages(side: Side, rng: random.Random) -> None:
    side.look(history_of(conversation_get(rng.choice(side.conversations)), limit=10), "messages")


def read_events(side: Side, rng: random.Random) -> None:
    side.look([event.detail for event in events_after(rng.randrange(1000), limit=10)], "events")


def counts_and_cache(side: Side, rng: random.Random) -> None:
    cache.set("desk", side.canary)
    side.look([cache.get("desk"), conversation_counts(side.users[0])], "cache")


def people(side: Side, rng: random.Random) -> None:
    colleague_set(user_id=rng.choice(side.users), presence=rng.choice(["available", "busy"]), capacity=1000)
    side.look([person.email for person in colleagues_all()], "people")


WORK: tuple[tuple[Callable[[Side, random.Random], None], int], ...] = (
    (receive, 4), (answer, 2), (claim, 5), (let_go, 3), (escalate, 3), (note, 1), (stranger, 12), (foreign, 30),
    (read_list, 10), (read_messages, 8), (read_events, 20), (counts_and_cache, 1), (people, 1),
)  # fmt: skip


def operate(side: Side, rng: random.Random) -> None:
    (work,) = rng.choices([work for work, _ in WORK], [weight for _, weight in WORK])
    with tenant_context(side.tenant):
        try:
            work(side, rng)
        except DeskError:
            return  # refused, as it should be for a stranger, or in a state for something else
        if schema_current() != side.tenant.schema_name:
            side.problems.append(f"{work.__name__} left the schema")


def run(sides: list[Side], seed: int, count: int) -> None:
    rng = random.Random(seed)
    try:
        for _ in range(count):
            operate(rng.choice(sides), rng)
    finally:
        connection.close()


@pytest.mark.timeout(400)
def test_ten_thousand_interleaved_operations_of_two_tenants(
    acme: Tenant, globex: Tenant, alice: User, bob: User, charlie: User, hinted: list[tuple[str, str]], channel: RecordingChannel
) -> None:
    sides = [
        Side(acme, [alice.pk, bob.pk], [charlie.pk], "ACME"),
        Side(globex, [charlie.pk], [alice.pk, bob.pk], "GLOBEX"),
    ]
    sides[0].foreign, sides[1].foreign = sides[1].conversations, sides[0].conversations
    for side in sides:
        with tenant_context(side.tenant):
            receive(side, random.Random(0))
    with ThreadPoolExecutor(THREADS) as pool:
        for done in [pool.submit(run, sides, seed, OPERATIONS // THREADS) for seed in range(THREADS)]:
            done.result(300)
    desktop_sweep()
    ids = {side.tenant.schema_name: owned(side) for side in sides}
    assert [problem for side in sides for problem in side.problems] == []
    assert ids["acme"].isdisjoint(ids["globex"])
    assert {schema: set() for schema in ids} == {
        schema: {pk for name, pk in hinted if name == schema} - mine for schema, mine in ids.items()
    }
    for effect in OutboundEffect.objects.all():
        assert effect.payload["conversation"] in ids[effect.schema_name]


def owned(side: Side) -> set[str]:
    """Every row of a tenant is looked at: none has the other's canary or people. Returns its conversations' ids."""
    with tenant_context(side.tenant), connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"SELECT row_to_json(t)::text FROM {schema_current()}.desktop_{table} t")
            for (row,) in cursor.fetchall():
                side.look(row, table)
                side.problems.extend(f"{table}: {row}" for stranger in side.strangers if str(stranger) in row)
        assert Message.objects.count() > 100 and DeskEvent.objects.count() > 100
        return {str(pk) for pk in Conversation.objects.values_list("pk", flat=True)}
