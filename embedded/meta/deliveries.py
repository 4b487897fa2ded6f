"""Webhooks on their way: signed, retried until they are answered by 200, and troubled on demand.

https://developers.facebook.com/docs/graph-api/webhooks/getting-started
"""

import asyncio
import hashlib
import hmac
import json
import random
import secrets
from collections.abc import Callable, Coroutine
from typing import Any

import httpx

from embedded.meta.faults import Faults
from embedded.meta.journal import Journal
from embedded.meta.settings import Settings

TIMEOUT = httpx.Timeout(10.0)
NOT_DELIVERED = (httpx.HTTPError, AttributeError)  # the latter comes from anyio, of a connection that ends as it is made
LIMITS = httpx.Limits(max_connections=24, max_keepalive_connections=12)
LONGEST_PAUSE = 60.0
ATTEMPTS = 200  # some hours; Meta itself goes on for days
OVERTAKING_SECONDS = 1.0


class Deliveries:
    """Sends webhooks to one product. Those of one lane go out in order, unless something fails."""

    def __init__(self, settings: Settings, faults: Faults, journal: Journal) -> None:
        self.settings = settings
        self.faults = faults
        self.journal = journal
        self.connected = asyncio.Event()
        self.on_delivered: Callable[[str], None] = lambda message_id: None
        self.pending: dict[str, dict[str, Any]] = {}
        self._tails: dict[str, asyncio.Event] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._client = httpx.AsyncClient(timeout=TIMEOUT, limits=LIMITS, trust_env=False)

    def start(self, kept: dict[str, dict[str, Any]]) -> None:
        """Shake hands with the product, then deliver; also what an earlier run had left."""
        self._spawn(self._handshake())
        for delivery in kept.values():
            self._begin(**delivery)

    async def stop(self) -> None:
        """End all attempts; `pending` keeps what was not delivered."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._client.aclose()

    def send(self, lane: str, waba_id: str, field: str, value: dict[str, Any], *, about: str = "") -> None:
        """Deliver one change of a business account; `on_delivered` is told `about`."""
        entry = {"id": waba_id, "changes": [{"value": value, "field": field}]}
        self.send_body(lane, {"object": "whatsapp_business_account", "entry": [entry]}, about=about)

    def send_body(self, lane: str, body: dict[str, Any], *, about: str = "") -> None:
        """Deliver a whole body, as it is."""
        self._begin(lane, json.dumps(body, separators=(",", ":")), about)

    def signature(self, body: bytes) -> str:
        """Return X-Hub-Signature-256 of a body."""
        return f"sha256={hmac.new(self.settings.app_secret.encode(), body, hashlib.sha256).hexdigest()}"

    def _begin(self, lane: str, body: str, about: str) -> None:
        delivery_id = secrets.token_hex(8)
        self.pending[delivery_id] = {"lane": lane, "body": body, "about": about}
        before, done = self._tails.get(lane), asyncio.Event()
        self._tails[lane] = done
        self._spawn(self._deliver(delivery_id, lane, body.encode(), before, done))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, delivery_id: str, lane: str, body: bytes, before: asyncio.Event | None, done: asyncio.Event) -> None:
        await self.connected.wait()
        try:
            await self._in_turn(before)
            delivered = await self._first(delivery_id, body)
        finally:
            done.set()
            if self._tails.get(lane) is done:
                del self._tails[lane]
        attempt = 2
        while not delivered and attempt <= ATTEMPTS:
            await asyncio.sleep(min(LONGEST_PAUSE, self.settings.retry_seconds * 2 ** (attempt - 2)))
            delivered = await self._post(delivery_id, body, attempt)
            attempt += 1
        about = self.pending.pop(delivery_id)["about"]
        if delivered and about:
            self.on_delivered(about)

    async def _in_turn(self, before: asyncio.Event | None) -> None:
        if self.faults.delay_ms:
            await asyncio.sleep(self.faults.delay_ms / 1000)
        if self.faults.reorder:
            await asyncio.sleep(random.uniform(0, OVERTAKING_SECONDS))
        elif before is not None:
            await before.wait()

    async def _first(self, delivery_id: str, body: bytes) -> bool:
        if self.faults.take("lose"):
            self.journal.delivery(delivery_id, 1, 0, "lost on purpose")
            return False
        if not self.faults.duplicate:
            return await self._post(delivery_id, body, 1)
        return all(await asyncio.gather(self._post(delivery_id, body, 1), self._post(delivery_id, body, 1)))

    async def _post(self, delivery_id: str, body: bytes, attempt: int) -> bool:
        headers = {
            "Content-Type": "application/json",
            "X-Hub-Signature-256": self.signature(body),
            "User-Agent": "facebookexternalua",
        }
        try:
            answer = await self._client.post(self.settings.webhook_url, content=body, headers=headers)
        except NOT_DELIVERED as error:
            self.journal.delivery(delivery_id, attempt, 0, repr(error))
            return False
        self.journal.delivery(delivery_id, attempt, answer.status_code)
        if 400 <= answer.status_code < 500:
            self.journal.problem(f"A webhook was answered by {answer.status_code}: {answer.text[:300]}")
        return answer.status_code == 200

    async def _handshake(self) -> None:
        """Ask the product for the challenge until it gives it, as Meta does when the webhook is set up."""
        pause = self.settings.retry_seconds / 4
        while not await self._challenge():
            await asyncio.sleep(pause)
            pause = min(10.0, pause * 1.5)
        self.connected.set()

    async def _challenge(self) -> bool:
        challenge = str(secrets.randbelow(10**9))
        asked = {"hub.mode": "subscribe", "hub.challenge": challenge, "hub.verify_token": self.settings.verify_token}
        try:
            answer = await self._client.get(self.settings.webhook_url, params=asked)
        except NOT_DELIVERED:
            return False  # the product is still starting
        if answer.status_code == 200 and answer.text != challenge:
            self.journal.problem("The handshake was answered by something else than hub.challenge.")
        if answer.status_code in (400, 401, 403):
            self.journal.problem(f"The handshake was refused with {answer.status_code}; is the verify token the same?")
        return answer.status_code == 200 and answer.text == challenge
