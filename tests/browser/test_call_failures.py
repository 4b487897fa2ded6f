"""The public call page says plainly what went wrong, and what to do."""

import json
from collections.abc import Callable

import pytest
from django_tenants.utils import schema_context
from playwright.sync_api import Page, Route, expect

from apps.calls.models import Call
from apps.compass.models import Agent
from tests.browser.conftest import Open

pytestmark = pytest.mark.browser
Site = Callable[[str], str]
SILENT_MICROPHONE = "navigator.mediaDevices.getUserMedia = async () => new AudioContext().createMediaStreamDestination().stream"


def microphone_error(name: str) -> str:
    """A script that makes asking for the microphone fail as browsers do."""
    return f"navigator.mediaDevices.getUserMedia = async () => {{ throw new DOMException('', '{name}') }}"


def call_with(page: Page, address: str, script: str, token: Callable[[Route], None] | None = None) -> None:
    page.add_init_script(script)
    if token:
        page.route("**/api/v1/calls/token", token)
    page.goto(address)
    page.get_by_role("button", name="Talk").click()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("NotAllowedError", "Your microphone is blocked"),
        ("NotFoundError", "No microphone found"),
        ("NotReadableError", "Your microphone is in use"),
    ],
)
def test_without_a_microphone(open_page: Open, site: Site, acme_calls: list[Call], error: str, words: str) -> None:
    page = open_page()
    call_with(page, f"{site('acme')}/call/reception", microphone_error(error))
    expect(page.get_by_text(words)).to_be_visible()
    expect(page.get_by_role("button", name="Call again")).to_be_enabled()


def answer(status: int, code: str, **headers: str) -> Callable[[Route], None]:
    return lambda route: route.fulfill(
        status=status, content_type="application/problem+json", headers=headers, body=json.dumps({"code": code})
    )


@pytest.mark.parametrize(
    ("token", "words"),
    [
        (answer(404, "unknown_agent"), "Nobody here has this name"),
        (answer(409, "agent_disabled"), "Takes no calls right now"),
        (answer(503, "livekit_unreachable"), "We cannot be reached"),
        (lambda route: route.abort(), "We cannot be reached"),
    ],
)
def test_when_no_call_can_begin(
    open_page: Open, site: Site, acme_calls: list[Call], token: Callable[[Route], None], words: str
) -> None:
    page = open_page()
    call_with(page, f"{site('acme')}/call/reception", SILENT_MICROPHONE, token)
    expect(page.get_by_text(words)).to_be_visible()


@pytest.mark.parametrize(("status", "code"), [(429, "throttled"), (503, "busy")])
def test_all_lines_busy_waits_as_long_as_it_is_told(
    open_page: Open, site: Site, acme_calls: list[Call], status: int, code: str
) -> None:
    page = open_page()
    page.clock.install()
    busy = answer(status, code, **{"Retry-After": "20"})
    call_with(page, f"{site('acme')}/call/reception", SILENT_MICROPHONE, busy)
    expect(page.get_by_text("All lines are busy")).to_be_visible()
    expect(page.get_by_role("button", name="Call again")).to_be_disabled()
    page.clock.run_for(21_000)
    expect(page.get_by_role("button", name="Call again")).to_be_enabled()


def test_a_media_server_that_is_away(open_page: Open, site: Site, acme_calls: list[Call]) -> None:
    page = open_page()
    nowhere = {"server_url": "ws://127.0.0.1:1", "participant_token": "x", "room_name": "r", "call_id": "c"}
    call_with(
        page,
        f"{site('acme')}/call/reception",
        SILENT_MICROPHONE,
        lambda route: route.fulfill(status=201, json=nowhere),
    )
    expect(page.get_by_text("We cannot be reached")).to_be_visible()


def test_an_agent_that_takes_no_calls_says_so_before_one_is_made(open_page: Open, site: Site, acme_calls: list[Call]) -> None:

    with schema_context("acme"):
        Agent.objects.update(enabled=False)
    page = open_page()
    page.goto(f"{site('acme')}/call/reception")
    expect(page.get_by_text("Takes no calls right now")).to_be_visible()
