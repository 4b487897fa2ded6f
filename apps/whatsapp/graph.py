"""Meta's Graph API through pywa's client: one client per access token, over a transport that leads to WHATSAPP_GRAPH_URL.

Wire format: https://developers.facebook.com/documentation/business-messaging/whatsapp/reference
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import IO, Any
from urllib.parse import urlsplit

import httpx
from django.conf import settings
from pywa import WhatsApp
from pywa.api import GraphAPI
from pywa.errors import WhatsAppError

from apps.core.errors import PermanentError, TransientError
from apps.whatsapp.sentences import error_sentence

Json = dict[str, Any]
META = "graph.facebook.com"
MEDIA_HOSTS = (".fbsbx.com", ".facebook.com", ".fbcdn.net", ".whatsapp.net")
TIMEOUT = httpx.Timeout(15, connect=5)
LIMITS = httpx.Limits(max_connections=32, max_keepalive_connections=16, keepalive_expiry=4)  # below what servers keep
RATE_CODES = {130429: 1.0, 131056: 6.0}  # seconds to wait: the number's own limit, and the one per contact
RATE_STATUS = 429
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)

logging.getLogger("pywa").setLevel(logging.WARNING)  # below that it logs texts and numbers


class Refused(PermanentError):
    """Meta said no. `code` is its error code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class RateLimited(TransientError):
    """Meta wants us to wait: the only answer of its after which the same message is sent again."""

    def __init__(self, code: str, after: float) -> None:
        super().__init__(f"Meta's rate limit was reached ({code}).", after=after)
        self.code = code


class NotReached(TransientError):
    """No connection came about, so nothing was sent."""


class Uncertain(PermanentError):
    """The request went out and no usable answer came: Meta may have taken it."""


class GraphTransport(httpx.BaseTransport):
    """Sends what pywa addresses to Meta to another address, such as the pretend Meta's."""

    def __init__(self, base_url: str) -> None:
        self._base = httpx.URL(base_url)
        self._inner = httpx.HTTPTransport(limits=LIMITS)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.host == META and self._base.host != META:
            path = self._base.raw_path.rstrip(b"/") + request.url.raw_path
            request.url = self._base.copy_with(raw_path=path)
            request.headers["Host"] = self._base.netloc.decode()
        return self._inner.handle_request(request)

    def close(self) -> None:
        self._inner.close()


@lru_cache(maxsize=256)
def _api(token: str, base_url: str) -> GraphAPI:
    """Building a client takes 22 ms, so each token keeps its own."""
    client = httpx.Client(transport=GraphTransport(base_url), timeout=TIMEOUT)
    return WhatsApp(token=token, session=client).api


def api(token: str) -> GraphAPI:
    """pywa's calls with this access token, or the installation's own when it is empty. Raises PermanentError without either."""
    token = token or settings.WHATSAPP_ACCESS_TOKEN
    if not token:
        raise PermanentError("There is no access token for this number. Give it one, or set WHATSAPP_ACCESS_TOKEN.")
    return _api(token, settings.WHATSAPP_GRAPH_URL)


@contextmanager
def meta_errors() -> Iterator[None]:
    """Turns what pywa and httpx raise into Refused, RateLimited, NotReached or Uncertain."""
    try:
        yield
    except WhatsAppError as error:
        raise _classified(error) from error
    except NOT_SENT as error:
        raise NotReached("Meta could not be reached.") from error
    except (httpx.HTTPError, ValueError, LookupError, TypeError, AttributeError) as error:
        # Too late, cut off, or an answer that cannot be read: all after the request was written.
        raise Uncertain("Meta did not answer in a way that says whether it took this.") from error


def _classified(error: WhatsAppError) -> Refused | RateLimited | Uncertain:
    status = error.status_code or 0
    if error.code in RATE_CODES or status == RATE_STATUS:
        return RateLimited(str(error.code), RATE_CODES.get(error.code, _retry_after(error)))
    if status >= 500 and error.code == status:  # pywa's own stand-in for an answer without an error in it
        return Uncertain("Meta answered with an error that does not say whether it took this.")
    return Refused(str(error.code), error_sentence(str(error.code), error.details or error.message))


