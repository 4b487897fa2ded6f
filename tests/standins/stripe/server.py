"""The pretend Stripe on a free port, in a thread of its own: `with Stripe() as stripe: stripe.base_url`."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self

import httpx
from aiohttp import web

from tests.standins.server import Standin
from tests.standins.stripe.customers import Customers
from tests.standins.stripe.faults import Fault
from tests.standins.stripe.invoices import Invoices
from tests.standins.stripe.state import API_VERSION, State
from tests.standins.stripe.wire import Json, StripeProblem, form_read, page, since, truth

API_KEY = "sk_test_only_for_tests_0123456789"
WEBHOOK_SECRET = "whsec_only_for_tests"
REMEMBERED = 86_400  # seconds that an idempotency key is good for
Post = Callable[[bytes, str], int]
Answer = tuple[int, Json]


class Stripe(Standin):
    """Stateful. `faults` go wrong in their turn, `calls` are the requests so far as `POST /v1/…`, `hook` runs before each."""

    def __init__(self, webhook_url: str = "", *, api_version: str = API_VERSION) -> None:
        super().__init__(api_key=API_KEY)
        self.webhook_url, self.api_version = webhook_url, api_version
        self.state = State()
        self.invoices = Invoices(self.state)
        self.customers = Customers(self.state)
        self.faults: list[Fault] = []
        self.calls: list[str] = []
        self.hook: Callable[[str], None] = lambda call: None
        self._keys: dict[str, tuple[str, float, Answer | None]] = {}
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._ready, self._stop = threading.Event(), asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(60), "the pretend Stripe did not start"
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def _serve(self) -> None:
        asyncio.run(self._run())

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        async with self:
            self._ready.set()
            await self._stop.wait()

    def routes(self) -> list[web.RouteDef]:
        return [web.route("*", "/{path:.*}", self._take)]

    async def _take(self, request: web.Request) -> web.StreamResponse:
        call = f"{request.method} {request.path}"
        body = await request.text()
        self.note(request, body)
        self.calls.append(call)
        self.hook(call)
        fault = next((fault for fault in self.faults if fault.hits(call)), None)
        try:
            self._allowed(request)
            status, answer, again = self._once(request, call, body, fault)
        except StripeProblem as problem:
            status, answer, again = problem.status, problem.body, False
        if fault is not None and fault.kind in ("drop", "drop_after"):
            assert request.transport is not None
            request.transport.close()
        if fault is not None and fault.kind == "late_after":
            await asyncio.sleep(fault.seconds)
        headers = {"Request-Id": f"req_{len(self.calls)}"} | ({"Idempotent-Replayed": "true"} if again else {})
        return web.json_response(answer, status=status, headers=headers)

    def _allowed(self, request: web.Request) -> None:
        if request.headers.get("Authorization") != f"Bearer {self.api_key}":
            raise StripeProblem(401, "Invalid API Key provided: sk_test_****")
        version = request.headers.get("Stripe-Version", "")
        if version != self.api_version:
            raise StripeProblem(400, f"Invalid Stripe API version: {version}")

    def _once(self, request: web.Request, call: str, body: str, fault: Fault | None) -> tuple[int, Json, bool]:
        """The answer, or the first one again for the same key. What was refused is not remembered, what broke is."""
        key = request.headers.get("Idempotency-Key", "")
        print_ = hashlib.sha256(f"{call}\n{body}".encode()).hexdigest()
        if request.method == "POST" and key in self._keys and time.time() - self._keys[key][1] < REMEMBERED:
            known, _, answer = self._keys[key]
            if known != print_:
                message = "Keys for idempotent requests can only be used with the same parameters they were first used with."
                raise StripeProblem(400, message, kind="idempotency_error")
            if answer is not None:
                return *answer, True
        if fault is not None and fault.kind == "429":
            raise StripeProblem(429, "Too many requests.", code="rate_limit")
        if fault is None or fault.kind not in ("500", "drop"):
            answer = (200, self._answer(request, body))
        if fault is not None and fault.kind in ("500", "500_after"):
            answer = (500, {"error": {"message": "Something went wrong on our side.", "type": "api_error"}})
        if fault is not None and fault.kind == "drop":
            return 500, {}, False
        if request.method == "POST" and key:
            self._keys[key] = (print_, time.time(), answer)
        return *answer, False

    def keys_prune(self) -> None:
        """A day later: idempotency keys are forgotten."""
        self._keys.clear()

    def _answer(self, request: web.Request, body: str) -> Json:
        parts = request.path.strip("/").split("/")[1:]
        params = form_read(body if request.method == "POST" else request.query_string)
        if parts[0] == "invoices":
            return self._invoices(request.method, parts[1:], params)
        if parts[0] in ("customers", "billing_portal"):
            return self.customers.answer(request.method, parts, params)
        return self._others(request.method, parts, params)

    def _invoices(self, method: str, parts: list[str], params: Json) -> Json:
        life = self.invoices
        if not parts:
            if method == "POST":
                return life.shown(life.create(params))
            rows = self.state.rows("invoice", customer=params.get("customer"), status=params.get("status"))
            return page("/v1/invoices", [life.shown(row) for row in since(rows, params)], params)
        if method == "DELETE":
            return life.delete(parts[0])
        acts: dict[str, Callable[[], Json]] = {
            "finalize": lambda: life.finalize(parts[0], params),
            "pay": lambda: life.pay(parts[0], params),
            "void": lambda: life.void(parts[0]),
            "send": lambda: life.send(parts[0]),
            "mark_uncollectible": lambda: life.mark_uncollectible(parts[0]),
        }
        if method == "POST" and len(parts) == 2 and parts[1] in acts:
            return life.shown(acts[parts[1]]())
        row = self.state.get("invoice", parts[0])
        if method == "POST":
            row["metadata"] |= params.get("metadata") or {}
            row["auto_advance"] = truth(params.get("auto_advance", row["auto_advance"]))
        return life.shown(row)

    def _others(self, method: str, parts: list[str], params: Json) -> Json:
        state, url = self.state, f"/v1/{parts[0]}"
        kind = {"invoiceitems": "invoiceitem", "credit_notes": "credit_note", "disputes": "dispute"}.get(parts[0], "")
        if parts[0] == "invoice_payments":
            return page(url, self.invoices.payments(params), params)
        if not kind:
            raise StripeProblem(404, f"Unrecognized request URL ({method}: {url}).")
        if method == "POST":
            return self.invoices.item_create(params) if kind == "invoiceitem" else self.invoices.credit_note(params)
        if len(parts) > 1:
            return state.get(kind, parts[1])
        return page(url, state.rows(kind, invoice=params.get("invoice"), customer=params.get("customer")), params)

    def deliver(
        self, post: Post | None = None, *, copies: int = 1, backwards: bool = False, drop: Iterable[str] = ()
    ) -> list[int]:
        """Sends what happened since the last time, each signed; returns the answers. `drop` names types that get lost."""
        waiting, self.state.pending = self.state.pending, []
        kept = [event for event in waiting if event["type"] not in set(drop)]
        ordered = kept[::-1] if backwards else kept
        return [self.send(event, post) for event in ordered for _ in range(copies)]

    def send(self, event: Json, post: Post | None = None) -> int:
        """One event to the webhook."""
        body = json.dumps(event, indent=2).encode()
        return (post or self._post)(body, signature(body))

    def _post(self, body: bytes, header: str) -> int:
        headers = {"Stripe-Signature": header, "Content-Type": "application/json"}
        return httpx.post(self.webhook_url, content=body, headers=headers, timeout=10, trust_env=False).status_code

    def count(self, kind: str) -> int:
        """How many objects there are of a kind."""
        return len(self.state.tables[kind])


def signature(body: bytes, *, secret: str = WEBHOOK_SECRET, at: float | None = None, scheme: str = "v1") -> str:
    """The Stripe-Signature header: https://docs.stripe.com/webhooks#verify-manually."""
    stamp = int(time.time() if at is None else at)
    digest = hmac.new(secret.encode(), b"%d." % stamp + body, hashlib.sha256).hexdigest()
    return f"t={stamp},{scheme}={digest}"
