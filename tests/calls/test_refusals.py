"""Nobody can answer: the caller hears a sentence, the call ends, and its row says why."""

from collections.abc import Callable
from typing import Any

import pytest
from django_tenants.utils import schema_context

from apps.calls.models import Call, PhoneNumber
from apps.calls.sentences import REASONS, SENTENCES, announcement, language_of_country
from apps.compass.services import agent_create, agent_disable
from tests.calls.conftest import Deliver
from tests.calls.fake_livekit import FakeLiveKit
from tests.calls.webhooks import NUMBER, SIP_ROOM, recorded
from tests.compass.factories import LOCAL

pytestmark = pytest.mark.django_db
GetCall = Callable[[], Call]


def _no_number(_: Any) -> None:
    PhoneNumber.objects.all().delete()


def _number_off(_: Any) -> None:
    PhoneNumber.objects.update(enabled=False)


def _team_only(_: Any) -> None:
    PhoneNumber.objects.update(agent_id=None, team="sales")


def _agent_off(agent: Any) -> None:
    agent_disable(agent=agent)


def _unpublished(_: Any) -> None:
    PhoneNumber.objects.update(agent_id=agent_create(slug="fresh", name="Fresh", config=LOCAL).pk)


def _agent_deleted(agent: Any) -> None:
    agent.delete()


@pytest.mark.parametrize(
    ("spoil", "says", "detail"),
    [
        (_no_number, "not_in_service", "mapped to no agent"),
        (_number_off, "not_in_service", "mapped to no agent"),
        (_team_only, "unavailable", "the team sales"),
        (_agent_off, "unavailable", "switched off"),
        (_unpublished, "unavailable", "no published version"),
        (_agent_deleted, "not_in_service", "no such agent"),
    ],
)
def test_refused(
    spoil: Callable[[Any], None],
    says: str,
    detail: str,
    phone: FakeLiveKit,
    deliver: Deliver,
    only_call: GetCall,
    reception: Any,
) -> None:
    with schema_context("acme"):
        spoil(reception)
    deliver(recorded("02_"))
    call = only_call()
    assert (call.state, call.ended_reason) == ("failed", "no_agent")
    assert detail in call.detail
    assert [name for name, _ in phone.dispatched(SIP_ROOM)] == ["media-bot"]
    metadata = phone.metadata(SIP_ROOM, "media-bot")
    assert metadata["announcement"] == {"text": SENTENCES[says]["en"], "language": "en", "end_call": True}
    assert metadata["ringback"] is None
    assert phone.deleted == []


def test_announcement_said_closes_the_room(phone: FakeLiveKit, deliver: Deliver, only_call: GetCall, post_events: Any) -> None:
    with schema_context("acme"):
        PhoneNumber.objects.all().delete()
    deliver(recorded("02_"))
    closed = {"seq": 0, "source": "media-bot.announcement", "type": "state", "state": "closed", "detail": "announced"}
    assert post_events(only_call(), [closed]).status_code == 200
    assert phone.deleted == [SIP_ROOM]


def test_every_reason_has_a_sentence_in_every_language() -> None:
    languages = set(SENTENCES["no_agent"])
    assert {"en", "de", "fr", "es"} <= languages
    assert all(set(table) == languages for table in SENTENCES.values())
    assert set(REASONS.values()) == set(SENTENCES)


def test_language_falls_back() -> None:
    assert announcement("no_agent", "de-AT")["language"] == "de"
    assert announcement("no_agent", "fi")["language"] == "en"
    assert announcement("something new", "en")["text"] == SENTENCES["unavailable"]["en"]
    assert (language_of_country("at"), language_of_country("US")) == ("de", "en")


def test_number_of_another_form_still_finds_its_agent(phone: FakeLiveKit, deliver: Deliver, only_call: GetCall) -> None:
    payload = recorded("02_")
    payload["participant"]["attributes"]["sip.trunkPhoneNumber"] = NUMBER.removeprefix("+")
    deliver(payload)
    assert (only_call().state, only_call().to_number) == ("ringing", NUMBER)
