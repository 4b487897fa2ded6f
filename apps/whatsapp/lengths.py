"""How long a voice note is, from its file: WhatsApp records Opus in Ogg (RFC 3533, section 6; RFC 7845, section 4)."""

from struct import unpack_from

RATE = 48_000  # of every Ogg Opus file's positions, whatever it was recorded at
LONGEST_PAGE = 65_307
PAGE, HEAD = b"OggS", b"OpusHead"
UNKNOWN = -1  # the position of a page on which no packet ends


def ogg_seconds(data: bytes) -> float | None:
    """Seconds by the position of the last page, less what a player skips; None where it is no Ogg Opus, or cut off."""
    head = data.find(HEAD, 0, LONGEST_PAGE)
    if not data.startswith(PAGE) or head < 0 or len(data) < head + 12:
        return None
    skipped: int = unpack_from("<H", data, head + 10)[0]
    page = data.rfind(PAGE)
    while page > 0 and (position := _position(data, page)) is not None and position == UNKNOWN:
        page = data.rfind(PAGE, 0, page)
    last = _position(data, page)
    return (last - skipped) / RATE if last is not None and last > skipped else None


def _position(data: bytes, page: int) -> int | None:
    return int(unpack_from("<q", data, page + 6)[0]) if len(data) >= page + 14 else None
