"""Everything outside of the product for bench.whatsapp_reply, in one process: contacts, Meta's Graph API, and a language model.

Bare asyncio streams, so that the machine's cores are the product's. Every message carries an id that the model's answer repeats.
"""

import asyncio
import hashlib
import hmac
import json
import re
import time
from dataclasses import dataclass, field
from typing import Any

from bench.loadgen import request

ID = re.compile(r"m\d+x")
SSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
CONNECTIONS = 8
PATIENCE = 60  # seconds for the last answers


@dataclass
class Times:
    """Of one message, by time.perf_counter: sent, asked of the model, answered by it, and posted to Meta."""

    sent: float
    asked: float = 0.0
    answered: float = 0.0
    posted: float = 0.0


@dataclass
class Outside:
    """Contacts write at fixed times; whatever the product then asks of Meta and the model is answered and noted.

    `model_seconds` is how long the model takes. Meta reports each message as sent and delivered, in a webhook each.
    """

    number: str
    secret: str
    model_seconds: float
    times: dict[str, Times] = field(default_factory=dict)
    refused: int = 0
    port: int = 0
    _webhooks: "asyncio.Queue[dict[str, Any]]" = field(default_factory=asyncio.Queue)
    _tasks: set["asyncio.Task[None]"] = field(default_factory=set)
    _count: int = 0

    async def serve(self) -> "asyncio.Server":
        """Listens as Meta and as the model, on one free port."""
        server = await asyncio.start_server(self._connection, "127.0.0.1", 0, limit=2**20)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def write(self, web_port: int, *, first: int, count: int, rate: float, contacts: int) -> list[Times]:
        """`count` messages from `contacts` people in turn, `rate` a second, to the product's webhook; waits for the answers."""
        senders = [asyncio.create_task(self._sender(web_port)) for _ in range(CONNECTIONS)]
        began = time.perf_counter()
        for number in range(first, first + count):
            due = began + (number - first) / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            key = f"m{number}x"
            self.times[key] = Times(due)
            self._webhooks.put_nowait(self._message(key, f"4930{number % contacts:08}"))
        written = [self.times[f"m{number}x"] for number in range(first, first + count)]
        until = time.perf_counter() + PATIENCE
        while any(not one.posted for one in written) and time.perf_counter() < until:
            await asyncio.sleep(0.05)
        await asyncio.sleep(1)  # the last statuses
        for sender in senders:
            sender.cancel()
        return written

    async def _sender(self, port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while True:
            value = await self._webhooks.get()
            change = {"field": "messages", "value": value}
            body = json.dumps({"object": "whatsapp_business_account", "entry": [{"id": "100", "changes": [change]}]}).encode()
            digest = hmac.new(self.secret.encode(), body, hashlib.sha256).hexdigest()
            headers = {"Content-Type": "application/json", "X-Hub-Signature-256": f"sha256={digest}"}
            writer.write(request("POST", "/meta/webhook", "localhost", headers, body))
            head, _ = await _read(reader)
            self.refused += not head.startswith(b"HTTP/1.1 200")

    def _message(self, key: str, wa_id: str) -> dict[str, Any]:
        message = {"from": wa_id, "id": f"wamid.in.{key}", "timestamp": str(int(time.time())), "type": "text"}
        contact = {"profile": {"name": f"Contact {wa_id}"}, "wa_id": wa_id}
        return {**self._metadata(), "contacts": [contact], "messages": [{**message, "text": {"body": f"A question, {key}"}}]}

    def _metadata(self) -> dict[str, Any]:
        return {
            "messaging_product": "whatsapp",
            "metadata": {"display_phone_number": self.number, "phone_number_id": self.number},
        }

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head, body = await _read(reader)
                if b"/chat/completions" in head.split(b"\r\n", 1)[0]:
                    await self._model(json.loads(body), writer)
                else:
                    writer.write(_answer(self._graph(json.loads(body or b"{}"))))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def _model(self, body: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        asked = time.perf_counter()
        key = ID.findall(str(body["messages"][-1]["content"]))[-1]
        await asyncio.sleep(self.model_seconds)
        writer.write(SSE + b"".join(map(_chunk, _pieces(f"The answer to {key}."))) + b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")
        if not self.times[key].asked:
            self.times[key].asked, self.times[key].answered = asked, time.perf_counter()

    def _graph(self, body: dict[str, Any]) -> dict[str, Any]:
        """POST /{number}/messages: typing, or a message, whose statuses follow."""
        if "text" not in body:
            return {"success": True}
        now = time.perf_counter()
        found = ID.findall(body["text"]["body"])
        if found and not self.times[found[-1]].posted:
            self.times[found[-1]].posted = now
        self._count += 1
        wamid = f"wamid.out.{self._count}"
        task = asyncio.create_task(self._statuses(wamid, body["to"]))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return {"messaging_product": "whatsapp", "contacts": [{"wa_id": body["to"]}], "messages": [{"id": wamid}]}

    async def _statuses(self, wamid: str, to: str) -> None:
        for pause, status in ((0.05, "sent"), (0.15, "delivered")):
            await asyncio.sleep(pause)
            row = {"id": wamid, "status": status, "timestamp": str(int(time.time())), "recipient_id": to}
            self._webhooks.put_nowait({**self._metadata(), "statuses": [row]})


async def _read(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    found = re.search(rb"(?i)content-length: (\d+)", head)
    return head, await reader.readexactly(int(found[1])) if found else b""


def _answer(body: dict[str, Any]) -> bytes:
    raw = json.dumps(body).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(raw), raw)


def _pieces(text: str) -> list[dict[str, Any]]:
    words = [{"index": 0, "delta": {"content": f"{word} "}, "finish_reason": None} for word in text.split()]
    usage = {"prompt_tokens": 60, "completion_tokens": len(words), "total_tokens": 60 + len(words)}
    base = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "fixed"}
    closing = {**base, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    return [*({**base, "choices": [word]} for word in words), closing, {**base, "choices": [], "usage": usage}]


def _chunk(body: dict[str, Any]) -> bytes:
    data = b"data: " + json.dumps(body).encode() + b"\n\n"
    return b"%x\r\n%s\r\n" % (len(data), data)