def _retry_after(error: WhatsAppError) -> float:
    given = error.raw_response.headers.get("Retry-After", "") if error.raw_response is not None else ""
    return float(given) if given.isascii() and given.isdigit() else 2.0


@dataclass(frozen=True)
class Posted:
    """A message that Meta took. `wa_id` is whom it found by the number, which may be written otherwise: Brazil's ninth digit,
    Mexico's 1. Empty where Meta does not say.
    """

    wamid: str
    wa_id: str


def message_post(
    *,
    token: str,
    phone_number_id: str,
    to: dict[str, str],
    kind: str,
    content: dict[str, Any],
    reply_to: str | None,
    tracker: str,
) -> Posted:
    """POST /{phone_number_id}/messages. `to` is {"to": wa_id} or {"recipient": BSUID}."""
    with meta_errors():
        answer = api(token).send_message(
            sender=phone_number_id,
            to=to.get("to"),
            recipient=to.get("recipient"),
            recipient_type="individual",
            typ=kind,
            msg=content,
            reply_to_message_id=reply_to,
            biz_opaque_callback_data=tracker,
        )
        known = (answer.get("contacts") or [{}])[0]
        return Posted(str(answer["messages"][0]["id"]), str(known.get("wa_id") or ""))


def read_post(*, token: str, phone_number_id: str, wamid: str, typing: bool) -> None:
    """Marks a contact's message as read; with `typing` they see for up to 25 s that somebody writes."""
    with meta_errors():
        if typing:
            api(token).set_indicator(phone_number_id, wamid, "text")
        else:
            api(token).mark_message_as_read(phone_number_id, wamid)


def media_upload(*, token: str, phone_number_id: str, file: IO[bytes], mime: str, name: str) -> str:
    """POST /{phone_number_id}/media; returns the media id. The file is streamed."""
    with meta_errors():
        return str(api(token).upload_media(phone_number_id, file, mime, name)["id"])


def media_about(*, token: str, media_id: str) -> dict[str, Any]:
    """GET /{media_id}: url (good for five minutes), mime_type, sha256, file_size."""
    with meta_errors():
        return api(token).get_media_url(media_id)


@contextmanager
def media_stream(*, token: str, url: str) -> Iterator[httpx.Response]:
    """The bytes at a media address. The access token goes along, so only Meta's own hosts are asked."""
    if not _is_metas(url):
        raise PermanentError("This media address is not one of Meta's.")
    session = api(token)._session
    with meta_errors(), session.stream("GET", url, headers={"Authorization": session.headers["Authorization"]}) as response:
        if response.status_code != 200:
            raise TransientError(f"The media address answered {response.status_code}.")
        yield response


def number_about(*, token: str, phone_number_id: str) -> dict[str, Any]:
    """GET /{phone_number_id}: display_phone_number, verified_name; refused where this very token may not see the number."""
    with meta_errors():
        return _api(token, settings.WHATSAPP_GRAPH_URL).get_business_phone_number(
            phone_number_id, ("id", "display_phone_number", "verified_name")
        )


def templates_page(*, token: str, waba_id: str, after: str | None) -> dict[str, Any]:
    """GET /{waba_id}/message_templates, one page."""
    pagination = {"limit": "100", **({"after": after} if after else {})}
    with meta_errors():
        return api(token).get_templates(waba_id, pagination=pagination)


def _is_metas(url: str) -> bool:
    asked, ours = urlsplit(url), urlsplit(settings.WHATSAPP_GRAPH_URL)
    if ours.hostname != META:
        return (asked.scheme, asked.netloc) == (ours.scheme, ours.netloc)
    return asked.scheme == "https" and (asked.hostname or "").endswith(MEDIA_HOSTS)
