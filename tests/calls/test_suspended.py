"""A company is suspended while somebody talks to its agent: the caller is told, the agents leave, what was used is billed."""

from collections.abc import Callable
from typing import Any

import pytest
from django_tenants.utils import schema_context

from apps.billing.models import LedgerEntry
from apps.billing.services import price_book_seed
from apps.calls.models import Call
from apps.calls.services.bills import report_of
from apps.tenants.models import Tenant
from apps.tenants.services_company import tenant_restore, tenant_suspend
from tests.calls.fake_livekit import FakeLiveKit
from tests.calls.sweeping import ATLAS, CALLER, MEDIA_BOT, ROOM, Sweep, ago, refreshed
from tests.calls.webhooks import NUMBER, SIP_ROOM, TRUNK, event
from tests.compass.factories import bearer, public_get, public_post

pytestmark = pytest.mark.django_db
USED = [{"kind": "stt", "provider": "openai", "model": "whisper-1", "audio_duration": 4.0}]


@pytest.fixture
def cut(running: Callable[..., Call], sweep: Sweep, acme: Tenant) -> Call:
    """A call that ran when acme was suspended, after the sweeper came by."""
    price_book_seed()
    call = running()
    tenant_suspend(tenant=acme)
    sweep()
    return refreshed(call)


def test_the_call_ends_with_a_sentence_and_says_why(cut: Call, livekit: FakeLiveKit) -> None:
    assert (cut.state, cut.ended_reason, cut.detail) == (
        "completed",
        "suspended",
        "The company was suspended while the call ran.",
    )
    assert livekit.dispatched(ROOM) == [("media-bot", 2)]
    assert "has to end here" in livekit.metadata(ROOM, "media-bot")["announcement"]["text"]
    assert livekit.removed == [ATLAS.identity, MEDIA_BOT.identity]
    assert livekit.withdrawn == ["AD_old", "AD_mb"]
    assert livekit.deleted == []


def test_it_is_cut_once(cut: Call, sweep: Sweep, livekit: FakeLiveKit) -> None:
    sweep()
    assert livekit.dispatched(ROOM) == [("media-bot", 2)]
    assert refreshed(cut).ended_at == cut.ended_at


def test_the_sentence_said_closes_the_room(cut: Call, post_events: Any, livekit: FakeLiveKit) -> None:
    closed = {"seq": 0, "source": "media-bot.2", "type": "state", "state": "closed", "detail": "announced"}
    assert post_events(cut, [closed]).status_code == 200
    assert livekit.deleted == [ROOM]


def test_atlas_leaving_does_not_take_the_sentence_away(cut: Call, livekit: FakeLiveKit, deliver: Any) -> None:
    who = {"kind": "AGENT", "attributes": ATLAS.attributes, "disconnectReason": "PARTICIPANT_REMOVED"}
    deliver(event("participant_left", ROOM, identity=ATLAS.identity, participant=who))
    assert (livekit.deleted, livekit.dispatched(ROOM)) == ([], [("media-bot", 2)])


def test_a_sentence_that_nobody_says_holds_the_room_no_longer(cut: Call, sweep: Sweep, livekit: FakeLiveKit) -> None:
    with schema_context("acme"):
        Call.objects.update(ended_at=ago(60))
    sweep()
    assert livekit.deleted == [ROOM]


def test_the_call_is_billed_from_its_events(cut: Call, sweep: Sweep, post_events: Any) -> None:
    assert post_events(cut, [{"seq": 7, "source": "atlas", "type": "usage", "usage": USED}]).status_code == 200
    with schema_context("acme"):
        Call.objects.update(ended_at=ago(21))
    sweep()
    entry = LedgerEntry.objects.get()
    assert (entry.source, entry.ended_reason, entry.usage) == ("sweep", "suspended", USED)
    assert refreshed(cut).is_billed


def test_a_report_that_comes_after_the_suspension_is_taken(cut: Call) -> None:
    headers = bearer("acme", cut.agent_id, call_id=str(cut.pk))
    answer = public_post("/billing/calls", report_of(cut, USED), headers)
    assert answer.status_code == 201, answer.json()
    assert LedgerEntry.objects.get().source == "report"


def test_a_call_that_nobody_joined_yet_is_closed_without_a_word(
    make_call: Callable[..., Call], sweep: Sweep, acme: Tenant, livekit: FakeLiveKit
) -> None:
    call = make_call(started_at=ago(3))
    tenant_suspend(tenant=acme)
    sweep()
    assert (refreshed(call).state, refreshed(call).ended_reason) == ("failed", "suspended")
    assert livekit.deleted == [ROOM]


def test_a_livekit_that_is_away_delays_it(running: Callable[..., Call], sweep: Sweep, acme: Tenant, livekit: FakeLiveKit) -> None:
    call = running()
    tenant_suspend(tenant=acme)
    livekit.down = True
    sweep()
    assert refreshed(call).is_live
    livekit.down = False
    sweep()
    assert refreshed(call).ended_reason == "suspended"


def test_the_other_company_talks_on(running: Callable[..., Call], sweep: Sweep, globex: Tenant) -> None:
    call = running()
    tenant_suspend(tenant=globex)
    sweep()
    assert refreshed(call).version == call.version


def test_a_caller_whose_join_was_lost_is_nobodys(phone: FakeLiveKit, sweep: Sweep, acme: Tenant) -> None:
    attributes = {"sip.trunkID": TRUNK, "sip.trunkPhoneNumber": NUMBER, "sip.phoneNumber": "+15551111"}
    phone.room(SIP_ROOM, CALLER.__class__("sip_1", "SIP", attributes=attributes))
    tenant_suspend(tenant=acme)
    sweep()
    assert "not in service" in phone.metadata(SIP_ROOM, "media-bot")["announcement"]["text"]
    with schema_context("acme"):
        assert not Call.objects.exists()


def test_tokens_are_refused_at_once_and_good_again_afterwards(running: Callable[..., Call], acme: Tenant) -> None:
    call = running()
    headers = bearer("acme", call.agent_id, call_id=str(call.pk))
    paths = (f"/agents/{call.agent_id}", f"/calls/{call.pk}/transcript")
    assert [public_get(path, headers).status_code for path in paths] == [200, 200]
    tenant_suspend(tenant=acme)
    refused = [public_get(path, headers) for path in paths]
    refused.append(public_post(f"/agents/{call.agent_id}/tools/book", {"arguments": {}, "call_id": str(call.pk)}, headers))
    turn = bearer("acme", call.agent_id, kind="turn")
    refused += [public_post("/turn", {}, turn), public_post("/reply", {}, turn), public_get(paths[0], turn)]
    assert [(answer.status_code, answer.json()["code"]) for answer in refused] == [(403, "suspended")] * 6
    tenant_restore(tenant=acme)
    assert public_get(paths[0], headers).status_code == 200


def test_the_other_companys_tokens_go_on(running: Callable[..., Call], globex: Tenant) -> None:
    call = running()
    tenant_suspend(tenant=globex)
    assert public_get(f"/agents/{call.agent_id}", bearer("acme", call.agent_id)).status_code == 200
