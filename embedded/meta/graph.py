"""The Graph addresses of the WhatsApp Cloud API: https://developers.facebook.com/docs/whatsapp/cloud-api/reference"""

import hmac
import json
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from embedded.meta.checks import message_check
from embedded.meta.checks_template import template_find
from embedded.meta.errors import GraphError, missing, not_valid, parameter, unknown_object
from embedded.meta.fields import object_in, text_in
from embedded.meta.hub import Hub
from embedded.meta.state import Contact, Media, Message, wamid
from embedded.meta.uploads import media_check

VERSION = re.compile(r"v(\d+)\.\d+")
LEAST_VERSION = 19
URL_SECONDS = 300

Answer = Callable[[Hub, Request], Awaitable[Response]]


def routes() -> list[Route]:
    """Return every address of the Graph side."""
    return [
        Route("/lookaside/{id}", _graph(_media_bytes)),
        Route("/{version}/{id}/messages", _graph(_messages), methods=["POST"]),
        Route("/{version}/{id}/media", _graph(_media_upload), methods=["POST"]),
        Route("/{version}/{id}/message_templates", _graph(_templates)),
        Route("/{version}/{id}/phone_numbers", _graph(_numbers)),
        Route("/{version}/{id}/subscribed_apps", _graph(_subscribed), methods=["GET", "POST"]),
        Route("/{version}/{id}", _graph(_object)),
        Route("/{version}/{id}", _graph(_media_delete), methods=["DELETE"]),
        Route("/{version}/{path:path}", _graph(_unknown), methods=["GET", "POST", "DELETE"]),
    ]


def _graph(answer: Answer) -> Callable[[Request], Awaitable[Response]]:
    """Check version and token, strike with faults, and note call and answer."""

    async def endpoint(request: Request) -> Response:
        hub: Hub = request.app.state.hub
        try:
            _version_check(request)
            _token_check(hub, request)
            if request.method == "POST" and hub.faults.fail_code and hub.faults.take("fail_count"):
                raise GraphError(hub.faults.fail_code, "Refused on purpose.")
            response = await answer(hub, request)
        except GraphError as error:
            hub.journal.call(request.method, request.url.path, error.status, request.scope.get("body"), str(error))
            if error.code in (100, 131008, 131009, 190, 2500, 132000, 132001, 132012):
                hub.journal.problem(f"{request.method} {request.url.path}: {error} {error.details}".strip())
            raise
        hub.journal.call(request.method, request.url.path, response.status_code, request.scope.get("body"))
        return response

    return endpoint


def _version_check(request: Request) -> None:
    found = VERSION.fullmatch(request.path_params.get("version", "v99.0"))
    if found is None or int(found[1]) < LEAST_VERSION:
        message = f"Unknown path components: {request.url.path}. Use a version from v{LEAST_VERSION}.0 on."
        raise GraphError(2500, message=message)


def _token_check(hub: Hub, request: Request) -> None:
    given = request.headers.get("authorization", "")
    if not given:
        raise GraphError(190, message="An access token is required to request this resource.")
    if not hmac.compare_digest(given.encode(), f"Bearer {hub.settings.access_token}".encode()):
        raise GraphError(190, message="Invalid OAuth access token - Cannot parse access token")


async def _json(request: Request) -> dict[str, Any]:
    """Return the request's object, kept for the journal. Raises GraphError."""
    try:
        body = json.loads(await request.body())
    except ValueError:
        raise parameter("The request is no JSON.") from None
    if not isinstance(body, dict):
        raise parameter("The request must be a JSON object.")
    request.scope["body"] = body
    return body


def _number(hub: Hub, request: Request) -> str:
    number: str = request.path_params["id"]
    if number not in hub.state.businesses:
        raise unknown_object(number, request.method)
    return number


async def _messages(hub: Hub, request: Request) -> Response:
    number, body = _number(hub, request), await _json(request)
    return _read(hub, number, body) if "status" in body else _send(hub, number, body)


