"""The contacts' side: what their messenger sends and shows, and the switches for trouble. JSON for the page and for tests."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from embedded.meta.checks import MEDIA
from embedded.meta.faults import ControlError, Faults
from embedded.meta.hub import Hub
from embedded.meta.limits import Limits
from embedded.meta.state import WINDOW_SECONDS, Contact
from embedded.meta.uploads import MB, ogg_from_webm
from embedded.meta.view import chat_shown, message_shown, people_shown

PAGE = Path(__file__).parent / "page"
FILES = ("phone.css", "favicon.svg", "phone.js", "core.js", "bubble.js", "send.js", "trouble.js")
LARGEST_UPLOAD = 100 * MB
HEARTBEAT_SECONDS = 15.0
INLINE = ("image/jpeg", "image/png", "image/webp", "image/gif", "audio/", "video/")
POLICY = (
    "default-src 'self'; img-src 'self' blob:; media-src 'self' blob:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
HEADERS = {"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}

Control = Callable[[Hub, Request], Awaitable[Response]]


def routes() -> list[Route]:
    """Return the page's addresses and those under /pretend."""
    return [
        Route("/", _page("index.html")),
        *(Route(f"/{name}", _page(name)) for name in FILES),
        Route("/pretend/state", _control(_state)),
        Route("/pretend/events", _control(_events)),
        Route("/pretend/contacts", _control(_contact_add), methods=["POST"]),
        Route("/pretend/contacts/{key}/messages", _control(_messages), methods=["GET", "POST"]),
        Route("/pretend/contacts/{key}/read", _control(_read), methods=["POST"]),
        Route("/pretend/contacts/{key}/echoes", _control(_echoes), methods=["POST"]),
        Route("/pretend/contacts/{key}/phone", _control(_phone), methods=["POST"]),
        Route("/pretend/contacts/{key}/number", _control(_number), methods=["POST"]),
        Route("/pretend/contacts/{key}/window", _control(_window), methods=["POST"]),
        Route("/pretend/media", _control(_media_add), methods=["POST"]),
        Route("/pretend/media/{id}", _control(_media)),
        Route("/pretend/faults", _control(_faults), methods=["GET", "POST"]),
        Route("/pretend/log", _control(_log)),
        Route("/pretend/webhooks", _control(_webhooks), methods=["POST"]),
        Route("/pretend/reset", _control(_reset), methods=["POST"]),
        Route("/pretend/{path:path}", _nothing, methods=["GET", "POST"]),
    ]


def _page(name: str) -> Callable[[Request], Awaitable[Response]]:
    async def answer(_: Request) -> Response:
        return FileResponse(PAGE / name, headers=HEADERS)

    return answer


def _control(answer: Control) -> Callable[[Request], Awaitable[Response]]:
    """Say in a sentence what is wrong, and take nothing from other sites' pages."""

    async def endpoint(request: Request) -> Response:
        origin = request.headers.get("origin")
        if origin and urlsplit(origin).netloc != request.headers.get("host"):
            return JSONResponse({"error": "Only this server's own page may do that."}, status_code=403)
        try:
            return await answer(request.app.state.hub, request)
        except ControlError as error:
            return JSONResponse({"error": str(error)}, status_code=400)

    return endpoint


async def _nothing(request: Request) -> Response:
    return JSONResponse({"error": f"There is nothing at {request.url.path}."}, status_code=404)


async def _json(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.body() or b"{}")
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise ControlError("The request has to be a JSON object.")
    return body


def _contact(hub: Hub, request: Request) -> Contact:
    """Return the contact of the address, by key or number; a number that nobody has gets a contact."""
    key: str = request.path_params["key"]
    found = hub.state.contacts.get(key) or hub.state.contact_by_number(key)
    if found is None and key.isdecimal():
        found = hub.state.contacts[key] = Contact(key, f"+{key}", key)
    if found is None:
        raise ControlError(f"There is no contact {key!r}; POST /pretend/contacts makes one.")
    return found


def _line(hub: Hub, given: Any) -> str:
    number = str(given or next(iter(hub.state.businesses)))
    if number not in hub.state.businesses:
        raise ControlError(f"phone_number_id {number!r} is none of {', '.join(hub.state.businesses)}.")
    return number


