"""Web Push in a browser: what is delivered is shown. Delivering itself takes the service of the browser's maker."""

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import CDPSession, Page

from tests.embedded.waiting import wait_until

pytestmark = pytest.mark.browser
NOTICE = {
    "title": "Maria Gonzales is waiting",
    "body": "Where is my parcel?",
    "url": "/desktop/?view=mine",
    "tag": "conversation-1",
}
SHOWN = """async () => {
  const worker = await navigator.serviceWorker.getRegistration("/");
  return (await worker.getNotifications()).map(({ title, body, tag, data }) => ({ title, body, tag, url: data }));
}"""


def registration(session: CDPSession, page: Page) -> str:
    """Registers the service worker as push.ts does; the id that DevTools has for it, which it tells whenever it pleases."""
    seen: list[str] = []
    session.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda event: seen.extend(row["registrationId"] for row in event["registrations"] if not row["isDeleted"]),
    )
    session.send("ServiceWorker.enable")
    page.evaluate("async () => { await navigator.serviceWorker.register('/sw.js'); await navigator.serviceWorker.ready; }")
    wait_until(lambda: page.evaluate("true") and bool(seen))  # what was told is heard while something is asked
    return seen[-1]


def test_what_is_pushed_is_shown(as_person: Callable[..., Page], site: Callable[[str], str]) -> None:
    page = as_person("bob@acme.test", "acme")
    page.context.grant_permissions(["notifications"], origin=site("acme"))
    page.goto(f"{site('acme')}/desktop/")
    session = page.context.new_cdp_session(page)
    which = registration(session, page)
    for notice in (NOTICE, {**NOTICE, "body": "Still waiting"}):
        pushed = {"origin": site("acme"), "registrationId": which, "data": json.dumps(notice)}
        session.send("ServiceWorker.deliverPushMessage", pushed)
        page.wait_for_function(f"async (body) => (await ({SHOWN})()).some((one) => one.body === body)", arg=notice["body"])
    assert page.evaluate(SHOWN) == [{**NOTICE, "body": "Still waiting"}], "a newer one takes the place of the one before"
