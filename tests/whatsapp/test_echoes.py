"""What the company sends from its WhatsApp Business app is in the thread as said by the company, whatever order it is told in."""

import time
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django_tenants.utils import tenant_context

from apps.billing.models import LedgerEntry
from apps.core.models import InboundEvent
from apps.desktop.models import ContactIdentity, Conversation, Message
from apps.desktop.selectors.outgoing import messages_unanswered
from apps.desktop.services.conversations import conversation_resolve
from apps.desktop.services.team import team_create
from apps.tenants.models import Tenant, User
from apps.whatsapp.models import Turn
from apps.whatsapp.services.numbers import mapping_set
from apps.whatsapp.services.turns import turn_is_current, turns_sweep
from tests.whatsapp.meta import NUMBER, WA_ID, Graph, deliver, fresh, recorded, said, status, work

pytestmark = pytest.mark.django_db


def echo(text: str = "We are open.", *, wamid: str = "wamid.echo", to: str = WA_ID, at: float | None = None) -> dict[str, Any]:
    """The company writes to a contact from its app."""
    payload = recorded("echo")
    row = payload["entry"][0]["changes"][0]["value"]["message_echoes"][0]
    row.update({"id": wamid, "to": to, "timestamp": str(int(at or time.time())), "text": {"body": text}})
    return payload


def lines() -> list[tuple[str, str]]:
    return [(message.author, message.text) for message in Message.objects.order_by("at", "pk")]


def test_it_answers_what_the_contact_wrote(team_number: Any, graph: Graph) -> None:
    now = time.time()
    deliver(said("Are you open?", at=now - 60), echo(at=now - 30))
    work()
    conversation, answer = Conversation.objects.get(), Message.objects.get(author="person")
    assert lines() == [("contact", "Are you open?"), ("person", "We are open.")]
    assert (answer.status, answer.user_id, answer.conversation_id) == ("sent", None, conversation.pk)
    assert (conversation.waiting_since, conversation.unread, conversation.answer_due_at) == (None, 0, None)
    assert (conversation.status, conversation.last_message_text) == ("open", "We are open.")
    assert graph.sent == [], "Meta has sent it already"


def test_told_twice_it_is_there_once_and_its_statuses_cost_nothing(team_number: Any, graph: Graph) -> None:
    deliver(said("Hi", at=time.time() - 60), echo(), echo())
    work()
    deliver(status("wamid.echo", "delivered"), status("wamid.echo", "read"))
    work()
    assert Message.objects.get(author="person").status == "read"
    assert not LedgerEntry.objects.filter(source_id="wamid.echo").exists()


ASKED, ANSWERED, THANKED = ("said", "Are you open?"), ("echo", "We are open."), ("said", "Thanks")
WRITTEN_FIRST = ("echo", "Your order is here.")
SECOND, MINUTE = timedelta(seconds=1), 60.0


def told(*parts: tuple[str, str], first: float) -> list[dict[str, Any]]:
    """Webhooks of messages a minute apart, the first of them at `first`."""
    makers = {"said": said, "echo": echo}
    return [makers[who](text, wamid=f"wamid.{place}", at=first + place * MINUTE) for place, (who, text) in enumerate(parts)]


def delivered(payloads: list[dict[str, Any]]) -> None:
    for payload in payloads:
        deliver(payload)
        work()


def forgotten() -> None:
    Turn.objects.all().delete()
    Conversation.objects.all().delete()
    InboundEvent.objects.all().delete()


@pytest.mark.parametrize(
    "parts",
    [
        (ASKED, ANSWERED),
        (WRITTEN_FIRST, THANKED),
        (ASKED, ANSWERED, THANKED),
        (WRITTEN_FIRST, ASKED, ANSWERED),
        (WRITTEN_FIRST, ASKED, ANSWERED, THANKED),
    ],
)
def test_in_any_order_it_is_one_conversation(number: Any, graph: Graph, herald: Any, parts: tuple[tuple[str, str], ...]) -> None:
    payloads = told(*parts, first=time.time() - 10 * MINUTE)
    states = set()
    for order in permutations(payloads):
        forgotten()
        delivered(list(order))
        one = Conversation.objects.get()
        asked = [Message.objects.get(pk=pk).text for turn in Turn.objects.filter(state="collecting") for pk in turn.message_ids]
        states.add((tuple(lines()), one.status, one.unread, one.waiting_since, one.last_message_text, tuple(asked)))
    ((said_now, status_now, unread, since, last, asked_now),) = states
    waits = parts[-1] == THANKED
    assert [text for _, text in said_now] == [text for _, text in parts]
    assert (status_now, unread, last, asked_now) == ("pending", int(waits), parts[-1][1], ("Thanks",) if waits else ())
    assert bool(since) == waits