async def _state(hub: Hub, request: Request) -> Response:
    numbers = [{"id": b.id, "name": b.name, "display_number": b.display_number} for b in hub.state.businesses.values()]
    return JSONResponse(
        {
            "version": hub.state.version,
            "numbers": numbers,
            "contacts": people_shown(hub.state),
            "connected": hub.deliveries.connected.is_set(),
            "waiting": len(hub.deliveries.pending),
            "faults": hub.faults.shown(),
            "problems": len(hub.journal.problems),
        }
    )


async def _events(hub: Hub, request: Request) -> Response:
    """Server-sent events: the version at every change; the page fetches what it shows."""

    async def changes() -> AsyncIterator[str]:
        with hub.state.watched() as event:
            while True:
                event.clear()
                yield f"data: {hub.state.version}\n\n"
                try:
                    await asyncio.wait_for(event.wait(), HEARTBEAT_SECONDS)
                except TimeoutError:
                    continue

    return StreamingResponse(changes(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})


async def _contact_add(hub: Hub, request: Request) -> Response:
    body = await _json(request)
    name, wa_id = str(body.get("name", "")), str(body.get("wa_id", ""))
    key = str(body.get("key") or wa_id or name.lower().replace(" ", "-"))
    if not key or not name or key in hub.state.contacts or (wa_id and not wa_id.isdecimal()):
        raise ControlError(
            "A contact needs a name, a key of its own, and digits only in wa_id; without wa_id it has a user id only."
        )
    hub.state.contacts[key] = Contact(key, name, wa_id, str(body.get("country", "US")), str(body.get("username", "")))
    hub.state.changed()
    return JSONResponse({"key": key}, status_code=201)


async def _messages(hub: Hub, request: Request) -> Response:
    """GET shows a chat; POST writes a message, in Meta's shape or with `text` as a plain string."""
    contact = _contact(hub, request)
    if request.method == "GET":
        return JSONResponse(chat_shown(hub.state, contact, _line(hub, request.query_params.get("phone_number_id"))))
    body = await _json(request)
    number = _line(hub, body.get("phone_number_id"))
    kind = str(body.get("type", "text"))
    context_id = str((body.get("context") or {}).get("message_id", ""))
    if context_id and context_id not in hub.state.messages:
        raise ControlError("There is no message with the id in context['message_id'].")
    content = _content(hub, kind, body)
    if kind == "reaction" and content["reaction"].get("message_id") not in hub.state.messages:
        raise ControlError("There is no message with the id in reaction.")
    message = hub.network.contact_send(contact, number, kind, content, context_id)
    return JSONResponse(message_shown(hub.state, message), status_code=201)


def _content(hub: Hub, kind: str, body: dict[str, Any]) -> dict[str, Any]:
    """Return the message's own part of the webhook. Raises ControlError."""
    given = body.get(kind)
    if kind == "text" and isinstance(given, str):
        given = {"body": given}
    if kind == "unsupported":
        return {"errors": [{"code": 131051, "title": "Message type unknown", "message": "Message type unknown"}]}
    if not isinstance(given, dict | list) or not given or (kind == "text" and not given.get("body")):  # type: ignore[union-attr]
        raise ControlError(f"A message of type {kind} needs {kind!r} with what Meta has there.")
    if kind in MEDIA and isinstance(given, dict):
        given = _media_content(hub, given)
    more = {"referral": body["referral"]} if "referral" in body else {}
    return {kind: given} | more


def _media_content(hub: Hub, given: dict[str, Any]) -> dict[str, Any]:
    media = hub.state.media.get(str(given.get("id", "")))
    if media is None:
        raise ControlError("There is no file with this id; POST /pretend/media?name=… with the bytes gives one.")
    return {"mime_type": media.mime, "sha256": media.sha256} | given


async def _read(hub: Hub, request: Request) -> Response:
    contact = _contact(hub, request)
    hub.network.contact_read(contact, _line(hub, (await _json(request)).get("phone_number_id")))
    return JSONResponse({"read": True})


