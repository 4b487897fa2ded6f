"""People are told once when half, four fifths and all of a limit are spent."""

from collections.abc import Iterable

from django.utils import timezone

from apps.billing.models import SpendWindow
from apps.billing.windows import window_start
from apps.core.outbox import effect_enqueue

THRESHOLDS = (100, 80, 50)  # percent
NOTICE = "billing.limit_notice"


def threshold_of(window: SpendWindow) -> int:
    """The highest threshold that is passed; 0 below all of them, and for a limit of nothing."""
    amount = window.limit.amount
    return next((percent for percent in THRESHOLDS if amount and window.spent * 100 >= amount * percent), 0)


def windows_warn(windows: Iterable[SpendWindow]) -> None:
    """Enqueues a notice for each window that passed a threshold nobody was told of. Its limit is locked.

    Yesterday's window gets late entries, and nobody needs to be told of it.
    """
    for window in windows:
        percent = threshold_of(window)
        if percent > window.warned and _is_current(window):
            window.warned = percent
            window.save(update_fields=["warned"])
            _enqueue(window, percent)


def _is_current(window: SpendWindow) -> bool:
    return window.starts_on == window_start(window.limit.period, timezone.now(), window.zone)


def _enqueue(window: SpendWindow, percent: int) -> None:
    """The key names the amount too, so that a limit that was raised warns again when it is neared again."""
    key = f"{NOTICE}:{window.pk}:{percent}:{window.limit.amount}"
    schema = window.limit.tenant.schema_name
    effect_enqueue(kind=NOTICE, key=key, payload={"window": window.pk, "percent": percent}, schema_name=schema)
