"""A spend limit is reached: callers hear a sentence, or people phone back, and what runs is held and given back."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django_tenants.utils import schema_context

from apps.billing.models import SpendHold, SpendWindow
from apps.calls.models import Call, Dispatch
from apps.calls.sentences import SENTENCES
from apps.calls.services.spending import call_estimate, call_gate
from apps.compass.models import AgentVersion
from apps.core.outbox import outbox_drain
from apps.desktop.models import Conversation
from apps.desktop.services.team import team_create
from apps.tenants.models import Tenant
from tests.billing.limits import limit, spend, states, window
from tests.calls.conftest import Deliver
from tests.calls.fake_livekit import FakeLiveKit
from tests.calls.sweeping import Sweep, ago
from tests.calls.test_token import PATH, ask
from tests.calls.webhooks import SIP_ROOM, recorded

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("midday")]
GetCall = Callable[[], Call]


@pytest.fixture
def visitor(client_for: Any) -> Any:
    return client_for(None, "acme")


def test_a_caller_by_phone_hears_a_polite_sentence(
    acme: Tenant, phone: FakeLiveKit, deliver: Deliver, only_call: GetCall
) -> None:
    limit(acme, "10", period="day")
    spend(acme, "10")
    deliver(recorded("02_"))
    call = only_call()
    assert (call.state, call.ended_reason) == ("failed", "spend_limit")
    assert call.detail == "The limit of $10.00 a day is reached. It can be changed under Billing, Limits."
    assert [name for name, _ in phone.dispatched(SIP_ROOM)] == ["media-bot"]
    assert phone.metadata(SIP_ROOM, "media-bot")["announcement"]["text"] == SENTENCES["unavailable"]["en"]
    assert not SpendHold.objects.exists()


def test_a_caller_by_phone_is_called_back_by_the_team(
    acme: Tenant, phone: FakeLiveKit, deliver: Deliver, only_call: GetCall
) -> None:
    with schema_context("acme"):
        team_create(slug="support", name="Support")
    limit(acme, "0", reached="people")
    payload = recorded("02_")
    payload["participant"]["attributes"]["sip.phoneNumber"] = "+493012345"
    deliver(payload)
    deliver({**payload, "id": "EV_again"})
    assert (only_call().state, only_call().ended_reason) == ("failed", "spend_limit")
    assert phone.metadata(SIP_ROOM, "media-bot")["announcement"]["text"] == SENTENCES["call_back"]["en"]
    with schema_context("acme"):
        conversation = Conversation.objects.get()
        assert (conversation.status, conversation.channel) == ("open", "call")
        assert conversation.handoff_reason.startswith("The limit of $0.00 a month is reached.")
        assert conversation.contact.phone == "+493012345"


SALES = {"name": "transfer", "kind": "builtin", "options": {"targets": ["Sales: +493099999", "Desk: 100"]}}


@pytest.fixture
def put_through(acme: Tenant, phone: FakeLiveKit, reception: Any, deliver: Deliver, post_events: Any) -> Callable[[], None]:
    """The agent can put through, the limit hands to people, and Media Bot has said its sentence."""
    with schema_context("acme"):
        version = reception.versions.get(state="published")
        AgentVersion.objects.filter(pk=version.pk).update(config={**version.config, "tools": [SALES]})
    limit(acme, "0", reached="people")
    deliver(recorded("02_"))

    def said() -> None:
        closed = {"seq": 0, "source": "media-bot", "type": "state", "state": "closed", "detail": "announced"}
        with schema_context("acme"):
            call = Call.objects.get()
        assert post_events(call, [closed]).status_code == 200
        with schema_context("public"):
            outbox_drain()

    return said


def test_a_caller_is_put_through_once_the_sentence_is_said(
    phone: FakeLiveKit, only_call: GetCall, put_through: Callable[[], None], sweep: Sweep
) -> None:
    assert only_call().state == "transferring"
    assert [name for name, _ in phone.dispatched(SIP_ROOM)] == ["media-bot"]
    assert phone.metadata(SIP_ROOM, "media-bot")["announcement"]["text"] == SENTENCES["put_through"]["en"]
    assert phone.transfers == []
    put_through()
    put_through()
    call = only_call()
    assert phone.transfers == [(SIP_ROOM, call.caller_identity, "tel:+493099999")]
    assert (call.state, call.ended_reason) == ("completed", "transferred")
    assert call.detail.startswith("The limit of $0.00 a month is reached.") and call.detail.endswith("Put through to Sales.")


def test_an_exchange_that_does_not_take_the_call_ends_it(
    phone: FakeLiveKit, only_call: GetCall, put_through: Callable[[], None]
) -> None:
    phone.refuse.add("participant_transfer")
    put_through()
    assert (only_call().state, only_call().ended_reason) == ("failed", "spend_limit")
    assert "Sales could not be reached." in only_call().detail


def test_a_caller_waits_no_longer_for_a_sentence_that_nobody_says(
    phone: FakeLiveKit, only_call: GetCall, put_through: Callable[[], None], sweep: Sweep
) -> None:
    with schema_context("acme"):
        Call.objects.update(started_at=ago(60), joined_at=ago(59))
        Dispatch.objects.update(requested_at=ago(50))
    sweep()
    with schema_context("public"):
        outbox_drain()
    assert len(phone.transfers) == 1 and only_call().ended_reason == "transferred"


def test_a_caller_without_a_number_hears_the_sentence_all_the_same(
    acme: Tenant, phone: FakeLiveKit, deliver: Deliver, only_call: GetCall
) -> None:
    limit(acme, "0", reached="people")
    deliver(recorded("02_"))  # from an exchange that names no number
    assert only_call().ended_reason == "spend_limit"
    assert phone.metadata(SIP_ROOM, "media-bot")["announcement"]["text"] == SENTENCES["unavailable"]["en"]
    with schema_context("acme"):
        assert not Conversation.objects.exists()


def test_an_admitted_call_is_held_once_and_given_back_when_nobody_answered(
    acme: Tenant, phone: FakeLiveKit, deliver: Deliver, only_call: GetCall, sweep: Sweep
) -> None:
    month = limit(acme, "10")
    deliver(recorded("02_"))
    deliver({**recorded("02_"), "id": "EV_again"})
    call = only_call()
    with schema_context("acme"):
        estimate = call_estimate(call)
    assert estimate > 0 and window(month) == (Decimal(0), estimate.quantize(Decimal("0.000001")))
    with schema_context("acme"):
        Call.objects.update(state="missed", ended_reason="caller_hangup", ended_at=ago(30))
    sweep()
    assert states() == {str(call.pk): "released"}
    assert window(month)[1] == 0


def test_a_killed_worker_is_billed_from_events_and_settles(
    acme: Tenant, running: Callable[..., Call], sweep: Sweep, post_events: Any
) -> None:
    month = limit(acme, "100")
    call = running()
    with schema_context("acme"):
        assert call_gate(call).admitted
        usage = [{"kind": "stt", "provider": "deepgram", "model": "nova-3", "audio_duration": 60.0}]
    post_events(call, [{"seq": 0, "source": "atlas", "type": "usage", "usage": usage}])
    with schema_context("acme"):
        Call.objects.update(state="completed", ended_reason="error", ended_at=ago(25))
    sweep()
    assert states() == {str(call.pk): "settled"}
    spent, held = window(month)
    assert spent > Decimal("0.0077") and held == 0


def test_the_web_page_says_a_plain_sentence_before_any_room_is_made(
    acme: Tenant, visitor: Any, reception: Any, livekit: FakeLiveKit
) -> None:
    limit(acme, "5")
    spend(acme, "6")
    answer = ask(visitor)
    assert (answer.status_code, answer.json()["code"]) == (409, "spend_limit")
    assert "limit" not in answer.json()["detail"]  # strangers learn nothing about money
    assert livekit.rooms == {}
    with schema_context("acme"):
        call = Call.objects.get()
        assert (call.state, call.ended_reason) == ("failed", "spend_limit")
        assert call.room_deleted_at is not None
    page = visitor.get("/call/reception")
    assert 'data-start="limit"' in page.content.decode()


def test_a_trial_counts_too_and_says_which_limit(acme: Tenant, client_for: Any, alice: Any, reception: Any, livekit: Any) -> None:
    limit(acme, "0", scope="agent", agent_id=reception.pk)
    client = client_for(alice, "acme")
    with schema_context("public"):
        answer = client.post(PATH, {"agent": "reception", "version": "draft"}, content_type="application/json")
    assert answer.status_code == 409
    assert answer.json()["detail"].startswith("An agent's limit of $0.00 a month is reached.")


def test_another_agents_limit_stops_nobody(acme: Tenant, visitor: Any, reception: Any, livekit: FakeLiveKit) -> None:
    limit(acme, "0", scope="agent", agent_id="0198c0de-0000-7000-8000-00000000000b")
    limit(acme, "0", scope="channel", channel="sip")
    assert ask(visitor).status_code == 201


def test_one_company_at_its_limit_stops_no_other(globex: Tenant, visitor: Any, reception: Any, livekit: FakeLiveKit) -> None:
    limit(globex, "0")
    assert ask(visitor).status_code == 201
    assert not SpendWindow.objects.exclude(limit__tenant=globex).exists()
