"""Identifiers: UUIDv7, so that rows sort by the time they were made."""

import uuid

from uuid_utils.compat import uuid7 as _uuid7


def uuid_of(text: object) -> uuid.UUID | None:
    """The id that a text from outside is; None for anything else."""
    try:
        return uuid.UUID(str(text))
    except ValueError:
        return None


def uuid7() -> uuid.UUID:
    """A new time-ordered UUID (RFC 9562, version 7)."""
    return _uuid7()
