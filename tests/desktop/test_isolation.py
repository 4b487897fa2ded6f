"""Two tenants work side by side in shared threads and connections; nothing of one ever shows at the other.

Requests are threads of the test. Beside them run the realtime application, whose sockets share one thread for the database, and
a Celery worker with its pool of threads, over the real queue: neither may take one tenant's work into the other's schema.
"""

import asyncio
import contextlib
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from celery.contrib.testing.worker import start_worker
from django.core import mail
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.utils import timezone
from django_tenants.utils import tenant_context

from apps.core.models import OPEN_STATES, OutboundEffect
from apps.core.outbox import _senders, outbox_drain, sender
from apps.core.realtime import hint_publish
from apps.core.schema import schema_current
from apps.core.tasks import outbox_sweep_task
from apps.desktop import channels, consumers, events, notifications
from apps.desktop.errors import DeskError, NotColleague, UnknownConversation
from apps.desktop.events import TOPIC, conversation_topic, user_topic
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
from apps.desktop.services.messages import message_receive, message_send, note_add
from apps.desktop.services.team import colleague_set
from apps.desktop.tasks import desktop_sweep
from apps.tenants.models import Tenant, User
from config.celery import app
from tests.celery_side import queued
from tests.desktop.factories import LINE
from tests.desktop.listening import Ear, Ears, session_of
from tests.desktop.sides import KEYS, SEND, VISITS, Posting, Side, visit_task
from tests.embedded.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)
OPERATIONS = 10_000
THREADS = 2
CONTACTS = 12
SOCKETS = 2  # of each person
FAR = 1_000_000  # globex counts its events from here, so a number tells whose it is
TABLES = ("contact", "contactidentity", "conversation", "message", "deskevent", "colleague")


@pytest.fixture
def channel() -> Iterator[Posting]:
    """Registered as `test`, with its sender."""
    posting = Posting()
    channels.channel_register(posting)
    sender(SEND)(posting.send)
    yield posting
    channels._channels.pop(posting.name)
    _senders.pop(SEND)


@pytest.fixture
def hinted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """(schema, conversation id) of every hint, which goes on to the sockets."""
    seen: list[tuple[str, str]] = []

    def publish(schema: str, topic: str, type: str, id: str, version: int) -> None:
        seen.append((schema, id))
        hint_publish(schema, topic, type, id, version)

    for module in (events, notifications):
        monkeypatch.setattr(module, "hint_publish", publish)
    return seen


@pytest.fixture
def worker() -> Iterator[None]:
    """A Celery worker with two threads, on the queue of this test."""
    VISITS.clear()
    queues = ["calls", "celery"]
    with queued(), start_worker(app, 2, "threads", perform_ping_check=False, queues=queues, shutdown_timeout=60):
        yield