def test_in_any_order_what_came_in_the_same_second_is_not_answered_by_it(number: Any, graph: Graph, herald: Any) -> None:
    now = float(int(time.time()) - 60)
    asked = said("Are you open?", wamid="wamid.1", at=now - 30)
    crossed = [echo(at=now), said("And on Sunday?", wamid="wamid.2", at=now)]
    for order in permutations([asked, *crossed]):
        forgotten()
        delivered(list(order))
        one, turn = Conversation.objects.get(), Turn.objects.get(state="collecting")
        waits = Message.objects.get(external_id="wamid.2")
        assert (one.unread, one.waiting_since) == (1, waits.at)
        assert turn.message_ids == [str(waits.pk)]
        assert list(messages_unanswered(one)) == [waits]


def test_in_any_order_a_resolved_conversation_keeps_what_it_had(team_number: Any, graph: Graph, bob: User) -> None:
    payloads = told(ASKED, ANSWERED, THANKED, first=time.time() - 5 * MINUTE)
    before = said("Hello", at=time.time() - 20 * MINUTE)
    states = set()
    for order in permutations(payloads):
        forgotten()
        delivered([before])
        old = conversation_resolve(conversation_id=Conversation.objects.get().pk, user_id=bob.pk)
        Conversation.objects.update(resolved_at=old.resolved_at - 10 * MINUTE * SECOND)
        delivered(list(order))
        new = Conversation.objects.exclude(pk=old.pk).get()
        old.refresh_from_db()
        states.add((
            tuple(new.messages.values_list("text", flat=True)), new.status, new.unread, new.last_message_text,
            tuple(old.messages.values_list("text", flat=True)), old.status, old.last_message_text,
        ))  # fmt: skip
    (state,) = states
    assert state[:4] == (("Are you open?", "We are open.", "Thanks"), "open", 1, "Thanks")
    assert state[4:7] == (("Hello",), "resolved", "Hello")


def test_what_was_answered_before_it_was_resolved_opens_nothing(team_number: Any, graph: Graph, bob: User) -> None:
    now = time.time()
    delivered([said("Hello", at=now - 90), echo(at=now - 30)])
    conversation = conversation_resolve(conversation_id=Conversation.objects.get().pk, user_id=bob.pk)
    delivered([said("Are you open?", at=now - 60)])
    kept = Conversation.objects.get()
    assert (kept.pk, kept.status, kept.unread, kept.waiting_since) == (conversation.pk, "resolved", 0, None)
    assert [text for _, text in lines()] == ["Hello", "Are you open?", "We are open."]


def test_the_answer_that_overtook_the_question_leaves_nothing_to_be_done(
    team_number: Any, graph: Graph, bob: User, client_for: Any
) -> None:
    now = time.time()
    delivered([echo(at=now - 30), said("Are you open?", at=now - 60)])
    conversation = Conversation.objects.get()
    assert (conversation.status, conversation.waiting_since, conversation.answer_due_at) == ("open", None, None)
    page = client_for(bob, "acme").get(f"/desktop/{conversation.pk}/").content.decode()
    assert "Your company wrote first" not in page, "the contact did"


def test_what_the_agent_is_still_saying_is_dropped(number: Any, graph: Graph, herald: Any) -> None:
    deliver(said("Are you open?", at=time.time() - 60))
    work()
    before = Conversation.objects.get()
    deliver(echo())
    work()
    after, turn = Conversation.objects.get(), Turn.objects.get()
    assert (after.status, after.generation) == ("pending", before.generation + 1)
    assert (turn.state, turn.message_ids) == ("stale", [])


