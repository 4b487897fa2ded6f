"""The websocket: members of this very host only, their tenant's hints only."""

import asyncio
import json
from collections import deque
from collections.abc import Iterator
from queue import SimpleQueue
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import transaction
from django_tenants.utils import tenant_context
from pytest_django import Settings
from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from apps.core import realtime
from apps.core.hub import hub
from apps.core.realtime import hint_channel, hint_publish
from apps.tenants.consumers import MAX_WAITING, TenantConsumer
from apps.tenants.models import Membership, Role, User
from apps.tenants.services import person_add
from apps.tenants.services_people import person_deactivate, person_remove, role_change
from embedded.ports import ports_free
from tests.sockets import PATIENCE, Socket

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Redis may stand still on a busy machine: nothing is taken for lost that comes late."""
    monkeypatch.setattr("apps.core.hub.SEND_SECONDS", PATIENCE)
    monkeypatch.setattr("apps.core.realtime.SEND_SECONDS", PATIENCE)
    realtime._client.cache_clear()
    yield
    realtime._client.cache_clear()


class Listener(TenantConsumer):
    def may_hear(self, topic: str) -> bool:
        return topic.startswith("call")


def socket(user: User | None, host: str, origin: str | None = None) -> Socket:
    headers = [(b"host", f"{host}:8001".encode()), (b"origin", f"http://{origin or host}:8000".encode())]
    communicator = Socket(Listener.as_asgi(), "/ws/calls/", headers=headers)
    communicator.scope["user"] = user
    return communicator


@pytest.fixture
def people(transactional_db: None) -> Iterator[dict[str, User]]:
    yield {user.email.split("@")[0]: user for user in User.objects.all()}


async def closed_with(communicator: Socket) -> int:
    await communicator.connect()
    return (await communicator.receive_output())["code"]


async def subscribed(user: User, host: str, *topics: str) -> Socket:
    communicator = socket(user, host)
    await communicator.connect()
    await communicator.send_json_to({"subscribe": list(topics)})
    await communicator.receive_json_from()
    return communicator


async def test_a_page_finds_out_that_somebody_is_there(people: dict[str, User]) -> None:
    communicator = await subscribed(people["bob"], "acme.localhost", "calls")
    await communicator.send_to(text_data="ping")
    assert await communicator.receive_from() == "pong"
    await communicator.disconnect()


async def test_stranger_and_anonymous_are_closed(people: dict[str, User]) -> None:
    assert await closed_with(socket(None, "acme.localhost")) == 4401
    assert await closed_with(socket(people["charlie"], "acme.localhost")) == 4403
    assert await closed_with(socket(people["alice"], "nowhere.localhost")) == 4403


async def test_page_of_another_tenant_cannot_open_the_socket(people: dict[str, User]) -> None:
    assert await closed_with(socket(people["alice"], "acme.localhost", origin="globex.localhost")) == 4403


async def test_session_of_another_tenants_host_is_closed(people: dict[str, User]) -> None:
    communicator = socket(people["alice"], "acme.localhost")
    communicator.scope["session"] = {"tenant": "globex"}
    assert await closed_with(communicator) == 4403


@sync_to_async
def publish(schema: str, topic: str, version: int, failing: type[Exception] | None = None) -> None:
    with transaction.atomic():
        hint_publish(schema, topic, "call", "1", version)
        if failing:
            raise failing


async def test_hint_reaches_its_tenant_only(people: dict[str, User]) -> None:
    alice = await subscribed(people["alice"], "acme.localhost", "calls")
    charlie = await subscribed(people["charlie"], "globex.localhost", "calls")
    await publish("acme", "calls", 7)
    assert await alice.receive_json_from() == {"type": "call", "id": "1", "version": 7, "topic": "calls"}
    assert await charlie.receive_nothing()
    await alice.disconnect()
    await charlie.disconnect()


async def test_topic_that_is_not_offered_is_not_heard(people: dict[str, User]) -> None:
    communicator = socket(people["alice"], "acme.localhost")
    await communicator.connect()
    await communicator.send_json_to({"subscribe": ["desk", "call:1", 7, None]})
    assert await communicator.receive_json_from() == {"subscribed": ["call:1"]}
    await communicator.disconnect()


async def test_rolled_back_change_sends_no_hint(people: dict[str, User]) -> None:
    alice = await subscribed(people["alice"], "acme.localhost", "calls")
    with pytest.raises(RuntimeError):
        await publish("acme", "calls", 1, RuntimeError)
    await publish("acme", "calls", 2)
    assert (await alice.receive_json_from())["version"] == 2
    await alice.disconnect()


@pytest.fixture
def nina(people: dict[str, User]) -> Iterator[User]:
    """Works at acme for one test."""
    acme = Membership.objects.get(user=people["alice"], tenant__schema_name="acme").tenant
    made = person_add(tenant=acme, email="nina@acme.test", role=Role.AGENT, name="Nina").user
    yield made
    with tenant_context(acme):  # whose audit log names her
        made.delete()


@sync_to_async
def rights_change(person: User, by: User, change: str) -> None:
    membership = Membership.objects.get(user=person)
    if change == "role":
        role_change(membership=membership, role=Role.FINANCE, by=by)
    else:
        {"deactivated": person_deactivate, "removed": person_remove}[change](membership=membership, by=by)


@pytest.mark.parametrize("change", ["deactivated", "removed", "role"])
async def test_who_leaves_hears_no_more(people: dict[str, User], nina: User, change: str) -> None:
    alice = await subscribed(people["alice"], "acme.localhost", "calls")
    hers = await subscribed(nina, "acme.localhost", "calls")
    await rights_change(nina, people["alice"], change)
    assert await hers.receive_output() == {"type": "websocket.close", "code": 1012}
    await hers.disconnect()
    await publish("acme", "calls", 8)
    assert (await alice.receive_json_from())["version"] == 8
    await alice.disconnect()
    assert hub()._topics == {}


async def test_slow_client_is_told_to_fetch_instead(people: dict[str, User]) -> None:
    """What waits for it is bounded, and what it was not sent is made good by what it asks for then."""
    gate, sent = asyncio.Event(), []

    async def slow_send(message: dict[str, Any]) -> None:
        await gate.wait()
        sent.append(json.loads(message["text"]))

    listener = Listener()
    listener.name, listener.topics, listener._waiting, listener._wake = "slow", {"calls"}, deque(), asyncio.Event()
    listener.base_send = slow_send
    forwarding = asyncio.create_task(listener._forward())
    for number in range(3 * MAX_WAITING):
        listener.hear(json.dumps({"version": number}))
        await asyncio.sleep(0)
    assert len(listener._waiting) <= MAX_WAITING
    gate.set()
    async with asyncio.timeout(PATIENCE):
        while not sent or sent[-1] != {"version": 3 * MAX_WAITING - 1}:
            await asyncio.sleep(0)
    forwarding.cancel()
    asked = sent.index({"subscribed": ["calls"]})
    assert [row["version"] for row in sent[asked + 1 :]] == list(range(3 * MAX_WAITING - len(sent) + asked + 1, 3 * MAX_WAITING))


async def test_lost_subscription_is_told_and_comes_back(people: dict[str, User]) -> None:
    """Redis drops the connection: whoever listens is told to ask, and hears what comes afterwards."""
    alice = await subscribed(people["alice"], "acme.localhost", "calls")
    async with Redis.from_url(settings.REDIS_URL) as redis:
        number = str(redis.connection_pool.connection_kwargs["db"])  # other databases are those of tests beside this one
        ours = [client["id"] for client in await redis.client_list(_type="pubsub") if client["db"] == number]
        assert [await redis.client_kill_filter(_id=one) for one in ours] == [1] * len(ours) != []
    assert await alice.receive_json_from() == {"subscribed": ["calls"]}
    await publish("acme", "calls", 3)
    assert (await alice.receive_json_from())["version"] == 3
    await alice.disconnect()


async def test_subscription_survives_what_nobody_expected(people: dict[str, User], monkeypatch: pytest.MonkeyPatch) -> None:
    alice = await subscribed(people["alice"], "acme.localhost", "calls")
    await _next_look_fails(monkeypatch)
    assert await alice.receive_json_from() == {"subscribed": ["calls"]}
    await publish("acme", "calls", 6)
    assert (await alice.receive_json_from())["version"] == 6
    await alice.disconnect()


async def _next_look_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub's next look for a message fails as redis-py documents none; the look that waits already is let go by a hint."""
    sound = PubSub.get_message

    async def failing(*_: object, **__: object) -> None:
        monkeypatch.setattr(PubSub, "get_message", sound)
        raise RuntimeError("pubsub connection not set")

    monkeypatch.setattr(PubSub, "get_message", failing)
    await publish("acme", "nobody", 1)


