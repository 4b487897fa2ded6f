"""A conversation's states, who may change them, and what each change leaves behind."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.core.ids import uuid7
from apps.desktop.errors import (
    AlreadyClaimed,
    AtCapacity,
    BadTime,
    ConversationResolved,
    NewerConversation,
    NoAgent,
    NotAllowed,
    NotColleague,
    UnknownConversation,
    UnknownTeam,
)
from apps.desktop.models import Colleague, Conversation, DeskEvent
from apps.desktop.services.conversations import (
    conversation_assign,
    conversation_claim,
    conversation_escalate,
    conversation_open,
    conversation_read,
    conversation_release,
    conversation_reopen,
    conversation_resolve,
    conversation_snooze,
    conversation_summary_set,
    conversation_to_ai,
    conversation_to_team,
)
from apps.desktop.services.team import team_create
from apps.tenants.models import User
from tests.desktop.factories import LINE, RecordingChannel, a_contact, a_conversation, says


def types(conversation: Conversation) -> list[str]:
    return list(conversation.events.values_list("type", flat=True))


def test_one_unresolved_conversation_per_contact_and_line(desk: RecordingChannel) -> None:
    contact = a_contact()
    first, created = conversation_open(contact=contact, channel="test", line=LINE, agent_id=uuid7())
    again, created_again = conversation_open(contact=contact, channel="test", line=LINE, agent_id=uuid7())
    assert (created, created_again, again.pk) == (True, False, first.pk)
    conversation_resolve(conversation_id=first.pk, user_id=None, outcome="done")
    later, created = conversation_open(contact=contact, channel="test", line=LINE)
    assert created and later.status == "open" and later.agent_id is None


def test_an_escalated_conversation_is_offered_once(desk: RecordingChannel, bob: User) -> None:
    team_create(slug="support", name="Support", answer_seconds=60, user_ids=[bob.pk])
    conversation = a_conversation()
    before = conversation.generation
    for _ in range(2):
        conversation_escalate(conversation=conversation, reason="asked", team_slug="support", summary="Wants a person.")
    conversation.refresh_from_db()
    assert (conversation.status, conversation.team.slug, conversation.summary) == ("open", "support", "Wants a person.")
    assert conversation.generation == before + 1
    assert conversation.answer_due_at - conversation.notified_at == timedelta(seconds=60)
    assert types(conversation) == ["opened", "escalated"]


def test_a_handover_to_a_team_that_is_not_there_reaches_everybody(desk: RecordingChannel) -> None:
    conversation = conversation_escalate(conversation=a_conversation(), reason="asked", team_slug="typo")
    assert conversation.status == "open" and conversation.team is None and conversation.notified_everybody


def test_a_claim_takes_it_from_the_ai_and_names_its_holder(desk: RecordingChannel, alice: User, bob: User) -> None:
    conversation = a_conversation()
    claimed = conversation_claim(conversation_id=conversation.pk, user_id=bob.pk)
    assert (claimed.status, claimed.assignee_id, claimed.generation) == ("open", bob.pk, conversation.generation + 1)
    with pytest.raises(AlreadyClaimed, match="Bob has claimed") as error:
        conversation_claim(conversation_id=conversation.pk, user_id=alice.pk)
    assert error.value.name == "Bob"
    again = conversation_claim(conversation_id=conversation.pk, user_id=bob.pk)
    assert again.version == claimed.version


def test_strangers_claim_nothing(desk: RecordingChannel, charlie: User) -> None:
    conversation = a_conversation()
    with pytest.raises(NotColleague):
        conversation_claim(conversation_id=conversation.pk, user_id=charlie.pk)
    with pytest.raises(NotColleague):
        conversation_assign(conversation_id=conversation.pk, user_id=None, assignee_id=charlie.pk)
    with pytest.raises(NotColleague):
        conversation_resolve(conversation_id=conversation.pk, user_id=charlie.pk, outcome="")


def test_nobody_holds_more_than_they_can(desk: RecordingChannel, bob: User) -> None:
    Colleague.objects.create(user_id=bob.pk, capacity=1)
    conversation_claim(conversation_id=a_conversation().pk, user_id=bob.pk)
    waiting = a_conversation()
    with pytest.raises(AtCapacity, match="Resolve one"):
        conversation_claim(conversation_id=waiting.pk, user_id=bob.pk)
    waiting.refresh_from_db()
    assert waiting.assignee_id is None and types(waiting) == ["opened"]


def test_release_gives_it_back_and_makes_its_holder_stale(desk: RecordingChannel, bob: User) -> None:
    conversation = a_conversation(agent=False)
    claimed = conversation_claim(conversation_id=conversation.pk, user_id=bob.pk)
    released = conversation_release(conversation_id=conversation.pk, user_id=bob.pk)
    assert released.assignee_id is None and released.claim_until is None
    assert released.generation == claimed.generation + 1


def test_only_holder_and_supervisors_move_a_held_conversation(desk: RecordingChannel, alice: User, bob: User) -> None:
    conversation = a_conversation()
    conversation_claim(conversation_id=conversation.pk, user_id=alice.pk)
    for change in (
        lambda: conversation_release(conversation_id=conversation.pk, user_id=bob.pk),
        lambda: conversation_assign(conversation_id=conversation.pk, user_id=bob.pk, assignee_id=bob.pk),
        lambda: conversation_to_team(conversation_id=conversation.pk, user_id=bob.pk, team_slug=""),
        lambda: conversation_to_ai(conversation_id=conversation.pk, user_id=bob.pk),
        lambda: conversation_resolve(conversation_id=conversation.pk, user_id=bob.pk, outcome=""),
        lambda: conversation_snooze(conversation_id=conversation.pk, user_id=bob.pk, until=timezone.now() + timedelta(hours=1)),
    ):
        with pytest.raises(NotAllowed):
            change()
    conversation_assign(conversation_id=conversation.pk, user_id=alice.pk, assignee_id=bob.pk)
    taken = conversation_assign(conversation_id=conversation.pk, user_id=alice.pk, assignee_id=alice.pk)
    assert taken.assignee_id == alice.pk


def test_handing_to_a_team_opens_it_there(desk: RecordingChannel, alice: User, bob: User) -> None:
    team_create(slug="sales", name="Sales", user_ids=[alice.pk])
    conversation = a_conversation()
    conversation_claim(conversation_id=conversation.pk, user_id=bob.pk)
    handed = conversation_to_team(conversation_id=conversation.pk, user_id=bob.pk, team_slug="sales")
    assert handed.team.slug == "sales" and handed.assignee_id is None
    with pytest.raises(UnknownTeam):
        conversation_to_team(conversation_id=conversation.pk, user_id=bob.pk, team_slug="nobody")


def test_back_to_the_ai(desk: RecordingChannel, bob: User) -> None:
    conversation = a_conversation()
    claimed = conversation_claim(conversation_id=conversation.pk, user_id=bob.pk)
    back = conversation_to_ai(conversation_id=conversation.pk, user_id=bob.pk)
    assert (back.status, back.assignee_id, back.generation) == ("pending", None, claimed.generation + 1)
    assert [row.pk for row in desk.returned] == [conversation.pk]
    with pytest.raises(NoAgent):
        conversation_to_ai(conversation_id=a_conversation(agent=False).pk, user_id=bob.pk)


def test_snoozed_until_later_only(desk: RecordingChannel, bob: User) -> None:
    conversation = a_conversation(agent=False)
    with pytest.raises(BadTime):
        conversation_snooze(conversation_id=conversation.pk, user_id=bob.pk, until=timezone.now())
    until = timezone.now() + timedelta(hours=3)
    snoozed = conversation_snooze(conversation_id=conversation.pk, user_id=bob.pk, until=until)
    assert (snoozed.status, snoozed.snoozed_until, snoozed.answer_due_at) == ("snoozed", until, None)
    reopened = conversation_reopen(conversation_id=conversation.pk, user_id=bob.pk)
    assert (reopened.status, reopened.snoozed_until) == ("open", None)


def test_resolved_conversations_rest_until_reopened(desk: RecordingChannel, bob: User) -> None:
    conversation = a_conversation()
    says(conversation)
    conversation_claim(conversation_id=conversation.pk, user_id=bob.pk)
    resolved = conversation_resolve(conversation_id=conversation.pk, user_id=bob.pk, outcome="Solved")
    assert (resolved.status, resolved.outcome, resolved.unread, resolved.waiting_since) == ("resolved", "Solved", 0, None)
    for change in (conversation_claim, conversation_release, conversation_to_ai):
        with pytest.raises(ConversationResolved):
            change(conversation_id=conversation.pk, user_id=bob.pk)
    reopened = conversation_reopen(conversation_id=conversation.pk, user_id=bob.pk)
    assert (reopened.status, reopened.assignee_id, reopened.resolved_at) == ("open", None, None)


def test_an_old_conversation_does_not_come_back_beside_a_new_one(desk: RecordingChannel, bob: User) -> None:
    old = a_conversation()
    conversation_resolve(conversation_id=old.pk, user_id=bob.pk, outcome="")
    a_conversation(contact=old.contact)
    with pytest.raises(NewerConversation):
        conversation_reopen(conversation_id=old.pk, user_id=bob.pk)


def test_reading_counts_where_one_may_answer(desk: RecordingChannel, alice: User, bob: User) -> None:
    conversation = a_conversation(agent=False)
    says(conversation)
    conversation_claim(conversation_id=conversation.pk, user_id=bob.pk)
    assert conversation_read(conversation_id=conversation.pk, user_id=alice.pk).unread == 1
    assert conversation_read(conversation_id=conversation.pk, user_id=bob.pk).unread == 0
    conversation_read(conversation_id=conversation.pk, user_id=bob.pk)
    assert len(desk.reads) == 1


def test_while_the_ai_holds_it_a_look_tells_the_contact_nothing(desk: RecordingChannel, bob: User) -> None:
    conversation = a_conversation()
    says(conversation)
    assert conversation_read(conversation_id=conversation.pk, user_id=bob.pk).unread == 0
    assert desk.reads == []


def test_summary_and_sentiment_are_kept(desk: RecordingChannel) -> None:
    conversation = a_conversation()
    conversation_summary_set(conversation=conversation, summary="Wants a refund.", sentiment=-3)
    conversation.refresh_from_db()
    assert (conversation.summary, conversation.sentiment) == ("Wants a refund.", -1.0)


def test_every_change_is_the_next_version_with_its_event(desk: RecordingChannel, bob: User) -> None:
    conversation = a_conversation()
    says(conversation)
    conversation_claim(conversation_id=conversation.pk, user_id=bob.pk)
    conversation_release(conversation_id=conversation.pk, user_id=bob.pk)
    conversation_resolve(conversation_id=conversation.pk, user_id=bob.pk, outcome="x")
    conversation.refresh_from_db()
    rows = list(DeskEvent.objects.values_list("type", "version"))
    assert rows == [("opened", 2), ("message", 3), ("claimed", 4), ("released", 5), ("resolved", 6)]
    assert conversation.version == 6


def test_unknown_conversations(desk: RecordingChannel, bob: User) -> None:
    with pytest.raises(UnknownConversation):
        conversation_claim(conversation_id=uuid7(), user_id=bob.pk)