def _read(hub: Hub, number: str, body: dict[str, Any]) -> Response:
    """Mark as read, with or without the typing indicator."""
    if body.get("messaging_product") != "whatsapp" or body["status"] != "read":
        raise parameter("Param status must be read, and messaging_product whatsapp.")
    message = hub.state.messages.get(text_in(body, "message_id", "message_id"))
    if message is None or message.number != number or not message.from_contact:
        raise not_valid("message_id is not a message that this business phone number received.")
    typing = "typing_indicator" in body
    if typing and object_in(body, "typing_indicator").get("type") != "text":
        raise parameter("Param typing_indicator['type'] must be one of {text}.")
    hub.network.business_read(message, typing=typing)
    return JSONResponse({"success": True})


def _send(hub: Hub, number: str, body: dict[str, Any]) -> Response:
    given, contact = _recipient(hub, number, body)
    content = message_check(hub.state, number, body)
    kind = body.get("type", "text")
    message = Message(wamid(), number, contact.key if contact else _digits(given), False, kind, content, time.time())
    message.context = body.get("context", {}).get("message_id", "")
    message.tracker = str(body.get("biz_opaque_callback_data", ""))
    if kind == "template":
        message.category = template_find(hub.state, number, content["template"])["category"].lower()
    hub.network.business_send(number, given, contact, message)
    answer = {
        "messaging_product": "whatsapp",
        "contacts": [{"input": given} | _known_as(hub, number, given, contact)],
        "messages": [{"id": message.id} | ({"message_status": "accepted"} if kind == "template" else {})],
    }
    return _cut_off() if hub.faults.take("cut") else JSONResponse(answer)


def _recipient(hub: Hub, number: str, body: dict[str, Any]) -> tuple[str, Contact | None]:
    """Return what was given, and the contact it means; a phone number goes before a user id."""
    if body.get("to"):
        given = text_in(body, "to", "to")
        return given, hub.state.contact_by_number(_digits(given))
    if not body.get("recipient"):
        raise parameter("The parameter to is required.")
    given = text_in(body, "recipient", "recipient")
    return given, hub.state.contact_by_user_id(given, hub.state.businesses[number].waba_id)


def _known_as(hub: Hub, number: str, given: str, contact: Contact | None) -> dict[str, str]:
    if contact is None:
        return {"wa_id": _digits(given)}
    if given == contact.user_id(hub.state.businesses[number].waba_id):
        return {"user_id": given}
    return {"wa_id": contact.wa_id}


def _digits(text: str) -> str:
    return "".join(filter(str.isdigit, text))


def _cut_off() -> Response:
    """Promise more than comes, so that the sender cannot know whether the message was taken."""

    async def nothing() -> AsyncIterator[bytes]:
        yield b'{"messaging_product":'
        raise ConnectionAbortedError("cut on purpose")

    return StreamingResponse(nothing(), media_type="application/json", headers={"Content-Length": "500"})


async def _media_upload(hub: Hub, request: Request) -> Response:
    number = _number(hub, request)
    async with request.form(max_files=1, max_part_size=2**20) as form:
        if form.get("messaging_product") != "whatsapp":
            raise parameter("The parameter messaging_product is required and has to be 'whatsapp'.")
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise missing("file")
        mime = str(form.get("type") or file.content_type or "")
        media_check(mime, file.size or 0)
        media = hub.state.media_add(await file.read(), mime, file.filename or "", number)
    return JSONResponse({"id": media.id})


async def _object(hub: Hub, request: Request) -> Response:
    """A medium's address, a number or a template, by its id."""
    object_id = request.path_params["id"]
    if object_id in hub.state.media:
        return JSONResponse(_media_shown(hub, hub.state.media[object_id]))
    if object_id in hub.state.businesses:
        return JSONResponse(_number_shown(hub, object_id))
    for template in (template for found in hub.state.templates.values() for template in found):
        if template["id"] == object_id:
            return JSONResponse(template)
    raise unknown_object(object_id, request.method)


