"""Undoing a resolve brings back what it took away."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.desktop.errors import ChangedSince, NewerConversation, NotColleague
from apps.desktop.services.conversations import (
    conversation_assign,
    conversation_claim,
    conversation_escalate,
    conversation_reopen,
    conversation_resolve,
    conversation_resolve_undo,
    conversation_snooze,
    conversation_to_team,
    conversation_undo,
)
from apps.desktop.services.team import team_create
from apps.tenants.models import User
from tests.desktop.factories import RecordingChannel, a_conversation, says


def test_who_waited_waits_on_and_the_holder_has_it_again(desk: RecordingChannel, bob: User) -> None:
    conversation = a_conversation()
    says(conversation, at=timezone.now() - timedelta(hours=2))
    held = conversation_claim(conversation_id=conversation.pk, user_id=bob.pk)
    conversation_resolve(conversation_id=conversation.pk, user_id=bob.pk, outcome="Solved")
    back = conversation_resolve_undo(conversation_id=conversation.pk, user_id=bob.pk)
    names = ("status", "assignee_id", "waiting_since", "unread", "claimed_at", "claim_until")
    assert {name: getattr(back, name) for name in names} == {name: getattr(held, name) for name in names}
    assert (back.outcome, back.resolved_at) == ("", None)
    assert back.generation > held.generation, "what was still being written is stale"


def test_the_ai_goes_on_with_what_nobody_has_answered(desk: RecordingChannel, bob: User) -> None:
    conversation = a_conversation()
    says(conversation)
    conversation_resolve(conversation_id=conversation.pk, user_id=bob.pk)
    back = conversation_resolve_undo(conversation_id=conversation.pk, user_id=bob.pk)
    assert (back.status, [row.pk for row in desk.returned]) == ("pending", [conversation.pk])


def test_the_team_is_still_due(desk: RecordingChannel, alice: User, bob: User) -> None:
    team_create(slug="support", name="Support", user_ids=[alice.pk])
    conversation = a_conversation()
    says(conversation)
    due = conversation_escalate(conversation=conversation, reason="Asked", team_slug="support").answer_due_at
    conversation_resolve(conversation_id=conversation.pk, user_id=bob.pk)
    back = conversation_resolve_undo(conversation_id=conversation.pk, user_id=bob.pk)
    assert due is not None and (back.status, back.assignee_id, back.answer_due_at) == ("open", None, due)


def test_what_was_put_off_is_put_off(desk: RecordingChannel, bob: User) -> None:
    conversation, until = a_conversation(), timezone.now() + timedelta(hours=3)
    conversation_claim(conversation_id=conversation.pk, user_id=bob.pk)
    conversation_snooze(conversation_id=conversation.pk, user_id=bob.pk, until=until)
    conversation_resolve(conversation_id=conversation.pk, user_id=bob.pk)
    back = conversation_resolve_undo(conversation_id=conversation.pk, user_id=bob.pk)
    assert (back.status, back.snoozed_until, back.assignee_id) == ("snoozed", until, bob.pk)


def test_what_somebody_else_resolved_is_reopened_for_whoever_claims_it(desk: RecordingChannel, alice: User, bob: User) -> None:
    conversation = a_conversation()
    conversation_claim(conversation_id=conversation.pk, user_id=bob.pk)
    conversation_resolve(conversation_id=conversation.pk, user_id=bob.pk)
    back = conversation_resolve_undo(conversation_id=conversation.pk, user_id=alice.pk)
    assert (back.status, back.assignee_id) == ("open", None)


def test_not_beside_a_newer_one(desk: RecordingChannel, bob: User) -> None:
    conversation = a_conversation()
    conversation_resolve(conversation_id=conversation.pk, user_id=bob.pk)
    a_conversation(contact=conversation.contact)
    with pytest.raises(NewerConversation):
        conversation_resolve_undo(conversation_id=conversation.pk, user_id=bob.pk)


def test_twice_is_once(desk: RecordingChannel, bob: User) -> None:
    conversation = a_conversation()
    conversation_resolve(conversation_id=conversation.pk, user_id=bob.pk)
    first = conversation_resolve_undo(conversation_id=conversation.pk, user_id=bob.pk)
    assert conversation_resolve_undo(conversation_id=conversation.pk, user_id=bob.pk).version == first.version


def test_a_conversation_that_was_assigned_is_the_own_again(desk: RecordingChannel, alice: User, bob: User) -> None:
    conversation = a_conversation()
    says(conversation)
    held = conversation_claim(conversation_id=conversation.pk, user_id=bob.pk)
    given = conversation_assign(conversation_id=conversation.pk, user_id=bob.pk, assignee_id=alice.pk)
    back = conversation_undo(done="assigned", conversation_id=conversation.pk, user_id=bob.pk)
    names = ("status", "assignee_id", "claimed_at", "claim_until", "waiting_since", "unread")
    assert {name: getattr(back, name) for name in names} == {name: getattr(held, name) for name in names}
    assert back.generation > given.generation, "what was still being written is stale"


def test_the_ai_has_again_what_was_taken_from_it(desk: RecordingChannel, alice: User, bob: User) -> None:
    conversation = a_conversation()
    says(conversation)
    conversation_assign(conversation_id=conversation.pk, user_id=bob.pk, assignee_id=alice.pk)
    back = conversation_undo(done="assigned", conversation_id=conversation.pk, user_id=bob.pk)
    assert (back.status, back.assignee_id, [row.pk for row in desk.returned]) == ("pending", None, [conversation.pk])


def test_what_has_changed_hands_since_stays_there(desk: RecordingChannel, alice: User, bob: User, charlie: User) -> None:
    conversation = a_conversation(agent=False)
    conversation_assign(conversation_id=conversation.pk, user_id=bob.pk, assignee_id=alice.pk)
    for who, why in ((alice, ChangedSince), (charlie, NotColleague)):
        with pytest.raises(why):
            conversation_undo(done="assigned", conversation_id=conversation.pk, user_id=who.pk)
    conversation_resolve(conversation_id=conversation.pk, user_id=alice.pk)
    with pytest.raises(ChangedSince):
        conversation_undo(done="assigned", conversation_id=conversation.pk, user_id=bob.pk)
    conversation.refresh_from_db()
    assert (conversation.status, conversation.assignee_id) == ("resolved", alice.pk)


def test_what_was_handed_to_a_team_is_with_whom_it_was(desk: RecordingChannel, bob: User) -> None:
    support, _ = team_create(slug="support", name="Support"), team_create(slug="sales", name="Sales")
    conversation = a_conversation(agent=False, team_slug="support")
    held = conversation_claim(conversation_id=conversation.pk, user_id=bob.pk)
    conversation_to_team(conversation_id=conversation.pk, user_id=bob.pk, team_slug="sales")
    back = conversation_undo(conversation_id=conversation.pk, user_id=bob.pk, done="to_team")
    assert (back.team, back.assignee_id, back.claim_until) == (support, bob.pk, held.claim_until)


def test_not_once_somebody_of_the_team_has_it(desk: RecordingChannel, alice: User, bob: User) -> None:
    team_create(slug="sales", name="Sales")
    conversation = a_conversation(agent=False)
    conversation_to_team(conversation_id=conversation.pk, user_id=bob.pk, team_slug="sales")
    with pytest.raises(ChangedSince):
        conversation_undo(conversation_id=conversation.pk, user_id=alice.pk, done="to_team")
    conversation_claim(conversation_id=conversation.pk, user_id=alice.pk)
    with pytest.raises(ChangedSince):
        conversation_undo(conversation_id=conversation.pk, user_id=bob.pk, done="to_team")


def test_what_the_ai_had_when_it_was_put_off_it_has_again(desk: RecordingChannel, bob: User) -> None:
    conversation = a_conversation()
    conversation_snooze(conversation_id=conversation.pk, user_id=bob.pk, until=timezone.now() + timedelta(hours=1))
    back = conversation_undo(conversation_id=conversation.pk, user_id=bob.pk, done="snoozed")
    assert (back.status, back.snoozed_until, [row.pk for row in desk.returned]) == ("pending", None, [conversation.pk])


def test_what_the_contact_has_woken_is_not_put_back(desk: RecordingChannel, bob: User) -> None:
    conversation = a_conversation(agent=False)
    conversation_claim(conversation_id=conversation.pk, user_id=bob.pk)
    put_off = conversation_snooze(conversation_id=conversation.pk, user_id=bob.pk, until=timezone.now() + timedelta(hours=1))
    says(put_off)
    with pytest.raises(ChangedSince):
        conversation_undo(conversation_id=conversation.pk, user_id=bob.pk, done="snoozed")


def test_what_was_reopened_is_resolved_again_unless_the_contact_has_written(desk: RecordingChannel, bob: User) -> None:
    conversation = a_conversation(agent=False)
    resolved = conversation_resolve(conversation_id=conversation.pk, user_id=bob.pk, outcome="Solved")
    conversation_reopen(conversation_id=conversation.pk, user_id=bob.pk)
    back = conversation_undo(conversation_id=conversation.pk, user_id=bob.pk, done="reopened")
    assert (back.status, back.outcome, back.resolved_at) == ("resolved", "Solved", resolved.resolved_at)
    says(conversation_reopen(conversation_id=conversation.pk, user_id=bob.pk))
    with pytest.raises(ChangedSince):
        conversation_undo(conversation_id=conversation.pk, user_id=bob.pk, done="reopened")
