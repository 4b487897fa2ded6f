"""Any permutation and duplication of a set of deliveries ends in the same state."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from apps.core.models import InboundEvent, OutboundEffect
from apps.desktop.models import Contact, Conversation, IdentityChange, Message
from apps.desktop.services.messages import message_send
from apps.whatsapp.models import ReactionSeen, Turn
from tests.whatsapp.meta import Graph, changed, deliver, fresh, said, status, work, written_by

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
        status("wamid.ours", "sent", timestamp=str(int(at) + 8), recipient_user_id="US.outside"),
        status("wamid.ours", "delivered", timestamp=str(int(at) + 9)),
        status("wamid.ours", "read", timestamp=str(int(at) + 10)),
        status("wamid.failed", "sent", timestamp=str(int(at) + 8), recipient_user_id="US.outside"),
        status("wamid.failed", "failed", timestamp=str(int(at) + 9)),
    ]


def people() -> list[dict[str, Any]]:
    """People whose number or user id changes, who are known by one of them only, and who edit and delete what they wrote."""
    at = START.timestamp() - 100
    ann, new = "4915100000001", "4915100000002"
    ben, his_new = ("4915100000011", "DE.11"), ("4915100000012", "DE.12")
    return [
        said("From the old number", wamid="wamid.a1", at=at + 10, wa_id=ann),
        changed(at + 12, wa_id=(ann, new)),
        said("From the new number", wamid="wamid.a2", at=at + 14, wa_id=new),
        fresh("text_reply", wamid="wamid.a3", at=at + 16, wa_id=new, context={"from": "1", "id": "wamid.a1"}),
        written_by(said("Before", wamid="wamid.b1", at=at + 11), *ben),
        changed(at + 13, wa_id=(ben[0], his_new[0]), user_id=(ben[1], his_new[1])),
        written_by(said("After", wamid="wamid.b2", at=at + 15), *his_new),
        written_by(said("Without a number", wamid="wamid.c1", at=at + 11), "", "DE.21"),
        written_by(said("With both", wamid="wamid.c2", at=at + 12), "4915100000021", "DE.21"),
        said("Without a user id", wamid="wamid.c3", at=at + 13, wa_id="4915100000021"),
        written_by(said("Her first id", wamid="wamid.d1", at=at + 11), "4915100000031", "DE.31"),
        changed(at + 12, wa_id=("4915100000031", ""), user_id=("DE.31", "DE.32")),
        written_by(said("Her second id", wamid="wamid.d2", at=at + 13), "", "DE.32"),
        edited("wamid.a3", "Edited once", wamid="wamid.e1", at=at + 20),
        edited("wamid.a3", "Edited twice", wamid="wamid.e2", at=at + 21),
        fresh("revoke", wamid="wamid.e3", at=at + 22, wa_id=new, revoke={"original_message_id": "wamid.a2"}),
        fresh("reaction", wamid="wamid.e4", at=at + 17, reaction={"message_id": "wamid.a2", "emoji": "👍"}),
    ]


def edited(target: str, text: str, *, wamid: str, at: float) -> dict[str, Any]:
    said_now = {"type": "text", "text": {"body": text}}
    return fresh("edit", wamid=wamid, at=at, edit={"original_message_id": target, "message": said_now})


def orders(count: int) -> st.SearchStrategy[Any]:
    """An order, what is delivered again after it, and how many deliveries are worked on at once."""
    return st.tuples(st.permutations(range(count)), st.lists(st.integers(0, count - 1), max_size=8), st.integers(1, 5))


def state() -> Any:
    """Everything that people see, without ids that are made up on arrival."""
    return {
        "contacts": sorted(
            (c.name, c.phone, str(c.fields), tuple(sorted(c.identities.values_list("kind", "value"))))
            for c in Contact.objects.all()
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


def play(rows: list[dict[str, Any]], order: list[int], batch: int, ours: Any) -> Any:
    """Delivers in this order, working after each batch, then lets time pass until everything is settled."""
    for model in (InboundEvent, OutboundEffect, ReactionSeen, Turn, Message, Conversation, Contact, IdentityChange):
        model.objects.all().delete()
    ours()
    with time_machine.travel(START, tick=False) as clock:
        for start in range(0, len(order), batch):
            deliver(*(rows[index] for index in order[start : start + batch]))
            work()
        for _ in range(8):
            if not _open_mail():
                break
            clock.shift(timedelta(seconds=20))
            work()
    return state()


def _open_mail() -> bool:
    return any(model.objects.filter(state="pending").exists() for model in (InboundEvent, OutboundEffect))


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


def settled(rows: list[dict[str, Any]], ours: Any) -> Any:
    """The state after the order in which it was written; every other order has to end in it too."""
    expected = play(rows, list(range(len(rows))), len(rows), ours)

    @settings(
        max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), database=None, derandomize=True,
        phases=[Phase.generate],
    )  # fmt: skip
    @given(orders(len(rows)))
    def check(drawn: Any) -> None:
        order, again, batch = drawn
        assert play(rows, [*order, *again], batch, ours) == expected

    check()
    return expected


@pytest.mark.timeout(600)
def test_any_order_and_duplication_gives_the_same_state(ours: Any, graph: Graph) -> None:
    graph.media["1003383421387256"] = (b"an image", "image/jpeg")
    state = settled(deliveries(), ours)
    assert len(state["messages"]) == 7
    assert state["conversations"][0][2] == 4


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_any_order_of_changed_numbers_edits_and_deletions_gives_the_same_state(ours: Any) -> None:
    state = settled(people(), ours)
    names = [("Outside", ""), *(("Sheena Nelson", f"+49151000000{number}") for number in ("02", "12", "21", "31"))]
    assert [(name, phone) for name, phone, *_ in state["contacts"]] == names
    assert [row[2] for row in state["conversations"]] == [3, 2, 3, 2]
    said_now = {row[0]: (row[1], row[2], row[7]) for row in state["messages"]}
    assert said_now["wamid.a3"] == ("text", "Edited twice", "wamid.a1")
    assert said_now["wamid.a2"] == ("revoked", "", None)
