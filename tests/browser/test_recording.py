"""A call's recording on its page: a real sound file in a real browser, by mouse and by keyboard."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.utils import timezone
from django_tenants.utils import tenant_context
from playwright.sync_api import Page, expect

from apps.calls.models import Call, CallRecording
from apps.tenants.models import Tenant
from tests.browser.test_everyone import PHONE, sideways, violations
from tests.calls.recording_side import joined, parts, tone
from tests.pages.factories import call_make, talk_make

pytestmark = pytest.mark.browser
AsPerson = Callable[..., Page]
Site = Callable[[str], str]
SEEK = "Position in the recording"


@pytest.fixture
def media(settings: Any, tmp_path: Any) -> Any:
    settings.MEDIA_ROOT = str(tmp_path)
    settings.MULTITENANT_RELATIVE_MEDIA_ROOT = "%s"  # its change is what has the storage look again
    return tmp_path


@pytest.fixture
def recorded(transactional_db: None, media: Any) -> Iterator[Call]:
    """A minute, of which Media Bot was away for five seconds: two runs put together."""
    runs = [(0.0, parts(tone(20, left=6000), tone(5, right=6000))), (30.0, parts(tone(31, right=6000)))]
    with tenant_context(Tenant.objects.get(schema_name="acme")):
        call = call_make(caller_name="Maria Gonzales")
        talk_make(call)
        recording = CallRecording(
            call=call, state="ready", started_at=call.joined_at, seconds=61, recorded_seconds=56, segments=2
        )
        recording.closed_at, recording.expires_at = timezone.now(), timezone.now() + timedelta(days=30)
        recording.file.save("recording", ContentFile(joined(runs)), save=True)
    yield call


def position(page: Page) -> float:
    return float(page.evaluate("document.querySelector('[data-recording-player] audio').currentTime"))


def test_it_plays_and_the_words_follow(as_person: AsPerson, site: Site, recorded: Call) -> None:
    page = as_person("bob@acme.test", "acme")
    page.goto(f"{site('acme')}/calls/{recorded.pk}/")
    player = page.get_by_role("group", name="Recording")
    expect(player).to_contain_text("/ 1:01")
    expect(player.locator("audio")).to_be_hidden()
    assert violations(page) == []
    player.get_by_role("button", name="Play").click()
    expect(player.get_by_role("button", name="Pause")).to_be_visible()
    expect(page.get_by_label(SEEK)).not_to_have_value("0")
    line = page.get_by_role("list", name="Conversation").get_by_role("listitem")
    line.nth(3).locator(".bubble").click()
    expect(line.nth(3)).to_have_attribute("data-lit", "")
    assert position(page) >= 19
    expect(page.locator("[data-lit]")).to_have_count(1)
    player.get_by_role("button", name="Pause").click()
    player.get_by_label("Speed").select_option("2")
    assert page.evaluate("document.querySelector('[data-recording-player] audio').playbackRate") == 2
    expect(player.get_by_role("button", name="Delete")).to_have_count(0)


def test_by_keyboard(as_person: AsPerson, site: Site, recorded: Call) -> None:
    page = as_person("alice@acme.test", "acme")
    page.goto(f"{site('acme')}/calls/{recorded.pk}/")
    seek = page.get_by_label(SEEK)
    seek.focus()
    page.keyboard.press("End")
    expect(seek).to_have_attribute("aria-valuetext", "1:01 of 1:01")
    page.keyboard.press("Home")
    expect(seek).to_have_attribute("aria-valuetext", "0:00 of 1:01")
    page.get_by_role("button", name="Play from 0:22").focus()
    page.keyboard.press("Enter")
    expect(seek).to_have_attribute("aria-valuetext", re.compile(r"^0:2[2-9] of 1:01$"))
    page.get_by_role("button", name="Pause").focus()
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()


def test_it_fits_a_phone_and_is_deleted(as_person: AsPerson, site: Site, recorded: Call, media: Any) -> None:
    page = as_person("alice@acme.test", "acme", viewport=PHONE)
    page.goto(f"{site('acme')}/calls/{recorded.pk}/")
    expect(page.get_by_role("group", name="Recording")).to_be_visible()
    assert sideways(page) <= 0
    page.get_by_role("button", name="Delete the recording").click()
    page.get_by_role("dialog", name="Delete the recording?").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("The recording was deleted by alice@acme.test")).to_be_visible()
    expect(page.get_by_role("group", name="Recording")).to_have_count(0)
    assert not list(media.rglob("*.ogg"))
