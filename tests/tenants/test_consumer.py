"""The websocket: members of this very host only, their tenant's hints only."""

from collections.abc import Iterator

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from channels.layers import get_channel_layer
from channels.testing import WebsocketCommunicator
from django.db import transaction

from apps.core.realtime import hint_publish
from apps.tenants.consumers import TenantConsumer
from apps.tenants.models import User

pytestmark = pytest.mark.django_db(transaction=True)


class Listener(TenantConsumer):
    def may_hear(self, topic: str) -> bool:
        return topic.startswith("call")


def socket(user: User | None, host: str, origin: str | None = None) -> WebsocketCommunicator:
    headers = [(b"host", f"{host}:8001".encode()), (b"origin", f"http://{origin or host}:8000".encode())]
    communicator = WebsocketCommunicator(Listener.as_asgi(), "/ws/calls/", headers=headers)
    communicator.scope["user"] = user
    return communicator


@pytest.fixture
def people(transactional_db: None) -> Iterator[dict[str, User]]:
    yield {user.email.split("@")[0]: user for user in User.objects.all()}


async def closed_with(communicator: WebsocketCommunicator) -> int:
    await communicator.connect()
    return (await communicator.receive_output())["code"]


async def subscribed(user: User, host: str, *topics: str) -> WebsocketCommunicator:
    communicator = socket(user, host)
    await communicator.connect()
    await communicator.send_json_to({"subscribe": list(topics)})
    await communicator.receive_json_from()
    return communicator


async def test_stranger_and_anonymous_are_closed(people: dict[str, User]) -> None:
    assert await closed_with(socket(None, "acme.localhost")) == 4401
    assert await closed_with(socket(people["charlie"], "acme.localhost")) == 4403
    assert await closed_with(socket(people["alice"], "nowhere.localhost")) == 4403


async def test_page_of_another_tenant_cannot_open_the_socket(people: dict[str, User]) -> None:
    assert await closed_with(socket(people["alice"], "acme.localhost", origin="globex.localhost")) == 4403


@sync_to_async
def publish(schema: str, topic: str, version: int) -> None:
    with transaction.atomic():
        hint_publish(schema, topic, "call", "1", version)


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


def test_rolled_back_change_sends_no_hint(people: dict[str, User]) -> None:
    layer = get_channel_layer()
    channel = async_to_sync(layer.new_channel)()
    async_to_sync(layer.group_add)("acme.calls", channel)
    with pytest.raises(RuntimeError), transaction.atomic():
        hint_publish("acme", "calls", "call", "1", 1)
        raise RuntimeError
    assert channel not in layer.channels or layer.channels[channel].empty()
