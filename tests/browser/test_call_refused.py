"""A call that had begun and that no agent takes: the page says why, as the Call Service tells it, and what to do."""

import pytest
from django_tenants.utils import schema_context
from playwright.sync_api import expect

from apps.calls.livekit import LiveKitServer
from apps.calls.models import Call, State
from apps.calls.services.arrivals import call_refuse
from apps.core.models import InboundEvent
from tests.browser.conftest import Open
from tests.browser.test_call_failures import SILENT_MICROPHONE, Site, call_with
from tests.calls.real_server import server, wait_for

__all__ = ["server"]
pytestmark = pytest.mark.browser


def _joined() -> Call | None:
    with schema_context("acme"):
        return Call.objects.filter(state=State.RINGING, joined_at__isnull=False, dispatches__isnull=False).first()


@pytest.mark.parametrize(
    ("code", "words", "waits"),
    [
        ("busy", "All lines are busy", True),
        ("no_agent", "Nobody answered", False),
        ("agent_disabled", "Takes no calls right now", False),
        ("spend_limit", "No new calls at the moment", False),
    ],
)
def test_no_agent_takes_the_call(
    server: LiveKitServer, acme_calls: list[Call], open_page: Open, site: Site, code: str, words: str, waits: bool
) -> None:
    page = open_page()
    call_with(page, f"{site('acme')}/call/reception", SILENT_MICROPHONE)
    expect(page.get_by_role("button", name="Hang up")).to_be_visible()
    call = wait_for(_joined, "the caller's coming")
    wait_for(InboundEvent.objects.filter(kind="track_published").exists, "the caller's microphone")
    with schema_context("acme"):
        call_refuse(call=call, code=code, message="Nobody could take it.")
    wait_for(lambda: f'"refused": "{code}"' in server.rooms_list()[0].metadata, "the reason in the room's metadata")
    server.room_delete(call.room_name)
    expect(page.get_by_text(words)).to_be_visible()
    again = page.get_by_role("button", name="Call again")
    expect(again).to_be_disabled() if waits else expect(again).to_be_enabled()
