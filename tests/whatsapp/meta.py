"""Meta's side for tests: webhooks in the documented shapes, signed as Meta signs them, and what the Graph API was asked."""

import copy
import hashlib
import hmac
import itertools
import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from django.test import Client
from django_tenants.utils import schema_context
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from apps.core.inbox import inbox_drain
from apps.core.outbox import outbox_drain
from apps.core.schema import schema_current
from apps.desktop.models import Message

FOLDER = Path(__file__).parent.parent / "fixtures" / "whatsapp"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))
SECRET = "meta-app-secret-for-tests"
NUMBER, OTHER_NUMBER = "106540352242922", "206540352242922"
WABA = "102290129340398"
WA_ID, USER_ID = "16505551234", "US.13491208655302741918"
_ids = itertools.count(1)


def recorded(name: str) -> dict[str, Any]:
    """A webhook as Meta sends it, by its file's name."""
    return copy.deepcopy(json.loads((FOLDER / f"{name}.json").read_text()))


def fresh(name: str = "text", *, wamid: str = "", wa_id: str = "", at: float | None = None, **message: Any) -> dict[str, Any]:
    """A recorded message with an id and time of its own, and what else differs."""
    payload = recorded(name)
    value = payload["entry"][0]["changes"][0]["value"]
    row = value["messages"][0]
    row.update({"id": wamid or f"wamid.fresh{next(_ids)}", "timestamp": str(int(at or time.time())), **message})
    if wa_id:
        row["from"] = value["contacts"][0]["wa_id"] = wa_id
        row.pop("from_user_id", None)
        value["contacts"][0].pop("user_id", None)
    return payload


def said(text: str, **more: Any) -> dict[str, Any]:
    """A text message of now."""
    return fresh("text", text={"body": text}, **more)


def written_by(payload: dict[str, Any], wa_id: str, user_id: str) -> dict[str, Any]:
    """The same message of somebody else: known by number, by user id (BSUID), or by both."""
    value = payload["entry"][0]["changes"][0]["value"]
    message, contact = value["messages"][0], value["contacts"][0]
    for row, names in ((message, ("from", "from_user_id")), (contact, ("wa_id", "user_id"))):
        for name, known in zip(names, (wa_id, user_id), strict=True):
            row.pop(name, None)
            row.update({name: known} if known else {})
    return payload


def changed(at: float, *, wa_id: tuple[str, str], user_id: tuple[str, str] = ("", "")) -> dict[str, Any]:
    """A system message: somebody has another number, or user id. (old, new), each empty where nothing is said of it."""
    payload = recorded("system_number_changed" if wa_id[1] else "system_user_id_changed")
    message = payload["entry"][0]["changes"][0]["value"]["messages"][0]
    message.update({"id": f"wamid.fresh{next(_ids)}", "timestamp": str(int(at)), "from": wa_id[0]})
    message.pop("from_user_id", None)
    told = {"wa_id": wa_id[1], "previous_user_id": user_id[0], "user_id": user_id[1], "type": message["system"]["type"]}
    message["system"] = {"body": "Somebody changed", **{name: text for name, text in told.items() if text}}
    return payload


def status(wamid: str, name: str, **more: Any) -> dict[str, Any]:
    """A status of now for one of our messages."""
    payload = recorded("status_read" if name not in ("failed",) else "status_failed_window")
    row = payload["entry"][0]["changes"][0]["value"]["statuses"][0]
    row.update({"id": wamid, "status": name, "timestamp": str(int(time.time())), **more})
    return payload


def signature(body: bytes, secret: str = SECRET) -> str:
    """The X-Hub-Signature-256 header."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def post(body: bytes, header: str | None) -> Any:
    """POST /meta/webhook on the public host; the test goes on in the schema it was in."""
    headers = {"host": "localhost"} | ({} if header is None else {"x-hub-signature-256": header})
    with schema_context(schema_current()):
        return Client().post("/meta/webhook", data=body, content_type="application/json", headers=headers)


def deliver(*payloads: dict[str, Any]) -> None:
    """Meta delivers webhooks, each signed, and each is taken."""
    for payload in payloads:
        body = json.dumps(payload).encode()
        assert post(body, signature(body)).status_code == 200


def work() -> None:
    """Works both mailboxes until neither has anything due."""
    with schema_context("public"):
        while inbox_drain() + outbox_drain():
            pass


def outcome(message: Message) -> tuple[str, str]:
    """A message's status and error code, as they are now."""
    message.refresh_from_db()
    return message.status, message.error_code


