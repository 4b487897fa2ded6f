"""A real Chromium against a live server. Pages must not log errors; a refused script or style is one."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django_tenants.utils import tenant_context
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from apps.calls.models import Call
from apps.tenants.models import Tenant
from embedded.frontend import frontend_build
from embedded.install import chromium_of_path
from tests.compass.factories import agent_published
from tests.conftest import PASSWORD
from tests.pages.factories import bill, call_make, talk_make

Open = Callable[..., Page]
EXPECTED = ("Failed to load resource", "WebSocket connection to", "User-Initiated Abort", "publisher data channel")
PATIENCE = 30_000.0  # milliseconds for each step and each expectation: two browsers and two databases may share two cores
expect.set_options(timeout=PATIENCE)


def chromium_path() -> str | None:
    """A Chromium of the machine; None leaves it to Playwright's own."""
    return chromium_of_path()


def chromium_flags(*more: str) -> list[str]:
    """Root has no sandbox to run Chromium in."""
    return [*(["--no-sandbox"] if os.geteuid() == 0 else []), *more]


@pytest.fixture(scope="session")
def built() -> None:
    """The front end, built from the present sources."""
    frontend_build()


@pytest.fixture(scope="module")
def browser(built: None) -> Iterator[Browser]:
    """One a module: while it lives its event loop runs in this thread, where Django then refuses to work unless told."""
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        chromium = playwright.chromium.launch(executable_path=chromium_path(), args=chromium_flags())
        yield chromium
        chromium.close()


@pytest.fixture
def site(live_server: LiveServer) -> Callable[[str], str]:
    """The address of a tenant's host on the live server; "" is the public host."""
    port = live_server.url.rsplit(":", 1)[1]
    return lambda tenant: f"http://{tenant}{'.' if tenant else ''}localhost:{port}"


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Opens a page in a context of its own; at the end nothing may have gone wrong in any of them."""
    troubles: list[str] = []
    contexts = []

    def build(**options: Any) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("console", lambda message: _note(message, troubles))
        return page

    yield build
    for context in contexts:
        context.close()
    assert troubles == []


def _note(message: ConsoleMessage, troubles: list[str]) -> None:
    """What is no trouble of the page: answers that are not 2xx, the websocket of a server that has none here, and what LiveKit's
    client says of its channels where the call ends while it still connects."""
    if message.type == "error" and not any(text in message.text for text in EXPECTED):
        troubles.append(message.text)


@pytest.fixture
def as_person(open_page: Open, site: Callable[[str], str], transactional_db: None) -> Callable[..., Page]:
    """Logs in through the form: `as_person("alice@acme.test", "acme")`."""

    def log_in(email: str, tenant: str, **options: Any) -> Page:
        page = open_page(**options)
        page.goto(f"{site(tenant)}/login")
        page.get_by_label("E-mail").fill(email)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url(f"{site(tenant)}/")
        return page

    return log_in


@pytest.fixture
def acme_calls(transactional_db: None) -> list[Call]:
    """Reception, a billed call with a conversation, a missed one, and one that runs."""
    acme = Tenant.objects.get(schema_name="acme")
    with tenant_context(acme):
        agent_published()
        talked = call_make(caller_name="Maria Gonzales")
        talk_make(talked)
        bill(talked, acme)
        missed = call_make(ago=300, channel="sip", from_number="+14155550123", state="missed", ended_reason="no_agent")
        running = call_make(ago=60, lasted=None, channel="sip", from_number="+493012345678")
        talk_make(running)
        return [talked, missed, running]
