"""A resolved conversation is summarised anew once people have had their say in it."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from apps.billing.models import LedgerEntry
from apps.core.models import OutboundEffect
from apps.core.outbox import outbox_drain
from apps.desktop.models import Conversation
from apps.desktop.services.conversations import (
    conversation_claim,
    conversation_reopen,
    conversation_resolve,
    conversation_summary_set,
)
from apps.desktop.services.messages import message_send
from apps.herald import closing
from tests.desktop.conftest import channel as desk_channel  # noqa: F401  a fixture
from tests.desktop.factories import a_conversation, says
from tests.herald.factories import text_agent
from tests.standins.openai import Answer, OpenAIStandin

pytestmark = pytest.mark.django_db


@pytest.fixture
def talked(in_acme: Any, desk_channel: Any, model: OpenAIStandin, bob: Any) -> Conversation:  # noqa: F811
    """The contact has asked, the AI's summary is there, and Bob has answered."""
    conversation = a_conversation()
    Conversation.objects.update(agent_id=text_agent(model).pk)
    says(conversation, "My parcel has not come.")
    conversation_summary_set(conversation=conversation, summary="Parcel missing.")
    held = conversation_claim(conversation_id=conversation.pk, user_id=bob.pk)
    message_send(conversation=held, author="person", user_id=bob.pk, text="I have sent a new one.")
    return held


def summary() -> str:
    return Conversation.objects.get().summary


def test_it_knows_what_was_said_and_how_it_ended(talked: Conversation, model: OpenAIStandin, bob: Any) -> None:
    model.answers = [Answer(text="Parcel was missing;\na new one was sent.")]
    conversation_resolve(conversation_id=talked.pk, user_id=bob.pk, outcome="Replaced")
    outbox_drain()
    assert summary() == "Parcel was missing; a new one was sent."
    asked = json.dumps(model.chats[-1].body)
    entry = LedgerEntry.objects.get()
    assert (entry.source_type, entry.conversation_id, entry.agent_id) == ("summary", talked.pk, talked.agent_id)
    assert [(row["kind"], row["input_tokens"] > 0) for row in entry.usage] == [("llm", True)]
    for part in ("Parcel missing.", "Contact: My parcel has not come.", "Colleague: I have sent a new one.", "Outcome: Replaced"):
        assert part in asked


def test_the_old_one_stays_when_no_model_answers(talked: Conversation, model: OpenAIStandin, bob: Any) -> None:
    model.answers = [Answer(status=500)] * 4
    conversation_resolve(conversation_id=talked.pk, user_id=bob.pk)
    outbox_drain()
    assert summary() == "Parcel missing."
    assert OutboundEffect.objects.get(kind="herald.summary").state == "pending"


def test_beyond_a_spend_limit_it_is_not_asked_for(talked: Conversation, model: OpenAIStandin, bob: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(closing, "spend_open", lambda **_: SimpleNamespace(reason="The limit of this month is reached."))
    conversation_resolve(conversation_id=talked.pk, user_id=bob.pk)
    outbox_drain()
    assert OutboundEffect.objects.get(kind="herald.summary").state == "ignored"
    assert (model.chats, summary()) == ([], "Parcel missing.")


def test_taken_up_again_it_is_left_alone(talked: Conversation, model: OpenAIStandin, bob: Any) -> None:
    conversation_resolve(conversation_id=talked.pk, user_id=bob.pk)
    conversation_reopen(conversation_id=talked.pk, user_id=bob.pk)
    outbox_drain()
    assert OutboundEffect.objects.get(kind="herald.summary").state == "ignored"
    assert model.chats == []


def test_what_no_person_has_answered_costs_nothing(
    in_acme: Any,
    desk_channel: Any,  # noqa: F811
    model: OpenAIStandin,
) -> None:
    conversation = a_conversation()
    says(conversation, "Never mind.")
    conversation_resolve(conversation_id=conversation.pk, user_id=None)
    assert not OutboundEffect.objects.filter(kind="herald.summary").exists()
