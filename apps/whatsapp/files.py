"""Which files Meta takes, as what, and how large."""

from apps.core.errors import PermanentError

MB = 1024 * 1024
# What Meta takes as which type, and up to how many megabytes.
# https://developers.facebook.com/documentation/business-messaging/whatsapp/business-phone-numbers/media
OFFICE = "application/vnd.openxmlformats-officedocument."
SENDABLE: dict[str, tuple[set[str], float]] = {
    "image": ({"image/jpeg", "image/png"}, 5),
    "video": ({"video/mp4", "video/3gpp"}, 16),
    "audio": ({"audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"}, 16),
    "sticker": ({"image/webp"}, 0.5),
    "document": (
        {
            "application/pdf",
            "text/plain",
            "application/msword",
            "application/vnd.ms-excel",
            "application/vnd.ms-powerpoint",
            OFFICE + "wordprocessingml.document",
            OFFICE + "spreadsheetml.sheet",
            OFFICE + "presentationml.presentation",
        },
        100,
    ),
}

FILE_LIMITS = {mime: int(megabytes * MB) for types, megabytes in SENDABLE.values() for mime in types}
# What can stand in the heading of a template.
# https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/components
HEADINGS = {
    "image": {mime: int(SENDABLE["image"][1] * MB) for mime in SENDABLE["image"][0]},
    "video": {"video/mp4": int(SENDABLE["video"][1] * MB)},
    "document": {"application/pdf": int(SENDABLE["document"][1] * MB)},
}


def media_kind(mime: str, size: int) -> str:
    """image, video, audio, sticker or document. `size` in bytes. Raises PermanentError for what Meta does not take."""
    for kind, (types, megabytes) in SENDABLE.items():
        if mime not in types:
            continue
        if size > megabytes * MB:
            raise PermanentError(f"WhatsApp takes this type of file up to {megabytes:g} MB. Send a smaller one, or a link.")
        return kind
    raise PermanentError(f"WhatsApp takes no files of the type {mime}. Send a PDF, an office document, or a link.")
