"""What the outbox does for the Notification Service: Web Push and e-mail, dropped where somebody was faster."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from smtplib import SMTPException, SMTPRecipientsRefused
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage
from django.utils.translation import gettext as _
from pywebpush import WebPushException, webpush

from apps.compass.client import Call, RequestFailed, request
from apps.compass.guard import Blocked
from apps.core.errors import Ignored, PermanentError, TransientError
from apps.core.letters import letter_make
from apps.core.models import OutboundEffect
from apps.core.outbox import sender
from apps.core.schema import schema_current
from apps.desktop.kinds import last_words
from apps.desktop.models import Conversation, PushSubscription
from apps.desktop.notifications import EMAIL, PUSH
from apps.desktop.selectors.mentions import mention_notice, mention_unseen
from apps.desktop.selectors.people import ColleagueRow, colleague_get
from apps.tenants.selectors import tenant_by_slug, tenant_host

SECONDS = 10  # the longest that a push service or mail server is waited for
TTL = 600  # seconds that a push service keeps what it cannot deliver; later it is no news
GONE = (404, 410)


@dataclass(frozen=True)
class Reply:
    """What pywebpush looks at of a response."""

    status_code: int
    text: str
    headers: Mapping[str, str]

    @property
    def reason(self) -> str:
        """The status in words."""
        known = {status.value: status.phrase for status in HTTPStatus}
        return known.get(self.status_code, "")


class GuardedSession:
    """Stands in for pywebpush's session: a browser names the address, so it may lead to public networks only."""

    def post(self, endpoint: str, *, timeout: float, data: bytes, headers: Mapping[str, Any]) -> Reply:
        call = Call("POST", endpoint, {name: str(value) for name, value in headers.items()}, data)
        answer = request(call, timeout=timeout)
        return Reply(answer.status, answer.body.decode("utf-8", "replace")[:500], answer.headers)


@sender(PUSH)
def push_send(effect: OutboundEffect) -> str:
    """Sends one Web Push (RFC 8030, 8291, 8292). A subscription that has ended is forgotten."""
    notice = _notice_of(effect)
    subscription = PushSubscription.objects.filter(pk=effect.payload["subscription"]).first()
    if subscription is None or colleague_get(subscription.user_id) is None:
        raise Ignored("This browser is not subscribed any more.")
    try:
        _push(subscription, notice)
    except WebPushException as error:
        _refused(subscription, error)
    except Blocked as error:
        subscription.delete()
        raise PermanentError("The push address leads into a network that may not be reached.") from error
    except RequestFailed as error:
        raise TransientError(str(error)) from error
    except ValueError as error:
        subscription.delete()
        raise PermanentError("The keys of this browser are not keys. Allow notifications again in the browser.") from error
    return str(subscription.pk)


def _push(subscription: PushSubscription, notice: dict[str, str]) -> None:
    webpush(
        {"endpoint": subscription.endpoint, "keys": {"p256dh": subscription.p256dh, "auth": subscription.auth}},
        data=json.dumps(notice),
        vapid_private_key=settings.WEBPUSH_PRIVATE_KEY,
        vapid_claims={"sub": settings.WEBPUSH_CONTACT},
        timeout=SECONDS,
        ttl=TTL,
        headers={"Urgency": "high"},
        requests_session=GuardedSession(),
    )


def _refused(subscription: PushSubscription, error: WebPushException) -> None:
    status = error.status_code
    if status in GONE:
        subscription.delete()
        raise Ignored("The browser has ended this subscription.") from error
    if status == HTTPStatus.TOO_MANY_REQUESTS or (status is not None and status >= 500):
        raise TransientError(f"The push service answered {status}.", after=_seconds(error.retry_after)) from error
    raise PermanentError(f"The push service refused it ({status}). Check the WEBPUSH_* settings.") from error


def _seconds(text: str | None) -> float | None:
    """Retry-After in seconds; its form with a date is left to our own waiting."""
    return float(text) if text and text.isdigit() else None


@sender(EMAIL)
def email_send(effect: OutboundEffect) -> str:
    """Sends one e-mail to a colleague."""
    notice = _notice_of(effect)
    person = colleague_get(effect.payload["user_id"])
    if person is None:
        raise Ignored("This person does not work here any more.")
    try:
        _email(person, notice).send()
    except SMTPRecipientsRefused as error:
        raise PermanentError("The mail server does not take this person's address.") from error
    except (SMTPException, OSError) as error:
        raise TransientError(f"The mail server did not take it: {type(error).__name__}.") from error
    return person.email


def _email(person: ColleagueRow, notice: dict[str, str]) -> EmailMessage:
    return letter_make(
        to=person.email,
        subject=notice["title"],
        paragraphs=[notice["body"]],
        url=notice["url"],
        action=_("Open the conversation"),
        small=_("You get this because you chose e-mail at your desktop; you can change that there, under Notifications."),
    )


def _notice_of(effect: OutboundEffect) -> dict[str, str]:
    """What to say. Raises Ignored where nobody need be told any more."""
    if "mention" not in effect.payload:
        return _notice(_waiting(effect))
    mention = mention_unseen(effect.payload["mention"])
    if mention is None:
        raise Ignored("They have read the note.")
    notice = _notice(mention.message.conversation)
    return {**notice, **mention_notice(mention, notice["url"])}


def _waiting(effect: OutboundEffect) -> Conversation:
    """The conversation, unless it changed hands since: then nobody need come."""
    conversation = Conversation.objects.select_related("contact").filter(pk=effect.payload["conversation"]).first()
    if conversation is None or conversation.generation != effect.payload["generation"]:
        raise Ignored("Somebody was faster.")
    return conversation


def _notice(conversation: Conversation) -> dict[str, str]:
    """What a notification says; the service worker shows title and body and opens `url`. `tag` lets a newer one replace it."""
    return {
        "title": _("%(contact)s is waiting for an answer") % {"contact": conversation.contact},
        "body": conversation.handoff_reason or last_words(conversation.last_message_text),
        "url": f"{tenant_url()}/desktop/{conversation.pk}/",
        "tag": f"conversation-{conversation.pk}",
    }


def tenant_url() -> str:
    """The current tenant's own address, with the scheme and port of PUBLIC_URL."""
    tenant = tenant_by_slug(schema_current())
    if tenant is None:
        raise PermanentError("Only a tenant's people are notified.")
    public = urlsplit(settings.PUBLIC_URL)
    port = f":{public.port}" if public.port else ""
    return f"{public.scheme}://{tenant_host(tenant)}{port}"
