"""WhatsApp as the two sides of it see it: a contact's phone at the pretend Meta, and a colleague at the Agent Desktop."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

import httpx
import websockets

from embedded.demo import PASSWORD
from tests.e2e.waiting import until
from tests.e2e.world import World, http_client

NUMBERS = {"acme": "1000000001", "globex": "1000000002"}
ARRIVED = ("delivered", "read")
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
_people = itertools.count(15550113001)  # the phone page gives its own people numbers that begin with 1555010


class Meta:
    """The pretend Meta's own switches and its journal."""

    def __init__(self, world: World) -> None:
        self._url = f"http://127.0.0.1:{world.stack.ports.meta}/pretend"

    async def ask(self, method: str, path: str, **options: Any) -> Any:
        """One request; its answer. Fails with the answer's sentence."""
        async with http_client() as client:
            answer = await client.request(method, f"{self._url}{path}", **options)
        assert answer.is_success, answer.text
        return answer.json()

    @asynccontextmanager
    async def trouble(self, **faults: Any) -> AsyncIterator[None]:
        """A time in which things go wrong."""
        await self.ask("POST", "/faults", json=faults)
        try:
            yield
        finally:
            await self.ask("POST", "/faults", json={name: type(value)() for name, value in faults.items()})

    async def sent(self, text: str) -> list[Any]:
        """The calls that sent a text, however often."""
        calls = (await self.ask("GET", "/log"))["calls"]
        return [call for call in calls if isinstance(call["body"], dict) and call["body"].get("text", {}).get("body") == text]


class Phone:
    """A person who writes to a company; the number is theirs alone."""

    def __init__(self, meta: Meta, tenant: str = "acme") -> None:
        self.number = str(next(_people))
        self._meta = meta
        self._line = NUMBERS[tenant]

    async def write(self, text: str, **more: Any) -> str:
        """Write a text, or what `more` says; the message's id."""
        body = {"type": "text", "text": text, "phone_number_id": self._line} | more
        sent = await self._meta.ask("POST", f"/contacts/{self.number}/messages", json=body)
        return str(sent["id"])

    async def chat(self) -> Any:
        """The chat as the phone shows it."""
        return await self._meta.ask("GET", f"/contacts/{self.number}/messages", params={"phone_number_id": self._line})

    async def answers(self) -> list[str]:
        """What the company has written so far."""
        return [message["text"] for message in (await self.chat())["messages"] if not message["mine"]]

    async def hears(self, text: str) -> None:
        """Wait for an answer that has `text` in it."""

        async def look() -> bool:
            return any(text in answer for answer in await self.answers())

        await until(look, f"the contact gets “{text}”")

    async def sees(self, status: str, *message_ids: str) -> None:
        """Wait until one of these messages of theirs shows a status."""

        async def look() -> bool:
            return any(m["id"] in message_ids and m["status"] == status for m in (await self.chat())["messages"])

        await until(look, f"the contact's message is {status}")

    async def typing(self) -> None:
        """Wait until the company types."""

        async def look() -> bool:
            return bool((await self.chat())["typing"])

        await until(look, "the typing indicator")

    async def read(self) -> None:
        """Look at the chat."""
        await self._meta.ask("POST", f"/contacts/{self.number}/read", json={"phone_number_id": self._line})


