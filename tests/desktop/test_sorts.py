"""The order of the list: the latest first, or who has waited the longest for a person; remembered for each."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.desktop.errors import NotColleague
from apps.desktop.models import Conversation
from apps.desktop.selectors import colleague_get, conversations_list, sort_of
from apps.desktop.services.conversations import conversation_claim, conversation_escalate, conversation_snooze
from apps.desktop.services.messages import message_send
from apps.desktop.services.team import colleague_set, colleague_sort_set
from apps.tenants.models import User
from tests.desktop.factories import RecordingChannel, a_conversation, says


def waits(minutes: int) -> Conversation:
    conversation = a_conversation(agent=False)
    says(conversation, at=timezone.now() - timedelta(minutes=minutes))
    return conversation


def order(user: User, view: str, sort: str) -> list[object]:
    return [row.pk for row in conversations_list(user_id=user.pk, view=view, sort=sort)]


def test_who_has_waited_the_longest_comes_first(desk: RecordingChannel, bob: User) -> None:
    short, long = waits(5), waits(90)
    says(long, "Still nobody?")
    assert order(bob, "unassigned", "newest") == [long.pk, short.pk]
    says(short, "Hello?")
    assert order(bob, "unassigned", "newest") == [short.pk, long.pk]
    assert order(bob, "unassigned", "waiting") == [long.pk, short.pk]


def test_who_was_answered_or_is_put_off_or_talks_to_the_ai_waits_for_nobody(desk: RecordingChannel, bob: User) -> None:
    answered, put_off, waiting = waits(90), waits(80), waits(5)
    with_ai = a_conversation()
    says(with_ai, at=timezone.now() - timedelta(minutes=70))
    for conversation in (answered, put_off):
        conversation_claim(conversation_id=conversation.pk, user_id=bob.pk)
    message_send(conversation=answered, author="person", user_id=bob.pk, text="Here you are")
    conversation_snooze(conversation_id=put_off.pk, user_id=bob.pk, until=timezone.now() + timedelta(hours=1))
    assert order(bob, "all", "waiting") == [waiting.pk, answered.pk, with_ai.pk, put_off.pk]


def test_who_was_promised_a_person_waits_for_one(desk: RecordingChannel) -> None:
    conversation = a_conversation()
    says(conversation)
    message_send(conversation=conversation, author="ai", text="A colleague will answer you.")
    handed = conversation_escalate(conversation=conversation, reason="Asked for a person")
    assert handed.waiting_since is not None


def test_unassigned_begins_with_the_longest_waiting_unless_somebody_wants_it_otherwise(
    desk: RecordingChannel, alice: User, bob: User
) -> None:
    assert [sort_of(view, {}) for view in ("mine", "unassigned", "all")] == ["newest", "waiting", "newest"]
    colleague_sort_set(user_id=bob.pk, view="unassigned", sort="newest")
    colleague_sort_set(user_id=bob.pk, view="mine", sort="waiting")
    colleague_set(user_id=bob.pk, presence="busy")
    sorts = {user.email: colleague_get(user.pk).sorts for user in (alice, bob)}  # type: ignore[union-attr]
    assert sorts == {"alice@acme.test": {}, "bob@acme.test": {"unassigned": "newest", "mine": "waiting"}}
    assert sort_of("unassigned", sorts["bob@acme.test"]) == "newest"


def test_an_outsider_keeps_no_order_here(desk: RecordingChannel, charlie: User) -> None:
    with pytest.raises(NotColleague):
        colleague_sort_set(user_id=charlie.pk, view="mine", sort="waiting")


def test_the_list_of_one_colleague_and_of_one_state(desk: RecordingChannel, alice: User, bob: User) -> None:
    his, hers = waits(1), waits(2)
    conversation_claim(conversation_id=his.pk, user_id=bob.pk)
    conversation_claim(conversation_id=hers.pk, user_id=alice.pk)
    conversation_snooze(conversation_id=hers.pk, user_id=alice.pk, until=timezone.now() + timedelta(hours=1))
    found = conversations_list(user_id=alice.pk, view="all", assignee=str(bob.pk))
    assert [row.pk for row in found] == [his.pk]
    assert [row.pk for row in conversations_list(user_id=alice.pk, view="all", status="snoozed")] == [hers.pk]