async def test_who_could_not_subscribe_hears_all_the_same(people: dict[str, User], monkeypatch: pytest.MonkeyPatch) -> None:
    """redis-py raises an AttributeError where another task closes the connection at that moment."""
    alice = await subscribed(people["alice"], "acme.localhost", "calls")
    failed, sound = asyncio.Event(), PubSub.subscribe

    async def failing(*_: object, **__: object) -> None:
        monkeypatch.setattr(PubSub, "subscribe", sound)
        failed.set()
        raise AttributeError("'NoneType' object has no attribute 'writelines'")

    monkeypatch.setattr(PubSub, "subscribe", failing)
    joining = asyncio.create_task(subscribed(people["charlie"], "globex.localhost", "calls"))
    await failed.wait()
    await publish("acme", "nobody", 1)  # the reader looks
    charlie = await joining
    assert await alice.receive_json_from() == {"subscribed": ["calls"]}
    await publish("globex", "calls", 7)
    while "version" not in (told := await charlie.receive_json_from()):
        assert told == {"subscribed": ["calls"]}
    assert told["version"] == 7
    await charlie.disconnect()
    await alice.disconnect()


def test_sender_of_hints_survives_what_nobody_expected(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: SimpleQueue[list[tuple[str, str]]] = SimpleQueue()

    def publish_hints(hints: list[tuple[str, str]]) -> None:
        sent.put(hints)
        raise RuntimeError("no documented error")

    monkeypatch.setattr(realtime, "_publish", publish_hints)
    publisher = realtime.Publisher()
    for number in ("1", "2"):
        publisher.waiting.put(("acme", number))
        assert sent.get(timeout=PATIENCE) == [("acme", number)]


async def test_last_listener_takes_the_subscription_along(people: dict[str, User]) -> None:
    first = await subscribed(people["alice"], "acme.localhost", "calls", "call:1")
    second = await subscribed(people["bob"], "acme.localhost", "call:1")
    other = await subscribed(people["charlie"], "globex.localhost", "calls")
    await first.disconnect()
    await publish("acme", "call:1", 4)
    assert (await second.receive_json_from())["version"] == 4
    await second.disconnect()
    async with Redis.from_url(settings.REDIS_URL) as redis:
        number = redis.connection_pool.connection_kwargs["db"]
        left = await redis.pubsub_numsub(hint_channel("acme", number), hint_channel("globex", number))
    assert [count for _, count in left] == [0, 1]
    await publish("globex", "calls", 5)
    assert (await other.receive_json_from())["version"] == 5
    await other.disconnect()


async def test_socket_that_breaks_off_hears_no_more(people: dict[str, User], monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of ours ends the socket; the hub forgets it all the same."""
    alice = await subscribed(people["alice"], "acme.localhost", "calls")
    monkeypatch.delattr(Listener, "may_hear")
    monkeypatch.delattr(TenantConsumer, "may_hear")
    await alice.send_json_to({"subscribe": ["calls"]})
    with pytest.raises(AttributeError):
        await alice.wait()
    assert hub()._topics == {}


@pytest.mark.parametrize("words", ["{", "", "[" * 100_000, b"\x00\xff"])
async def test_words_that_are_no_json_end_the_socket(people: dict[str, User], words: str | bytes) -> None:
    alice = await subscribed(people["alice"], "acme.localhost", "calls")
    await alice.send_input({"type": "websocket.receive", "bytes" if isinstance(words, bytes) else "text": words})
    assert (await alice.receive_output())["code"] == 1003
    await alice.disconnect()


@pytest.mark.parametrize("words", [5, None, "calls", {"calls": 1}, [["calls"], {}]])
async def test_what_is_no_list_of_topics_adds_none(people: dict[str, User], words: Any) -> None:
    alice = await subscribed(people["alice"], "acme.localhost", "call:1")
    await alice.send_json_to({"subscribe": words})
    assert await alice.receive_json_from() == {"subscribed": ["call:1"]}
    await alice.disconnect()


async def test_a_stranger_is_not_listened_to_while_being_closed(people: dict[str, User]) -> None:
    stranger = socket(people["charlie"], "acme.localhost")
    await stranger.connect()
    await stranger.send_json_to({"subscribe": ["calls"]})
    assert (await stranger.receive_output())["code"] == 4403
    await stranger.disconnect()


async def test_an_origin_that_is_no_address_is_nobodys(people: dict[str, User]) -> None:
    assert await closed_with(socket(people["alice"], "acme.localhost", origin="[")) == 4403


async def test_subscribing_works_while_redis_is_away(
    people: dict[str, User], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page is answered, and told to ask once hints are heard again."""
    monkeypatch.setattr("apps.core.hub.SEND_SECONDS", 0.1)
    (port,) = ports_free(1)
    settings.REDIS_URL = f"redis://127.0.0.1:{port}/0"
    alice = socket(people["alice"], "acme.localhost")
    await alice.connect()
    await alice.send_json_to({"subscribe": ["calls"]})
    assert await alice.receive_json_from() == {"subscribed": ["calls"]}
    await alice.disconnect()


async def test_an_address_without_a_websocket_is_refused(people: dict[str, User]) -> None:
    from config.asgi import application

    headers = [(b"host", b"acme.localhost:8001"), (b"origin", b"http://acme.localhost:8000")]
    connected, code = await Socket(application, "/ws/nothing/", headers=headers).connect()
    assert (connected, code) == (False, 1000)
