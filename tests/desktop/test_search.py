"""Lists, filters, counts and search."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.core.ids import uuid7
from apps.desktop.errors import UnknownConversation
from apps.desktop.models import Contact, Conversation
from apps.desktop.selectors import (
    canned_all,
    colleague_get,
    colleagues_all,
    conversation_counts,
    conversation_get,
    conversations_list,
    members_of,
    teams_all,
    user_names,
)
from apps.desktop.selectors.conversations import _matching
from apps.desktop.services.canned import canned_delete, canned_set, canned_text
from apps.desktop.services.contacts import contact_update
from apps.desktop.services.conversations import (
    conversation_claim,
    conversation_escalate,
    conversation_resolve,
    conversation_snooze,
)
from apps.desktop.services.messages import note_add
from apps.desktop.services.team import colleague_seen, colleague_set, team_create, team_members_set, team_update
from apps.tenants.models import User
from tests.desktop.factories import RecordingChannel, a_contact, a_conversation, says


def found(user: User, **values: str) -> set[str]:
    return {row.contact.name for row in conversations_list(user_id=user.pk, **{"view": "all", **values})}  # type: ignore[arg-type]


def test_each_view_holds_what_it_says(desk: RecordingChannel, alice: User, bob: User) -> None:
    waiting, mine, hers, with_ai, over, later = (
        a_conversation(contact=a_contact(name=name)) for name in ("waiting", "mine", "hers", "with_ai", "over", "later")
    )
    conversation_escalate(conversation=waiting, reason="x")
    conversation_claim(conversation_id=mine.pk, user_id=bob.pk)
    conversation_claim(conversation_id=hers.pk, user_id=alice.pk)
    conversation_resolve(conversation_id=over.pk, user_id=None, outcome="")
    conversation_claim(conversation_id=later.pk, user_id=bob.pk)
    conversation_snooze(conversation_id=later.pk, user_id=bob.pk, until=timezone.now() + timedelta(days=1))
    says(mine)
    says(with_ai)
    assert found(bob, view="mine") == {"mine", "later"}
    assert found(bob, view="unassigned") == {"waiting"}
    assert found(bob, view="all") == {"waiting", "mine", "hers", "with_ai", "later"}
    assert found(bob, view="resolved") == {"over"}
    assert found(bob, status="pending") == {"with_ai"}
    assert conversation_counts(bob.pk) == {
        "mine": 2, "unassigned": 1, "all": 5, "resolved": 1,
        "mine_unread": 1, "unassigned_unread": 0, "all_unread": 2, "resolved_unread": 0,
    }  # fmt: skip


def test_filters_narrow_a_list(desk: RecordingChannel, bob: User) -> None:
    team_create(slug="support", name="Support", user_ids=[bob.pk])
    a_conversation(contact=a_contact(name="one"), agent=False, team_slug="support")
    tagged = a_conversation(contact=a_contact(name="two"), agent=False)
    contact_update(contact=tagged.contact, user_id=bob.pk, tags=["vip"])
    assert found(bob, team="support") == {"one"}
    assert found(bob, tag="vip") == {"two"}
    assert found(bob, channel="test") == {"one", "two"} and found(bob, channel="other") == set()


def test_search_finds_words_their_beginnings_and_people(desk: RecordingChannel, bob: User) -> None:
    first = a_conversation(contact=a_contact(name="Dana Scully", phone="+44 20 7946 0018"))
    says(first, "My parcel number is AB-1234, sent to dana@fbi.example")
    second = a_conversation(contact=a_contact(name="Fox Mulder"))
    says(second, "I want to believe")
    note_add(conversation_id=second.pk, user_id=bob.pk, text="Überprüfen: Rückruf")
    for q, name in (
        ("parcel", "Dana Scully"), ("parc", "Dana Scully"), ("PARCEL number", "Dana Scully"), ("ab-1234", "Dana Scully"),
        ("dana@fbi.example", "Dana Scully"), ("scull", "Dana Scully"), ("7946", "Dana Scully"),
        ("believe want", "Fox Mulder"), ("rückr", "Fox Mulder"), ("mulder", "Fox Mulder"),
    ):  # fmt: skip
        assert found(bob, q=q) == {name}, q
    assert found(bob, q="parcel believe") == set()


@pytest.mark.parametrize(
    "q", ["'", "''", "\\", "a' | 'b", "!", "&", "(", ":*", "<->", "%", "_", "a\x00b", "'; DROP TABLE x; --", "🙂"]
)
def test_search_takes_anything(desk: RecordingChannel, bob: User, q: str) -> None:
    says(a_conversation(contact=a_contact(name="Dana")), "plain words")
    assert found(bob, q=q) == set()


def test_search_uses_its_index(desk: RecordingChannel) -> None:
    with CaptureQueriesContext(connection) as queries:
        list(Conversation.objects.filter(_matching("parcel")))
    sql = queries[-1]["sql"]
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("EXPLAIN " + sql)
        assert "message_search" in "\n".join(row[0] for row in cursor.fetchall())


def test_the_latest_comes_first_and_the_silent_last(desk: RecordingChannel, bob: User) -> None:
    at = timezone.now()
    silent, old, new = (a_conversation() for _ in range(3))
    says(new, at=at)
    says(old, at=at - timedelta(hours=1))
    assert [row.pk for row in conversations_list(user_id=bob.pk, view="all")] == [new.pk, old.pk, silent.pk]


def test_a_list_costs_one_query(desk: RecordingChannel, bob: User) -> None:
    for _ in range(3):
        a_conversation(agent=False)
    with CaptureQueriesContext(connection) as queries:
        assert [str(row.contact) for row in conversations_list(user_id=bob.pk, view="all", q="contact")]
    assert len(queries) == 1


@pytest.mark.parametrize("value", ["nonsense", "", str(uuid7())], ids=["words", "nothing", "unknown"])
def test_what_is_no_conversation(desk: RecordingChannel, value: str) -> None:
    with pytest.raises(UnknownConversation):
        conversation_get(value)


def test_people_with_presence_load_and_teams(desk: RecordingChannel, alice: User, bob: User, charlie: User) -> None:
    team = team_create(slug="support", name="Support", user_ids=[bob.pk])
    conversation_claim(conversation_id=a_conversation().pk, user_id=bob.pk)
    colleague_set(user_id=bob.pk, presence="busy", capacity=3)
    colleague_seen(user_id=bob.pk)
    hers, his = colleagues_all()
    assert (hers.name, hers.presence, hers.reachable, hers.teams) == ("Alice", "available", True, ())
    assert (his.name, his.presence, his.open_count, his.capacity, his.teams) == ("Bob", "busy", 1, 3, ("support",))
    assert [row.name for row in members_of(team)] == ["Bob"] and colleague_get(charlie.pk) is None
    team_members_set(team=team, user_ids=[alice.pk, bob.pk])
    team_update(team=team, name="Help", user_ids=[alice.pk])
    assert [(row.name, row.member_count) for row in teams_all()] == [("Help", 1)]
    assert user_names([alice.pk, None, str(bob.pk)]) == {str(alice.pk): "Alice", str(bob.pk): "Bob"}


def test_canned_responses(desk: RecordingChannel) -> None:
    hello = canned_set(shortcut="hello", title="Greeting", text="Hello {name}, how can I help?")
    canned_set(shortcut="bye", title="Farewell", text="Goodbye {name}")
    canned_set(shortcut="hello", title="Greeting", text="Hi {name}!")
    assert [row.shortcut for row in canned_all()] == ["bye", "hello"]
    assert [row.shortcut for row in canned_all("he")] == ["hello"] and [row.shortcut for row in canned_all("fare")] == ["bye"]
    hello.refresh_from_db()
    assert canned_text(hello, Contact(name="Dana")) == "Hi Dana!"
    assert canned_text(canned_all("bye")[0], Contact()) == "Goodbye"
    canned_delete(canned=hello)
    assert canned_all("he").count() == 0
