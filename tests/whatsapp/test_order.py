"""Any permutation and duplication of a set of deliveries ends in the same state."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.core.models import InboundEvent, OutboundEffect
from apps.desktop.models import Contact, Conversation, Message
from apps.desktop.services.messages import message_send
from apps.whatsapp.models import ReactionSeen, Turn
from tests.whatsapp.meta import Graph, deliver, fresh, said, status, work

pytestmark = pytest.mark.django_db

START = timezone.now().replace(microsecond=0)


def deliveries() -> list[dict[str, Any]]:
    at = START.timestamp() - 100
    return [
        said("First", wamid="wamid.1", at=at),
        said("Second", wamid="wamid.2", at=at + 1),
        fresh("text_reply", wamid="wamid.3", at=at + 2, context={"from": "1", "id": "wamid.1"}),
        fresh("image", wamid="wamid.4", at=at + 3),
        fresh("reaction", wamid="wamid.5", at=at + 4, reaction={"message_id": "wamid.1", "emoji": "👍"}),
        fresh("reaction", wamid="wamid.6", at=at + 5, reaction={"message_id": "wamid.1"}),
        fresh("reaction", wamid="wamid.7", at=at + 6, reaction={"message_id": "wamid.2", "emoji": "🎉"}),
        said("Of another contact", wamid="wamid.8", at=at + 7, wa_id="17035550199"),
        status("wamid.ours", "sent", timestamp=str(int(at) + 8)),
        status("wamid.ours", "delivered", timestamp=str(int(at) + 9)),
        status("wamid.ours", "read", timestamp=str(int(at) + 10)),
        status("wamid.failed", "sent", timestamp=str(int(at) + 8)),
        status("wamid.failed", "failed", timestamp=str(int(at) + 9)),
    ]


COUNT = len(deliveries())
ORDERS = st.tuples(st.permutations(range(COUNT)), st.lists(st.integers(0, COUNT - 1), max_size=8), st.integers(1, 5))


def state() -> Any:
    """Everything that people see, without ids that are made up on arrival."""
    return {
        "contacts": sorted(
            (c.name, c.phone, tuple(sorted(c.identities.values_list("kind", "value")))) for c in Contact.objects.all()
        ),
        "conversations": sorted(
            (c.contact.phone, c.status, c.unread, c.window_until, c.last_message_at, c.last_message_text, c.waiting_since)
            for c in Conversation.objects.exclude(line="outside")
        ),
        "messages": [
            (m.external_id, m.kind, m.text, m.status, m.error_code, m.reactions, m.payload, m.reply_to and m.reply_to.external_id)
            for m in Message.objects.order_by("external_id")
        ],
        "statuses": sorted(Message.objects.values_list("external_id", "statuses__status", "statuses__at")),
        "files": sorted(Message.objects.filter(attachments__isnull=False).values_list("external_id", "attachments__external_id")),
        "fetches": OutboundEffect.objects.filter(kind="whatsapp.media").count(),
    }


def play(order: list[int], batch: int, ours: Any) -> Any:
    """Delivers in this order, working after each batch, then lets time pass until everything is settled."""
    for model in (InboundEvent, OutboundEffect, ReactionSeen, Turn, Message, Conversation, Contact):
        model.objects.all().delete()
    ours()
    with time_machine.travel(START, tick=False) as clock:
        rows = deliveries()
        for start in range(0, len(order), batch):
            deliver(*(rows[index] for index in order[start : start + batch]))
            work()
        for _ in range(8):
            clock.shift(timedelta(seconds=20))
            work()
    return state()


@pytest.fixture
def ours(team_number: Any, graph: Graph) -> Any:
    """Two messages of ours that Meta has taken, in a conversation with somebody else."""

    def make() -> None:
        contact = Contact.objects.create(name="Outside")
        until = START + timedelta(hours=20)
        conversation = Conversation.objects.create(contact=contact, line="outside", status="open", window_until=until)
        for wamid in ("wamid.ours", "wamid.failed"):
            message = message_send(conversation=conversation, author="system", text="Hello")
            Message.objects.filter(pk=message.pk).update(status="sent", external_id=wamid)
        OutboundEffect.objects.all().delete()

    return make


def test_any_order_and_duplication_gives_the_same_state(ours: Any, graph: Graph) -> None:
    graph.media["1003383421387256"] = (b"an image", "image/jpeg")
    expected = play(list(range(COUNT)), COUNT, ours)
    assert len(expected["messages"]) == 7
    assert expected["conversations"][0][2] == 4

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), database=None, derandomize=True)
    @given(ORDERS)
    def check(drawn: Any) -> None:
        order, again, batch = drawn
        assert play([*order, *again], batch, ours) == expected

    check()