async def _echoes(hub: Hub, request: Request) -> Response:
    """The business writes `text` to the contact in its WhatsApp Business app; with `rewrite` it edits or deletes its last one."""
    contact, body = _contact(hub, request), await _json(request)
    number, text = _line(hub, body.get("phone_number_id")), str(body.get("text", "")).strip()
    if body.get("rewrite"):
        said = [hub.state.messages[message_id] for message_id in hub.state.chat(number, contact.key).ids]
        last = next((message for message in reversed(said) if message.app and message.type == "text"), None)
        if last is None:
            raise ControlError("The company has said nothing to this contact in its app, or has deleted it.")
        hub.network.business_rewrite(last, text)
        return JSONResponse(message_shown(hub.state, last))
    if not text:
        raise ControlError("Write what the company says.")
    return JSONResponse(message_shown(hub.state, hub.network.business_echo(contact, number, text)), status_code=201)


async def _phone(hub: Hub, request: Request) -> Response:
    """Switch a contact's phone on or off: what is sent to one that is off is not delivered."""
    on = bool((await _json(request)).get("on", True))
    hub.network.phone_switch(_contact(hub, request), on)
    return JSONResponse({"on": on})


async def _number(hub: Hub, request: Request) -> Response:
    """Give a contact another phone number."""
    hub.network.number_change(_contact(hub, request), str((await _json(request)).get("wa_id", "")))
    return JSONResponse({"changed": True})


async def _window(hub: Hub, request: Request) -> Response:
    """Let 24 hours go by since the contact last wrote to the business."""
    contact = _contact(hub, request)
    number = _line(hub, (await _json(request)).get("phone_number_id"))
    hub.state.chat(number, contact.key).last_inbound -= WINDOW_SECONDS
    hub.state.changed()
    return JSONResponse({"open": hub.state.window_open(number, contact.key)})


async def _media_add(hub: Hub, request: Request) -> Response:
    """Take a file's bytes with their Content-Type; a recording of a browser becomes a voice note."""
    pieces, size = [], 0
    async for piece in request.stream():
        size += len(piece)
        if size > LARGEST_UPLOAD:
            raise ControlError("A file may have at most 100 MB.")
        pieces.append(piece)
    data, mime = b"".join(pieces), request.headers.get("content-type", "application/octet-stream")
    if not data:
        raise ControlError("The file is empty.")
    if mime.startswith("audio/webm"):
        data, mime = await asyncio.to_thread(_voice, data), "audio/ogg; codecs=opus"
    media = hub.state.media_add(data, mime, request.query_params.get("name", ""), "contact")
    return JSONResponse({"id": media.id, "mime_type": media.mime, "size": media.size}, status_code=201)


def _voice(data: bytes) -> bytes:
    import av

    try:
        return ogg_from_webm(data)
    except (av.error.FFmpegError, IndexError) as error:
        raise ControlError("This recording holds no sound.") from error


async def _media(hub: Hub, request: Request) -> Response:
    """A file for the page; shown in place only where that is safe."""
    media = hub.state.media.get(request.path_params["id"])
    if media is None:
        return JSONResponse({"error": "There is no such file."}, status_code=404)
    inline = media.mime.startswith(INLINE)
    headers = HEADERS | {"Content-Security-Policy": "sandbox; default-src 'none'"}
    return FileResponse(
        hub.state.media_path(media.id),
        media_type=media.mime if inline else "application/octet-stream",
        filename=None if inline else media.name or "file",
        headers=headers,
    )


async def _faults(hub: Hub, request: Request) -> Response:
    if request.method == "POST":
        hub.faults.set(await _json(request))
        hub.state.changed()
    return JSONResponse(hub.faults.shown())


async def _log(hub: Hub, request: Request) -> Response:
    return JSONResponse(hub.journal.shown() | {"pending": len(hub.deliveries.pending)})


async def _webhooks(hub: Hub, request: Request) -> Response:
    """Deliver any body, signed; for shapes that no contact here produces."""
    hub.deliveries.send_body("raw", await _json(request))
    return JSONResponse({"accepted": True}, status_code=202)


async def _reset(hub: Hub, request: Request) -> Response:
    """Forget chats, faults and journal."""
    hub.state.clear()
    hub.journal.clear()
    hub.faults.set(Faults().shown())
    hub.network.limits = Limits()
    return JSONResponse({"reset": True})