def test_what_the_contact_wrote_after_it_is_answered_although_it_is_told_late(number: Any, graph: Graph, herald: Any) -> None:
    now = int(time.time()) - 60
    deliver(said("Are you open?", wamid="wamid.1", at=now))
    deliver(said("And on Sunday?", wamid="wamid.2", at=now + 20))
    work()
    Turn.objects.update(due_at=timezone.now())
    assert turns_sweep() == 1
    deliver(echo(at=now + 10))
    work()
    conversation = Conversation.objects.get()
    running, collected = Turn.objects.get(state="running"), Turn.objects.get(state="collecting")
    assert not turn_is_current(running, conversation)
    assert collected.message_ids == [str(Message.objects.get(external_id="wamid.2").pk)]


def test_a_resolved_conversation_stays_so_and_shows_it(team_number: Any, graph: Graph, bob: User) -> None:
    deliver(said("Hi", at=time.time() - 60))
    work()
    conversation = conversation_resolve(conversation_id=Conversation.objects.get().pk, user_id=bob.pk)
    deliver(echo("Anything else?"))
    work()
    kept = Conversation.objects.get()
    assert (kept.pk, kept.status, kept.last_message_text) == (conversation.pk, "resolved", "Anything else?")


def test_written_to_first_the_contact_is_one_and_nobody_is_told(
    team_number: Any, graph: Graph, client_for: Any, bob: User
) -> None:
    deliver(echo("Your order is here.", to=f"+{WA_ID}", at=time.time() - 60))  # Meta tells whole seconds
    work()
    conversation = Conversation.objects.get()
    assert (conversation.status, conversation.waiting_since, conversation.notified_at) == ("resolved", None, None)
    assert conversation.contact.phone == f"+{WA_ID}"
    page = client_for(bob, "acme").get(f"/desktop/{conversation.pk}/").content.decode()
    assert "WhatsApp Business app" in page and "Your company wrote first" in page
    deliver(said("Thank you!"))
    work()
    kept = Conversation.objects.get()
    assert (kept.pk, kept.status, kept.unread) == (conversation.pk, "open", 1)
    assert kept.notified_at is not None, "the team is asked now"
    conversation_resolve(conversation_id=kept.pk, user_id=bob.pk)
    deliver(said("One more thing"))
    work()
    assert Conversation.objects.exclude(pk=kept.pk).get().status == "open", "what somebody here resolved stays resolved"


def test_a_picture_of_the_company_is_fetched(team_number: Any, graph: Graph) -> None:
    payload = echo()
    row = payload["entry"][0]["changes"][0]["value"]["message_echoes"][0]
    row.pop("text")
    row |= {"type": "image", "image": {"id": "media-9", "mime_type": "image/png", "caption": "Look"}}
    graph.media["media-9"] = (b"a picture", "image/png")
    deliver(payload)
    work()
    message = Message.objects.get()
    assert (message.kind, message.text, message.attachments.get().state) == ("image", "Look", "stored")


def rewritten(kind: str, **more: Any) -> dict[str, Any]:
    """The company edits or deletes in its app what echo() said; in the form that Meta documents."""
    payload = recorded(f"echo_{kind}")
    row = payload["entry"][0]["changes"][0]["value"]["message_echoes"][0]
    row[kind]["original_message_id"] = "wamid.echo"
    row.update({"timestamp": str(int(time.time())), **more})
    return payload


def reacted(emoji: str, to: str, *, wamid: str, at: float) -> dict[str, Any]:
    payload = echo(wamid=wamid, at=at)
    row = payload["entry"][0]["changes"][0]["value"]["message_echoes"][0]
    row.pop("text")
    row |= {"type": "reaction", "reaction": {"message_id": to, "emoji": emoji}}
    return payload


@pytest.mark.parametrize("late", [False, True])
def test_an_edit_in_the_app_shows_what_it_says_now(team_number: Any, bob: User, client_for: Any, late: bool) -> None:
    payloads = [echo("Here is what you asked for.", at=time.time() - 60), rewritten("edit")]
    delivered(payloads[::-1] if late else payloads)
    InboundEvent.objects.update(available_at=timezone.now())  # what waited for its message is tried again
    work()
    message, conversation = Message.objects.get(), Conversation.objects.get()
    assert message.text == conversation.last_message_text == "Here is all that you asked for."
    assert message.payload["edited"]["original"] == "Here is what you asked for."
    page = client_for(bob, "acme").get(f"/desktop/{conversation.pk}/").content.decode()
    assert "At first: Here is what you asked for." in page


