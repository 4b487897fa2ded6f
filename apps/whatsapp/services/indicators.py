"""Contacts see that somebody writes. It is not worth a second try, and nobody waits for it."""

from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from uuid import UUID

import structlog

from apps.core.errors import MeridianError
from apps.core.outbox import effects_are_here
from apps.desktop.models import Conversation
from apps.desktop.selectors.outgoing import conversation_find, message_last_received
from apps.whatsapp import graph
from apps.whatsapp.selectors import mapping_for

log = structlog.get_logger(__name__)
AT_ONCE = 4


def typing_soon(conversation: Conversation) -> None:
    """Has typing shown beside the caller: by a thread of this process where effects are sent here, else by a task."""
    from apps.whatsapp.tasks import typing_task

    if not effects_are_here():
        typing_task.delay(str(conversation.pk))
    elif call := _call(conversation):
        _threads().submit(call)


def typing_beside(line: str, wamid: str | None) -> None:
    """As typing_soon, of what the caller has read already: the number, and the contact's latest message."""
    call = _call_of(line, wamid)
    if call is not None:
        _threads().submit(call)


def typing_show(conversation_id: UUID | str) -> bool:
    """Shows typing at the contact's latest message, for up to 25 seconds; false where that was not possible."""
    conversation = conversation_find(conversation_id)
    call = _call(conversation) if conversation else None
    return call is not None and call()


def _call(conversation: Conversation) -> "partial[bool] | None":
    message = message_last_received(conversation)
    return _call_of(conversation.line, message.external_id) if message else None


def _call_of(line: str, wamid: str | None) -> "partial[bool] | None":
    mapping = mapping_for(line) if wamid else None
    return partial(_post, mapping.access_token, mapping.phone_number_id, wamid) if mapping and wamid else None


def _post(token: str, phone_number_id: str, wamid: str) -> bool:
    try:
        graph.read_post(token=token, phone_number_id=phone_number_id, wamid=wamid, typing=True)
    except MeridianError as error:
        log.info("typing_not_shown", error=type(error).__name__)
        return False
    return True


@cache
def _threads() -> ThreadPoolExecutor:
    """Those of this process, started at its first turn (a fork would lose them); they touch no database."""
    return ThreadPoolExecutor(AT_ONCE, thread_name_prefix="typing")
