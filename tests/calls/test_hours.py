"""Phone numbers with business hours: who answers when, and what is said when nobody does."""

from typing import Any

import pytest
import time_machine
from django_tenants.utils import schema_context

from apps.calls.models import Call
from apps.calls.services.numbers import number_set
from tests.calls.conftest import Deliver
from tests.calls.fake_livekit import FakeLiveKit
from tests.calls.webhooks import NUMBER, SIP_ROOM, recorded
from tests.compass.factories import agent_published

pytestmark = pytest.mark.django_db
HOURS = {"mon": [["09:00", "17:00"]]}
OPEN, CLOSED = "2026-11-23T15:00:00Z", "2026-11-23T18:00:00Z"  # a Monday in Berlin: 16:00 and 19:00


def map_number(agent_id: Any, **closed: Any) -> None:
    with schema_context("acme"):
        number_set(number=NUMBER, agent_id=agent_id, business_hours=HOURS, timezone_name="Europe/Berlin", **closed)


@pytest.mark.parametrize(("at", "slug"), [(OPEN, "reception"), (CLOSED, "night")])
def test_another_agent_answers_out_of_hours(phone: FakeLiveKit, deliver: Deliver, reception: Any, at: str, slug: str) -> None:
    with schema_context("acme"):
        night = agent_published("night")
    map_number(reception.pk, out_of_hours="agent", out_of_hours_agent_id=night.pk)
    with time_machine.travel(at, tick=False):
        deliver(recorded("02_"))
    with schema_context("acme"):
        assert Call.objects.get().agent_slug == slug


def test_callers_hear_that_it_is_closed(phone: FakeLiveKit, deliver: Deliver, reception: Any) -> None:
    map_number(reception.pk, out_of_hours="message", out_of_hours_text="We open on Monday at nine.")
    with time_machine.travel(CLOSED, tick=False):
        deliver(recorded("02_"))
    assert phone.dispatched(SIP_ROOM) == [("media-bot", 1)]
    assert phone.metadata(SIP_ROOM, "media-bot")["announcement"]["text"] == "We open on Monday at nine."
    with schema_context("acme"):
        call = Call.objects.get()
    assert (call.state, call.ended_reason) == ("failed", "no_agent") and "outside of its business hours" in call.detail