@pytest.fixture
def sides(
    acme: Tenant, globex: Tenant, alice: User, bob: User, charlie: User, client_for: Callable[..., Client],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[list[Side]]:  # fmt: skip
    """Both tenants, each of their people with sockets open and e-mail wanted."""
    for name in ("SEEN_SECONDS", "SHOWN_SECONDS"):
        monkeypatch.setattr(consumers, name, 0.0)
    sessions = {user.pk: session_of(client_for(user, "acme")) for user in (alice, bob, charlie)}
    with Ears() as desk:
        made = [
            Side(acme, [alice.pk, bob.pk], [charlie.pk], "ACME", desk, sessions[charlie.pk]),
            Side(globex, [charlie.pk], [alice.pk, bob.pk], "GLOBEX", desk, sessions[bob.pk]),
        ]
        for side, other in (made, reversed(made)):
            side.other, side.foreign = other, other.conversations
        for side in made:
            with tenant_context(side.tenant):
                begin(side, sessions)
        yield made
        for side in made:
            while not side.ears.empty():
                side.ear_close()
    events_count_from(1)


def begin(side: Side, sessions: dict[UUID, str]) -> None:
    if side.canary == "GLOBEX":
        events_count_from(FAR)
    receive(side, random.Random(0))
    for user_id in side.users:
        colleague_set(user_id=user_id, notify_email=True, capacity=1000)
        for _ in range(SOCKETS):
            side.ear_open(sessions[user_id])


def events_count_from(number: int) -> None:
    """The next event of globex has this id."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT setval(pg_get_serial_sequence('globex.desktop_deskevent', 'id'), %s, false)", [number])


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
    message_send(conversation=row, author="person", user_id=rng.choice(side.users), text=f"{side.canary} answers")


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


def cache_write(side: Side, rng: random.Random) -> None:
    cache.set(rng.choice(KEYS), side.canary)
    cache.set_many({rng.choice(KEYS): [side.canary], rng.choice(KEYS): {"by": side.canary}})
    cache.add("first", side.canary)


def cache_read(side: Side, rng: random.Random) -> None:
    kept = [cache.get_many(KEYS), cache.get("first"), cache.get_or_set("desk:once", side.canary)]
    side.look([kept, conversation_counts(side.users[0])], "cache")


def people(side: Side, rng: random.Random) -> None:
    colleague_set(user_id=rng.choice(side.users), presence=rng.choice(["available", "busy"]))
    side.look([person.email for person in colleagues_all()], "people")


def queue_up(side: Side, rng: random.Random) -> None:
    """A tenant's task, and the sweeper of all tenants beside it."""
    pk = rng.choice(side.conversations)
    visit_task.delay_on_commit(side.canary, str(pk), str(rng.choice(side.users)))
    outbox_sweep_task.delay_on_commit()
    side.queued.append(pk)


def ask_what_was_missed(side: Side, rng: random.Random) -> None:
    """Both tenants ask the same at once; those who do share one answer, which must not leave its tenant."""
    with side.an_ear() as ear, side.other.an_ear() as theirs:
        side.desk.run(asked_together(side, ear, theirs))


async def asked_together(side: Side, *ears: Ear) -> None:
    words = {"register": {"last_event_id": 0}}
    answers = await asyncio.gather(*(ear.ask("registered", words) for ear in ears))
    for one, answer in zip((side, side.other), answers, strict=True):
        if (answer["registered"] >= FAR) != (one.canary == "GLOBEX"):
            side.problems.append(f"the last event of {one.canary} was {answer['registered']}")


def follow_and_type(side: Side, rng: random.Random) -> None:
    """In a conversation of either tenant, which for the other is a name that nobody speaks to."""
    conversation = rng.choice(rng.choice([side.conversations, side.foreign]))
    refused = user_topic(rng.choice(side.strangers))
    with side.an_ear() as ear:
        told = side.desk.run(ear.ask("subscribed", {"subscribe": [conversation_topic(conversation), refused]}))
        side.desk.run(ear.say({"typing": str(conversation)}))
    if refused in told["subscribed"]:
        side.problems.append(f"{side.canary} listens to {refused}")


def come_back(side: Side, rng: random.Random) -> None:
    side.ear_open(side.ear_close())


def intrude(side: Side, rng: random.Random) -> None:
    """The other tenant's person, at this tenant's host."""
    code = side.desk.run(Ear(side.host, side.strange_session).refused())
    if code not in (4401, 4403):
        side.problems.append(f"a stranger's socket was answered with {code}")


WORK: tuple[tuple[Callable[[Side, random.Random], None], int], ...] = (
    (receive, 4), (answer, 2), (claim, 5), (let_go, 3), (escalate, 3), (note, 1), (stranger, 12), (foreign, 26),
    (read_list, 10), (read_messages, 8), (read_events, 12), (cache_write, 2), (cache_read, 2), (people, 1),
    (ask_what_was_missed, 3), (follow_and_type, 2), (come_back, 1), (intrude, 1), (queue_up, 2),
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


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("worker")
def test_ten_thousand_interleaved_operations_of_two_tenants(
    sides: list[Side], hinted: list[tuple[str, str]], channel: Posting
) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        for done in [pool.submit(run, sides, seed, OPERATIONS // THREADS) for seed in range(THREADS)]:
            done.result(500)
    desktop_sweep()
    wait_until(lambda: len(VISITS) == sum(len(side.queued) for side in sides), 90)
    wait_until(lambda: outbox_drain() == 0 and not OutboundEffect.objects.filter(state__in=OPEN_STATES).exists(), 90)
    ids = {side.tenant.schema_name: owned(side) for side in sides}
    for side in sides:
        look_at_tasks(side, channel)
        look_at_sockets(side, ids[side.tenant.schema_name])
    assert [problem for side in sides for problem in side.problems] == []
    assert ids["acme"].isdisjoint(ids["globex"])
    assert {schema: set() for schema in ids} == {
        schema: {pk for name, pk in hinted if name == schema} - mine for schema, mine in ids.items()
    }
    for effect in OutboundEffect.objects.all():
        assert effect.payload["conversation"] in ids[effect.schema_name]


def look_at_tasks(side: Side, channel: Posting) -> None:
    """What tasks saw in the tenant's name, what was sent, and the e-mails that its people got."""
    schema = side.tenant.schema_name
    visits = [seen for canary, seen in VISITS if canary == side.canary]
    sent = [seen for name, seen in channel.seen if name == schema]
    letters = [(letter.subject, letter.body) for letter in mail.outbox if letter.to[0].endswith(f"@{schema}.test")]
    assert min(len(visits), len(sent), len(letters)) > 10
    side.look(sent, "sent")
    for seen in [*visits, *letters]:
        side.look(seen, "task")
    side.problems.extend(f"a task of {schema} ran in {seen[0]}" for seen in visits if seen[0] != schema)


def look_at_sockets(side: Side, ids: set[str]) -> None:
    """Every hint until now is of a conversation, or a person, of this tenant; who types is one of its people."""
    hint_publish(side.tenant.schema_name, TOPIC, "last", str(side.users[0]), 0)
    while not side.ears.empty():
        with side.an_ear() as ear:
            side.desk.run(ear.hears("last"))
        side.ear_close()
    ours = ids | {str(user_id) for user_id in side.users}
    names = {str(user) for user in User.objects.filter(pk__in=side.users)}
    assert {"message", "typing"} <= {hint["type"] for hint in side.hints}
    for hint in side.hints:
        if hint["name"] not in names if hint["type"] == "typing" else hint["id"] not in ours:
            side.problems.append(f"{side.canary} heard {hint}")


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