def test_what_was_deleted_in_the_app_is_gone_here_too(team_number: Any, bob: User, client_for: Any) -> None:
    delivered([said("Hi", at=time.time() - 90), echo("Wrong number", at=time.time() - 60), rewritten("revoke")])
    message, conversation = Message.objects.get(author="person"), Conversation.objects.get()
    assert (message.kind, message.text, conversation.waiting_since) == ("revoked", "", None)
    page = client_for(bob, "acme").get(f"/desktop/{conversation.pk}/").content.decode()
    assert "This message was deleted in the WhatsApp Business app." in page and "Wrong number" not in page


def test_neither_side_rewrites_what_the_other_one_wrote(team_number: Any) -> None:
    delivered([said("Hi", wamid="wamid.theirs", at=time.time() - 90), echo(at=time.time() - 60)])
    ours = rewritten("revoke")
    ours["entry"][0]["changes"][0]["value"]["message_echoes"][0]["revoke"]["original_message_id"] = "wamid.theirs"
    delivered([ours, fresh("revoke", revoke={"original_message_id": "wamid.echo"})])
    assert [text for _, text in lines()] == ["Hi", "We are open."]


def test_a_reaction_in_the_app_is_the_companys_one_reaction(team_number: Any, bob: User, client_for: Any) -> None:
    now = time.time()
    delivered([said("Hi", wamid="wamid.theirs", at=now - 90)])
    Message.objects.update(reactions={str(bob.pk): "🎉", "contact": "😮"})
    delivered(
        [
            reacted("👍", "wamid.theirs", wamid="wamid.r2", at=now - 30),
            reacted("👎", "wamid.theirs", wamid="wamid.r1", at=now - 40),
        ]
    )
    message = Message.objects.get()
    assert message.reactions == {"contact": "😮", "app": "👍"}, "the older one came later"
    page = client_for(bob, "acme").get(f"/desktop/{message.conversation_id}/").content.decode()
    assert '<span title="WhatsApp Business app">' in page
    delivered([reacted("", "wamid.theirs", wamid="wamid.r3", at=now - 20)])
    assert Message.objects.get().reactions == {"contact": "😮"}


def test_a_system_message_of_the_app_says_why_it_is_not_shown(team_number: Any) -> None:
    payload = echo()
    payload["entry"][0]["changes"][0]["value"]["message_echoes"][0] |= {"type": "system", "system": {}}
    delivered([payload])
    assert InboundEvent.objects.get().note == "A system message from the WhatsApp Business app changes nothing here."
    assert not Message.objects.exists()


def test_without_an_addressee_it_is_kept_and_ignored(team_number: Any) -> None:
    deliver(echo(to=""))
    work()
    assert InboundEvent.objects.get().note == "The message does not say whom it went to."


def test_an_unknown_number_is_parked_and_another_company_sees_nothing(in_acme: Tenant, globex: Tenant, charlie: User) -> None:
    deliver(echo())
    work()
    assert InboundEvent.objects.get().state == "ignored" and not Message.objects.exists()
    team_create(slug="support", name="Support")
    mapping_set(phone_number_id=NUMBER, team="support")
    work()
    conversation = Conversation.objects.get()
    assert lines() == [("person", "We are open.")]
    client = Client(headers={"host": "globex.localhost"})
    client.force_login(charlie)
    assert client.get(f"/desktop/{conversation.pk}/").status_code == 404
    with tenant_context(globex):
        assert not Message.objects.exists()


def test_the_first_status_tells_the_user_id_of_whom_was_written_to_by_number(held: Any, write: Any, graph: Graph) -> None:
    ContactIdentity.objects.filter(kind="wa_user_id").delete()
    message = write("Hello")
    work()
    message.refresh_from_db()
    deliver(status(message.external_id, "sent", recipient_user_id="US.77"))
    work()
    assert set(held.contact.identities.values_list("kind", "value")) == {("wa_id", WA_ID), ("wa_user_id", "US.77")}
    again = write("Again")
    work()
    again.refresh_from_db()
    deliver(status(again.external_id, "sent", recipient_user_id="US.88"))
    work()
    assert not ContactIdentity.objects.filter(value="US.88").exists(), "the number has moved to somebody else"
