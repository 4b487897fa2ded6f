"""A visitor talks to Reception: the whole stack, a real Chromium, and a microphone that is fed from a WAV."""

import io
import re
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect, sync_playwright

from embedded.demo import PASSWORD
from embedded.paths import scratch_dir
from embedded.stack import Stack
from tests.browser.conftest import chromium_flags, chromium_path
from tests.browser.test_everyone import violations

pytestmark = [pytest.mark.browser, pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(600)]

QUESTION = "What are your opening hours today?"
UNDERSTOOD = re.compile("opening|hours")  # a small recogniser seldom gets every word
QUIET_BEFORE, QUIET_AFTER = 7, 12  # seconds: room for the greeting and the answer; Chromium plays the file again and again
PATIENCE = 90_000.0  # milliseconds, for two busy cores
FLAGS = (
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=user-gesture-required",
)
LOUD = 0.02  # of 1; speech peaks far above, an idle line far below
# True as soon as any player of the page plays something louder than the given level.
HEARS = """async (level) => {
  const context = new AudioContext();
  const listening = new Map();
  const samples = new Float32Array(2048);
  const listen = (player) => {
    const analyser = context.createAnalyser();
    context.createMediaStreamSource(player.srcObject).connect(analyser);
    listening.set(player, analyser);
  };
  for (;;) {
    await new Promise(requestAnimationFrame);
    const players = [...document.querySelectorAll("audio")].filter((player) => !player.paused && player.srcObject);
    players.filter((player) => !listening.has(player)).forEach(listen);
    for (const player of players) {
      listening.get(player).getFloatTimeDomainData(samples);
      if (samples.some((sample) => Math.abs(sample) > level)) return context.close().then(() => true);
    }
  }
}"""


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with Stack(scratch_dir("meridian-browser-")) as running:
        yield running


@pytest.fixture(scope="module")
def question(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The question, spoken by the stack's own voice, with quiet around it."""
    headers = {"Authorization": f"Bearer {stack.env['OPENAI_API_KEY']}"}
    wish = {"model": "piper", "voice": "joe", "input": QUESTION, "response_format": "wav"}
    answer = httpx.post(f"{stack.env['OPENAI_BASE_URL']}/audio/speech", json=wish, headers=headers, timeout=60)
    answer.raise_for_status()
    path = tmp_path_factory.mktemp("voice") / "question.wav"
    with wave.open(io.BytesIO(answer.content)) as spoken, wave.open(str(path), "wb") as padded:
        padded.setparams(spoken.getparams()._replace(nframes=0))  # a streamed header does not know the length
        second = b"\0" * spoken.getframerate() * spoken.getsampwidth() * spoken.getnchannels()
        padded.writeframes(second * QUIET_BEFORE + spoken.readframes(len(answer.content)) + second * QUIET_AFTER)
    return path


@pytest.fixture
def new_page(stack: Stack, question: Path) -> Iterator[Callable[[], Page]]:
    """Pages of separate people in a Chromium that has the question for a voice."""
    flags = chromium_flags(*FLAGS, f"--use-file-for-fake-audio-capture={question}")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=chromium_path(), args=flags)
        yield lambda: chromium.new_context(viewport={"width": 1280, "height": 800}).new_page()
        chromium.close()


def log_in(page: Page, address: str, email: str) -> None:
    page.goto(f"{address}/login")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{address}/")


def test_a_visitor_talks_and_the_company_watches(stack: Stack, new_page: Callable[[], Page]) -> None:
    acme = stack.tenant_url("acme")
    watcher, visitor = new_page(), new_page()
    log_in(watcher, acme, "alice@acme.test")
    watcher.goto(f"{acme}/calls/")
    visitor.goto(f"{acme}/call/reception")
    visitor.get_by_role("button", name="Talk").click()

    theirs, mine = visitor.locator(".turn:not(.turn-caller)"), visitor.locator(".turn-caller")
    expect(theirs.first).to_be_visible(timeout=PATIENCE)
    visitor.wait_for_function(HEARS, arg=LOUD, timeout=PATIENCE)
    row = watcher.locator("tbody tr").first
    expect(row).to_contain_text("In progress", timeout=PATIENCE)
    row.get_by_role("link").click()

    expect(mine.filter(has_text=UNDERSTOOD).first).to_be_visible(timeout=PATIENCE)
    expect(theirs.nth(1)).to_be_visible(timeout=PATIENCE)
    said = watcher.get_by_role("log", name="Conversation, live")
    expect(said).to_contain_text(UNDERSTOOD, timeout=PATIENCE)

    assert violations(visitor) == []
    visitor.get_by_role("button", name="Mute").click()
    expect(visitor.get_by_text("You are muted")).to_be_visible()
    visitor.get_by_role("button", name="Hang up").click()
    expect(visitor.get_by_text("You hung up")).to_be_visible()
    expect(visitor.get_by_text("The call lasted")).to_be_visible()

    expect(watcher.get_by_text("Caller hung up", exact=True)).to_be_visible(timeout=PATIENCE)
    expect(watcher.get_by_role("table", name="What the call cost")).to_contain_text("Platform", timeout=PATIENCE)


def test_the_connection_is_lost_and_found_again(stack: Stack, new_page: Callable[[], Page]) -> None:
    visitor = new_page()
    visitor.add_init_script(
        "{const Real = WebSocket; window.sockets = [];"
        "window.WebSocket = class extends Real { constructor(...args) { super(...args); window.sockets.push(this); } };}"
    )
    visitor.goto(f"{stack.tenant_url('acme')}/call/reception")
    visitor.get_by_role("button", name="Talk").click()
    expect(visitor.locator(".turn").first).to_be_visible(timeout=PATIENCE)
    visitor.evaluate("window.sockets.at(-1).close()")
    expect(visitor.get_by_text("The connection is back.")).to_be_visible(timeout=PATIENCE)
    visitor.get_by_role("button", name="Hang up").click()
    expect(visitor.get_by_text("You hung up")).to_be_visible()
