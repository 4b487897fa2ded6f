"""The desktop's websocket: who may listen to what, what was missed, and who is typing."""

from collections.abc import Iterator

import pytest
from asgiref.sync import sync_to_async
from django_tenants.utils import tenant_context

from apps.desktop.consumers import DeskConsumer
from apps.desktop.models import Colleague, Conversation
from apps.desktop.selectors import event_last_id
from apps.desktop.services.conversations import conversation_claim
from apps.tenants.models import Membership, Role, Tenant, User
from tests.pages.desk import DeskChannel, chat, desk_channel, hears
from tests.sockets import Socket

pytestmark = pytest.mark.django_db(transaction=True)
NOWHERE = "01a20e90-2a8c-7216-868d-0fdf7e6f836a"


class TypingChannel(DeskChannel):
    def __init__(self) -> None:
        super().__init__()
        self.typed: list[Conversation] = []

    def typing(self, conversation: Conversation) -> None:
        self.typed.append(conversation)


@pytest.fixture
def people(transactional_db: None) -> dict[str, User]:
    return {user.email.split("@")[0]: user for user in User.objects.all()}


@pytest.fixture
def acme(transactional_db: None) -> Tenant:
    return Tenant.objects.get(schema_name="acme")


@pytest.fixture
def channel() -> Iterator[TypingChannel]:
    with desk_channel(TypingChannel()) as stand_in:
        yield stand_in  # type: ignore[misc]


@pytest.fixture
def talk(acme: Tenant, channel: TypingChannel, people: dict[str, User]) -> Conversation:
    """Bob's."""
    with tenant_context(acme):
        conversation = chat(agent=False)
        hears(conversation)
        return conversation_claim(conversation_id=conversation.pk, user_id=people["bob"].pk)


def socket(user: User, host: str = "acme.localhost") -> Socket:
    headers = [(b"host", f"{host}:8001".encode()), (b"origin", f"http://{host}:8000".encode())]
    communicator = Socket(DeskConsumer.as_asgi(), "/ws/desktop/", headers=headers)
    communicator.scope["user"] = user
    return communicator


async def listening(user: User, *topics: str) -> Socket:
    communicator = socket(user)
    await communicator.connect()
    await communicator.send_json_to({"subscribe": list(topics)})
    await communicator.receive_json_from()
    return communicator


@pytest.fixture
def bob_in_finance(people: dict[str, User]) -> Iterator[None]:
    """Memberships outlive a test that commits."""
    Membership.objects.filter(user=people["bob"]).update(role=Role.FINANCE)
    yield
    Membership.objects.filter(user=people["bob"]).update(role=Role.AGENT)


async def test_finance_and_other_companies_are_closed(people: dict[str, User], bob_in_finance: None) -> None:
    for user in ("bob", "charlie"):
        communicator = socket(people[user])
        await communicator.connect()
        assert (await communicator.receive_output())["code"] == 4403


async def test_one_hears_the_desk_and_ones_own_notifications(people: dict[str, User], acme: Tenant) -> None:
    bob, alice = people["bob"].pk, people["alice"].pk
    communicator = socket(people["bob"])
    await communicator.connect()
    offered = ["desk", f"desk:{NOWHERE}", f"desk:user:{bob}"]
    refused = [f"desk:user:{alice}", "desk:", "desk:nonsense", "calls", f"call:{NOWHERE}", f"other:{NOWHERE}"]
    await communicator.send_json_to({"subscribe": offered + refused})
    assert (await communicator.receive_json_from())["subscribed"] == sorted(offered)
    await communicator.disconnect()


async def test_a_client_learns_whether_it_missed_something(people: dict[str, User], acme: Tenant, talk: Conversation) -> None:
    last = await sync_to_async(in_acme)(acme)
    communicator = await listening(people["bob"], "desk")
    for known, missed in ((0, True), ("nonsense", True), (last - 1, True)):
        await communicator.send_json_to({"register": {"last_event_id": known}})
        assert await communicator.receive_json_from() == {"registered": last, "missed": missed}, known
    await communicator.send_json_to({"register": 3})
    await communicator.send_json_to([1])
    assert await communicator.receive_nothing()
    await communicator.disconnect()
    assert await sync_to_async(seen)(acme, people["bob"])


def in_acme(acme: Tenant) -> int:
    with tenant_context(acme):
        return event_last_id()


def seen(acme: Tenant, user: User) -> bool:
    with tenant_context(acme):
        return Colleague.objects.get(user_id=user.pk).seen_at is not None


async def test_the_others_and_the_contact_see_who_types(
    people: dict[str, User], talk: Conversation, channel: TypingChannel
) -> None:
    topic = f"desk:{talk.pk}"
    bob, alice = await listening(people["bob"], topic), await listening(people["alice"], topic)
    for _ in range(2):
        await bob.send_json_to({"typing": str(talk.pk)})
        hint = await alice.receive_json_from()
        assert (hint["type"], hint["name"], hint["topic"]) == ("typing", "Bob", topic)
    assert await bob.receive_nothing(), "nobody is told of themselves"
    assert [row.pk for row in channel.typed] == [talk.pk], "the contact once, which lasts for a while"
    await alice.send_json_to({"typing": str(talk.pk)})
    await bob.receive_json_from()
    assert len(channel.typed) == 1, "alice does not hold it"
    await alice.send_json_to({"typing": NOWHERE})
    assert await bob.receive_nothing()
    await bob.disconnect()
    await alice.disconnect()
