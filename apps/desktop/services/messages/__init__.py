"""Messages come in, go out, and advance; files go with them."""

from apps.desktop.services.messages.attachments import (
    attachment_failed,
    attachment_refused,
    attachment_stored,
    attachment_transcribed,
    attachment_upload,
)
from apps.desktop.services.messages.echoing import conversation_echoed, message_echo
from apps.desktop.services.messages.reacting import message_react
from apps.desktop.services.messages.receiving import message_reaction_set, message_receive
from apps.desktop.services.messages.rewriting import message_edit, message_revoke
from apps.desktop.services.messages.sending import message_send, note_add, request_part
from apps.desktop.services.messages.statuses import (
    message_advance,
    message_failed,
    message_sent,
    message_status_set,
    message_uncertain,
)

__all__ = [
    "attachment_failed",
    "attachment_refused",
    "attachment_stored",
    "attachment_transcribed",
    "attachment_upload",
    "conversation_echoed",
    "message_advance",
    "message_echo",
    "message_edit",
    "message_failed",
    "message_react",
    "message_reaction_set",
    "message_receive",
    "message_revoke",
    "message_send",
    "message_sent",
    "message_status_set",
    "message_uncertain",
    "note_add",
    "request_part",
]
