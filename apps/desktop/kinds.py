"""What a message without words is called where there is one line for it: in lists, in quotes, in notifications."""

import re

from django.utils.translation import gettext as _

BARE = re.compile(r"^\[(\w+)\]$")  # what a conversation keeps as its last words then


def kind_name(kind: str) -> str:
    """The channel's type in the reader's words."""
    names = {
        "image": _("Photo"),
        "sticker": _("Sticker"),
        "audio": _("Voice message"),
        "voice": _("Voice message"),
        "video": _("Video"),
        "document": _("Document"),
        "location": _("Location"),
        "contacts": _("Contact card"),
        "order": _("Order"),
        "revoked": _("Deleted message"),
    }
    return names.get(kind) or _("Message")


def last_words(text: str) -> str:
    """A conversation's `last_message_text` as people read it."""
    bare = BARE.match(text)
    return kind_name(bare[1]) if bare else text