class Graph:
    """The Graph API: takes messages, hands out media, and fails as it is told. `sent` are the bodies of messages."""

    def __init__(self, server: HTTPServer) -> None:
        self.server = server
        self.calls: list[tuple[str, str]] = []
        self.sent: list[dict[str, Any]] = []
        self.marks: list[dict[str, Any]] = []
        self.uploads: list[bytes] = []
        self.faults: list[Response | None] = []
        self.media: dict[str, tuple[bytes, str]] = {}
        self.announced: dict[str, Any] = {}
        self.stream: Callable[[], Iterator[bytes]] | None = None
        self.templates: list[dict[str, Any]] = []
        self.seen_by: dict[str, str] = {}  # phone_number_id -> the access token that may see it
        self.tokens: list[str] = []
        self.written: dict[str, str] = {}  # a number as it is given -> as Meta writes it
        self.before: Callable[[], object] = lambda: None
        self._numbers = itertools.count(1)
        server.expect_request(re.compile(".*")).respond_with_handler(self._answer)

    @property
    def url(self) -> str:
        return self.server.url_for("").rstrip("/")

    @property
    def texts(self) -> list[str]:
        """What contacts would read."""
        return [body["text"]["body"] for body in self.sent if body["type"] == "text"]

    def refuse(self, code: int, *, status: int = 400, times: int = 1, message: str = "No.") -> None:
        """The next messages are refused with an error of Meta's form."""
        body = {"error": {"message": message, "type": "OAuthException", "code": code, "fbtrace_id": "A1b"}}
        self.faults += [Response(json.dumps(body), status, content_type="application/json")] * times

    def fail(self, status: int, body: str = "") -> None:
        """The next message gets an answer without an error in it."""
        self.faults.append(Response(body, status))

    def _answer(self, request: Request) -> Response:
        self.calls.append((request.method, request.path))
        self.tokens.append(request.headers.get("Authorization", ""))
        parts = request.path.strip("/").split("/")
        if parts[-1] == "messages" and request.method == "POST":
            return self._message(json.loads(request.data))
        if parts[-1] == "media" and request.method == "POST":
            self.uploads.append(request.files["file"].read())
            return _json({"id": f"media-{len(self.uploads)}"})
        if parts[-1] == "message_templates":
            return self._templates(request)
        if parts[0] == "bytes":
            content, mime = self.media[parts[1]]
            if self.stream is not None:
                return Response(self.stream(), content_type=mime)
            return Response(content, content_type=mime)
        if (token := self.seen_by.get(parts[-1])) and self.tokens[-1] == f"Bearer {token}":
            return _json({"id": parts[-1], "display_phone_number": "+1 555 078 3881", "verified_name": "Shop"})
        return self._about(parts[-1])

    def _message(self, body: dict[str, Any]) -> Response:
        if body.get("status") == "read":
            self.marks.append(body)
            return _json({"success": True})
        self.before()
        fault = self.faults.pop(0) if self.faults else None
        if fault is not None:
            return fault
        self.sent.append(body)
        answer: dict[str, Any] = {"messaging_product": "whatsapp", "messages": [{"id": f"wamid.ours{next(self._numbers)}"}]}
        if to := body.get("to"):
            answer["contacts"] = [{"input": to, "wa_id": self.written.get(to, to)}]
        return _json(answer)

    def _templates(self, request: Request) -> Response:
        start = int(request.args.get("after", 0))
        page = {"data": self.templates[start : start + 2]}
        if start + 2 < len(self.templates):
            page["paging"] = {"cursors": {"after": str(start + 2)}, "next": "more"}
        return _json(page)

    def _about(self, media_id: str) -> Response:
        if media_id not in self.media:
            return _json({"error": {"message": "Unknown media", "code": 100}}, 404)
        content, mime = self.media[media_id]
        about = {"url": f"{self.url}/bytes/{media_id}", "mime_type": mime, "file_size": len(content), "id": media_id}
        about["sha256"] = hashlib.sha256(content).hexdigest()
        return _json({**about, "messaging_product": "whatsapp", **self.announced})


def _json(body: dict[str, Any], status: int = 200) -> Response:
    return Response(json.dumps(body), status, content_type="application/json")
