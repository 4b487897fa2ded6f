"""What time does: nobody answers, nobody claims, and what was put off comes back."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone
from django_tenants.utils import tenant_context

from apps.desktop.errors import BadTeam
from apps.desktop.models import Conversation
from apps.desktop.services.conversations import (
    conversation_claim,
    conversation_escalate,
    conversation_snooze,
    conversation_sweep,
)
from apps.desktop.services.messages import message_send
from apps.desktop.services.team import team_create, team_delete, team_update
from apps.desktop.tasks import desktop_sweep_task
from apps.tenants.models import Tenant, User
from tests.desktop.factories import RecordingChannel, a_conversation, says


def after(seconds: float) -> datetime:
    return timezone.now() + timedelta(seconds=seconds)


def test_a_claim_that_is_not_answered_is_lost(desk: RecordingChannel, bob: User) -> None:
    team_create(slug="support", name="Support", claim_seconds=30, user_ids=[bob.pk])
    conversation = conversation_escalate(conversation=a_conversation(), reason="x", team_slug="support")
    claimed = conversation_claim(conversation_id=conversation.pk, user_id=bob.pk)
    assert conversation_sweep(after(29)) == 0
    assert conversation_sweep(after(31)) == 1
    conversation.refresh_from_db()
    assert (conversation.assignee_id, conversation.status, conversation.team.slug) == (None, "open", "support")
    assert conversation.generation == claimed.generation + 1 and conversation.answer_due_at is not None
    assert list(conversation.events.values_list("type", flat=True))[-1] == "claim_expired"


def test_a_claim_that_was_answered_stays(desk: RecordingChannel, bob: User) -> None:
    conversation = a_conversation()
    says(conversation)
    conversation_claim(conversation_id=conversation.pk, user_id=bob.pk)
    message_send(conversation=conversation, author="person", user_id=bob.pk, text="Here.")
    says(conversation)
    assert conversation_sweep(after(100_000)) == 0


def test_an_offer_goes_from_team_to_team_to_everybody(desk: RecordingChannel, alice: User, bob: User) -> None:
    second = team_create(slug="second", name="Second", answer_seconds=60, user_ids=[alice.pk])
    team_create(slug="first", name="First", answer_seconds=60, next_team=second, user_ids=[bob.pk])
    conversation = conversation_escalate(conversation=a_conversation(), reason="x", team_slug="first")
    seen = []
    for _ in range(3):
        seen.append((conversation.team.slug, conversation.notified_everybody))
        conversation_sweep(after(61))
        conversation.refresh_from_db()
    assert seen == [("first", False), ("second", False), ("second", True)]
    assert conversation.answer_due_at is None and conversation_sweep(after(100_000)) == 0


def test_offers_must_not_go_round_in_circles(desk: RecordingChannel) -> None:
    second = team_create(slug="second", name="Second")
    first = team_create(slug="first", name="First", next_team=second)
    with pytest.raises(BadTeam, match="lead back to it"):
        team_update(team=second, next_team=first)
    with pytest.raises(BadTeam):
        team_update(team=first, next_team=first)


def test_a_deleted_team_leaves_its_conversations(desk: RecordingChannel, bob: User) -> None:
    team = team_create(slug="support", name="Support", answer_seconds=60, user_ids=[bob.pk])
    conversation = conversation_escalate(conversation=a_conversation(), reason="x", team_slug="support")
    team_delete(team=team)
    assert conversation_sweep(after(61)) == 1
    conversation.refresh_from_db()
    assert (conversation.status, conversation.team, conversation.notified_everybody) == ("open", None, True)


@pytest.mark.parametrize("held", [True, False])
def test_what_was_put_off_comes_back(desk: RecordingChannel, bob: User, held: bool) -> None:
    conversation = a_conversation(agent=False)
    if held:
        conversation_claim(conversation_id=conversation.pk, user_id=bob.pk)
    conversation_snooze(conversation_id=conversation.pk, user_id=bob.pk, until=after(60))
    assert conversation_sweep(after(59)) == 0
    assert conversation_sweep(after(61)) == 1
    conversation.refresh_from_db()
    assert (conversation.status, conversation.snoozed_until) == ("open", None)
    assert conversation.assignee_id == (bob.pk if held else None)


@pytest.mark.django_db(transaction=True)
def test_the_task_works_for_each_tenant_that_has_something_due(acme: Tenant, globex: Tenant, channel: RecordingChannel) -> None:
    with tenant_context(acme):
        conversation = a_conversation()
        Conversation.objects.update(snoozed_until=after(-1), status="snoozed")
    with tenant_context(globex):
        other = a_conversation()
    assert desktop_sweep_task() == 1
    assert desktop_sweep_task() == 0
    with tenant_context(acme):
        assert Conversation.objects.get(pk=conversation.pk).status == "open"
    with tenant_context(globex):
        assert Conversation.objects.get(pk=other.pk).status == "pending"