class Colleague:
    """Somebody at the Agent Desktop, with a session and its websocket: `async with Colleague(world, "bob@acme.test") as bob`."""

    def __init__(self, world: World, email: str) -> None:
        self.email = email
        self.tenant = email.partition("@")[2].partition(".")[0]
        self.hints: list[Any] = []
        self._host = f"{self.tenant}.localhost:{world.stack.ports.web}"
        self._realtime = world.stack.ports.realtime
        base = f"http://127.0.0.1:{world.stack.ports.web}"
        self._client = http_client(base_url=base, headers={"Host": self._host})
        self._listener: asyncio.Task[None] | None = None
        self._socket: websockets.ClientConnection | None = None
        self.user_id = ""

    async def __aenter__(self) -> Self:
        page = await self._client.get("/login")
        found = TOKEN.search(page.text)
        assert found, page.text[:500]
        form = {"csrfmiddlewaretoken": found[1], "username": self.email, "password": PASSWORD}
        answer = await self._client.post("/login", data=form)
        assert answer.status_code == 302, answer.text[:500]
        self.user_id = next(p["user_id"] for p in await self.get("/colleagues") if p["email"] == self.email)
        ready = asyncio.Event()
        self._listener = asyncio.create_task(self._listen(ready))
        await asyncio.wait_for(ready.wait(), 20)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._listener is not None
        self._listener.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._listener
        await self._client.aclose()

    async def get(self, path: str, **query: Any) -> Any:
        """What the desktop's API answers."""
        answer = await self.ask("GET", path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request to the desktop's API."""
        return await self.fetch(method, f"/api/v1{path}", **options)

    async def fetch(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request to any address of the tenant's host, as their pages make it."""
        headers = {"X-CSRFToken": self._client.cookies.get("csrftoken", ""), "Origin": f"http://{self._host}"}
        return await self._client.request(method, path, headers=headers | options.pop("headers", {}), **options)

    async def does(self, action: str, conversation: Any, **body: Any) -> httpx.Response:
        """An action on a conversation, such as claim."""
        return await self.ask("POST", f"/conversations/{conversation['id']}/{action}", json=body)

    async def conversation(self, phone: Phone, **wanted: Any) -> Any:
        """The conversation with a contact, once its fields are as wanted."""

        async def look() -> Any:
            found = await self.get("/conversations", view="all") | {}
            for row in found["results"]:
                if row["contact"]["phone"].endswith(phone.number):
                    return row if all(row[name] == value for name, value in wanted.items()) else None
            return None

        return await until(look, f"{self.email} sees the conversation {wanted or ''}")

    async def messages(self, conversation: Any) -> list[Any]:
        """Its messages, oldest first."""
        found = await self.get(f"/conversations/{conversation['id']}/messages", limit=200)
        return list(found["results"])

    async def message(self, conversation: Any, text: str, **wanted: Any) -> Any:
        """The message with this text, once its fields are as wanted."""

        async def look() -> Any:
            rows = [row for row in await self.messages(conversation) if row["text"] == text]
            return next((row for row in rows if all(row[name] == value for name, value in wanted.items())), None)

        return await until(look, f"the message “{text}” is {wanted}")

    async def notified(self, conversation: Any) -> None:
        """Wait until the websocket tells this person of a conversation."""
        mine = f"desk:user:{self.user_id}"

        def look() -> bool:
            assert self._listener is not None
            if self._listener.done():
                self._listener.result()
            return any(h.get("topic") == mine and h.get("id") == conversation["id"] for h in self.hints)

        await until(look, f"{self.email} is notified")

    def told(self) -> int:
        """How often the websocket has said what it hears; unasked, when hints may have been lost."""
        return sum("subscribed" in hint for hint in self.hints)

    async def listens(self, topic: str) -> None:
        """Asks to hear a topic, too; the answer says that it is heard."""
        await self._say({"subscribe": [topic]})
        await until(lambda: any(topic in hint.get("subscribed", ()) for hint in self.hints), f"{self.email} listens to {topic}")

    async def last_event(self) -> int:
        """The newest event that the websocket knows of."""
        await self._say({"register": {"last_event_id": 0}})
        asked = until(lambda: [hint for hint in self.hints if "registered" in hint], f"{self.email} is registered")
        return int((await asked)[-1]["registered"])

    async def refused_at(self, tenant: str) -> int:
        """The code with which the websocket of another tenant's host is closed."""
        async with self._connection(tenant) as socket:
            await asyncio.wait_for(socket.wait_closed(), 20)
            return int(socket.close_code or 0)

    async def _say(self, words: dict[str, Any]) -> None:
        assert self._socket is not None
        await self._socket.send(json.dumps(words))

    def _connection(self, tenant: str) -> websockets.connect:
        """To the desktop's websocket at a tenant's host, with this person's session."""
        host = self._host.replace(self.tenant, tenant, 1)
        cookie = "; ".join(f"{name}={value}" for name, value in self._client.cookies.items())
        return websockets.connect(
            f"ws://{tenant}.localhost:{self._realtime}/ws/desktop/",
            host="127.0.0.1",
            port=self._realtime,
            origin=f"http://{host}",  # type: ignore[arg-type]
            additional_headers={"Cookie": cookie},
            proxy=None,
        )

    async def _listen(self, ready: asyncio.Event) -> None:
        """Keep every hint; after a lost socket come back, as the page does."""
        async for socket in self._connection(self.tenant):
            self._socket = socket
            try:
                await socket.send(json.dumps({"subscribe": ["desk", f"desk:user:{self.user_id}"]}))
                async for text in socket:
                    self.hints.append(json.loads(text))  # a hint may come before the answer
                    if len(self.hints[-1].get("subscribed", ())) == 2:
                        ready.set()
            except websockets.ConnectionClosed:
                continue