def _media_shown(hub: Hub, media: Media) -> dict[str, Any]:
    until = int(time.time()) + URL_SECONDS
    return {
        "url": f"{hub.settings.base_url}/lookaside/{media.id}?ext={until}&hash={hub.media_hash(media.id, until)}",
        "mime_type": media.mime,
        "sha256": media.sha256,
        "file_size": media.size,
        "id": media.id,
        "messaging_product": "whatsapp",
    }


async def _media_bytes(hub: Hub, request: Request) -> Response:
    media_id, until = request.path_params["id"], request.query_params.get("ext", "")
    fresh = until.isdecimal() and int(until) > time.time()
    right = fresh and hmac.compare_digest(hub.media_hash(media_id, int(until)), request.query_params.get("hash", ""))
    if not right or media_id not in hub.state.media:
        return Response("URL signature expired", status_code=404)
    return FileResponse(hub.state.media_path(media_id), media_type=hub.state.media[media_id].mime)


async def _media_delete(hub: Hub, request: Request) -> Response:
    media_id = request.path_params["id"]
    if media_id not in hub.state.media:
        raise unknown_object(media_id, request.method)
    hub.state.media_remove(media_id)
    return JSONResponse({"success": True})


async def _templates(hub: Hub, request: Request) -> Response:
    """GET /{WABA}/message_templates, by name, status and language, page by page."""
    if request.path_params["id"] not in hub.state.templates:
        raise unknown_object(request.path_params["id"], request.method)
    asked = request.query_params
    found = [
        template
        for template in hub.state.templates[request.path_params["id"]]
        if all(str(template[name]) == asked[name] for name in ("name", "status", "language", "category") if name in asked)
    ]
    start = int(asked["after"]) if asked.get("after", "").isdecimal() else 0
    end = start + (int(asked["limit"]) if asked.get("limit", "").isdecimal() else 25)
    page: dict[str, Any] = {"data": found[start:end], "paging": {"cursors": {"before": str(start), "after": str(end)}}}
    if "summary" in asked:
        page["summary"] = {"total_count": len(found), "message_template_count": len(found), "message_template_limit": 250}
        page["summary"]["are_translations_complete"] = True
    if end < len(found):
        again = "&".join(f"{name}={value}" for name, value in asked.items() if name != "after")
        page["paging"]["next"] = f"{hub.settings.base_url}{request.url.path}?{again}&after={end}"
    return JSONResponse(page)


async def _numbers(hub: Hub, request: Request) -> Response:
    waba_id = request.path_params["id"]
    if waba_id not in hub.state.templates:
        raise unknown_object(waba_id, request.method)
    found = [_number_shown(hub, number) for number, business in hub.state.businesses.items() if business.waba_id == waba_id]
    return JSONResponse({"data": found, "paging": {"cursors": {"before": "0", "after": str(len(found))}}})


def _number_shown(hub: Hub, number: str) -> dict[str, Any]:
    business = hub.state.businesses[number]
    return {
        "verified_name": business.name,
        "display_phone_number": business.display_number,
        "code_verification_status": "VERIFIED",
        "quality_rating": "GREEN",
        "platform_type": "CLOUD_API",
        "throughput": {"level": "STANDARD"},
        "id": number,
    }


async def _subscribed(hub: Hub, request: Request) -> Response:
    if request.path_params["id"] not in hub.state.templates:
        raise unknown_object(request.path_params["id"], request.method)
    if request.method == "POST":
        return JSONResponse({"success": True})
    app = {"whatsapp_business_api_data": {"link": "https://example.com/", "name": "Meridian", "id": "1"}}
    return JSONResponse({"data": [app]})


async def _unknown(hub: Hub, request: Request) -> Response:
    raise GraphError(2500, message=f"Unknown path components: {request.url.path}")
