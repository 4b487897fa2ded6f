"""Windows of a real Chromium on the running stack: colleagues at the Agent Desktop, and the contact's pretend phone."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import Browser, ConsoleMessage, Locator, Page, WebSocket, async_playwright, expect

from embedded.demo import PASSWORD
from tests.browser.conftest import chromium_flags, chromium_path
from tests.e2e.waiting import PATIENCE
from tests.e2e.world import World

# Keeps every socket that the page opens, so that a test can kill them.
KEEP_SOCKETS = """{const Real = WebSocket; window.sockets = [];
window.WebSocket = class extends Real { constructor(...args) { super(...args); window.sockets.push(this); } };}"""
expect.set_options(timeout=PATIENCE * 1000)

ALIVE = "pong"  # the answer to what a page asks from time to time, so a slow machine sees it in a test and a quick one does not


class Window:
    """One page of one person; `hints` is what its websocket was told."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.hints: list[Any] = []
        page.on("websocket", self._follow)

    def _follow(self, socket: WebSocket) -> None:
        socket.on("framereceived", self._keep)

    def _keep(self, frame: str) -> None:
        if frame != ALIVE:
            self.hints.append(json.loads(frame))

    def row(self, name: str) -> Locator:
        """The row of the list that shows a contact."""
        return self.page.locator(".chat-row", has_text=name)

    @property
    def thread(self) -> Locator:
        """The messages of the open conversation."""
        return self.page.get_by_role("log", name="Messages")

    def notified(self, conversation_id: str) -> bool:
        """Whether this person was told that a conversation waits for them."""
        return any(hint.get("type") == "notify" and hint["id"] == conversation_id for hint in self.hints)


class Windows:
    """Opens them, each in a context of its own; `troubles` are the errors that their pages logged."""

    def __init__(self, world: World, browser: Browser) -> None:
        self._world = world
        self._browser = browser
        self.troubles: list[str] = []

    async def desk(self, email: str, path: str = "?view=all") -> Window:
        """Somebody who has logged in and looks at the Agent Desktop."""
        window = await self._open()
        site = self._world.stack.tenant_url(email.partition("@")[2].partition(".")[0])
        await window.page.goto(f"{site}/login")
        await window.page.get_by_label("E-mail").fill(email)
        await window.page.get_by_label("Password").fill(PASSWORD)
        await window.page.get_by_role("button", name="Log in").click()
        await window.page.wait_for_url(f"{site}/")
        await window.page.goto(f"{site}/desktop/{path}")
        return window

    async def phone(self, name: str) -> Window:
        """A contact of this name, who has Acme's chat before them."""
        window = await self._open()
        await window.page.goto(self._world.stack.phone_url)
        await window.page.get_by_label("Somebody else").fill(name)
        await window.page.get_by_role("button", name="Add").click()
        await expect(window.page.get_by_label(name)).to_be_checked()
        return window

    async def _open(self) -> Window:
        context = await self._browser.new_context(viewport={"width": 1440, "height": 900})
        context.set_default_timeout(PATIENCE * 1000)
        await context.add_init_script(KEEP_SOCKETS)
        page = await context.new_page()
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        page.on("console", self._note)
        return Window(page)

    def _note(self, message: ConsoleMessage) -> None:
        """What the network does is no trouble of the page."""
        network = "Failed to load resource" in message.text or "WebSocket connection to" in message.text
        if message.type == "error" and not network:
            self.troubles.append(message.text)


@asynccontextmanager
async def windows_open(world: World) -> AsyncIterator[Windows]:
    """A Chromium; at its end no page may have logged an error."""
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=chromium_path(), args=chromium_flags())
        windows = Windows(world, chromium)
        try:
            yield windows
        finally:
            await chromium.close()
    assert windows.troubles == []
