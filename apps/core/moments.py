"""Moments as the API writes them."""

from datetime import UTC, datetime


def utc_text(moment: datetime) -> str:
    """ISO 8601 of UTC that ends in Z, such as 2026-11-29T15:00:00Z, with microseconds where there are any."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
