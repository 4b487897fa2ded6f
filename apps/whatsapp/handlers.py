"""What Meta's webhooks do: one function per kind of event, any order, any number of times."""

from typing import Any

from django.utils import timezone

from apps.core.errors import Ignored
from apps.core.inbox import handler, provider_register
from apps.core.models import InboundEvent
from apps.desktop.models import Message
from apps.tenants.models import Route, Tenant
from apps.tenants.selectors import route_tenant
from apps.whatsapp.envelope import ECHO, ERROR, MESSAGE, PROVIDER, STATUS
from apps.whatsapp.models import AgentPhoneMapping
from apps.whatsapp.payloads import InboundMessage, message_of, part, phone_number_id_of, status_of, text_of
from apps.whatsapp.selectors import mapping_for
from apps.whatsapp.services.echoes import echo_arrive
from apps.whatsapp.services.inbound import (
    identity_change,
    message_arrive,
    message_rewritten,
    reaction_arrive,
    status_arrive,
)
from apps.whatsapp.services.numbers import PARKED
from apps.whatsapp.wakes import templates_wake

TEMPLATES = frozenset(
    {
        "message_template_status_update",
        "message_template_components_update",
        "message_template_quality_update",
        "template_category_update",
    }
)


def tenant_of(event: InboundEvent) -> str | None:
    """By the phone_number_id; None where no active tenant has that number."""
    number = phone_number_id_of(event.payload)
    tenant = route_tenant(Route.Kind.WHATSAPP_NUMBER, number) if number else None
    return tenant.schema_name if tenant and tenant.status == Tenant.Status.ACTIVE else None


def unrouted(event: InboundEvent) -> None:
    """Parked: it stays in the inbox, where the platform's staff see it. News of templates name an account, and no number."""
    if event.kind in TEMPLATES:
        return templates_wake(text_of(event.payload.get("waba_id"), 64))
    if event.kind in (MESSAGE, ECHO, STATUS, ERROR):
        raise Ignored(PARKED)
    raise Ignored(f"Nothing here listens to {event.kind}.")


@handler(PROVIDER, MESSAGE, whole=True)
def message_received(event: InboundEvent) -> None:
    mapping = _mapping(event)
    message = message_of(event.payload, timezone.now())
    if not message.external_id:
        raise Ignored("The message has no id, so it cannot be kept once.")
    if message.kind == "reaction":
        return reaction_arrive(message=message, content=_content(event, "reaction"), attempts=event.attempts)
    if message.kind in ("edit", "revoke"):
        return message_rewritten(message=message, payload=event.payload, attempts=event.attempts)
    if message.kind == "system":
        return _system(event, message)
    message_arrive(mapping=mapping, payload=event.payload, message=message)
    return None


@handler(PROVIDER, ECHO, whole=True)
def echo_received(event: InboundEvent) -> None:
    mapping = _mapping(event)
    message = message_of(event.payload, timezone.now())
    if not message.external_id:
        raise Ignored("The message has no id, so it cannot be kept once.")
    if message.kind == "reaction":
        content = _content(event, "reaction")
        return reaction_arrive(message=message, content=content, attempts=event.attempts, who=Message.APP)
    if message.kind in ("edit", "revoke"):
        return message_rewritten(message=message, payload=event.payload, attempts=event.attempts, ours=True)
    if message.kind == "system":
        raise Ignored("A system message from the WhatsApp Business app changes nothing here.")
    echo_arrive(mapping=mapping, payload=event.payload, message=message)
    return None


def _system(event: InboundEvent, message: InboundMessage) -> None:
    content = _content(event, "system")
    kind = text_of(content.get("type"))
    if kind in ("user_changed_number", "customer_changed_number", "user_changed_user_id"):
        return identity_change(payload=event.payload, at=message.at)
    raise Ignored(f"A system message {kind or 'without a type'} changes nothing here.")


@handler(PROVIDER, STATUS, whole=True)
def status_received(event: InboundEvent) -> None:
    status = status_of(event.payload, timezone.now())
    if not status.external_id:
        raise Ignored("The status does not say which message it is about.")
    status_arrive(status=status, line=phone_number_id_of(event.payload), attempts=event.attempts)


@handler(PROVIDER, ERROR)
def error_received(event: InboundEvent) -> None:
    error = part(event.payload.get(ERROR))
    raise Ignored(f"Meta reports an error of the number: {text_of(error.get('title'), 200)} ({text_of(error.get('code'), 24)}).")


def _mapping(event: InboundEvent) -> AgentPhoneMapping:
    mapping = mapping_for(phone_number_id_of(event.payload))
    if mapping is None:
        raise Ignored("This number is switched off, or not mapped to an agent or team any more.")
    return mapping


def _content(event: InboundEvent, name: str) -> dict[str, Any]:
    return part(part(event.payload.get(MESSAGE)).get(name))


provider_register(PROVIDER, tenant_of=tenant_of, unrouted=unrouted)
