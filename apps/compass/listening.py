"""An answer while it is written: what is told of it on the way, and how whoever listens has it stopped."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any


@dataclass(frozen=True)
class Heard:
    """`kind`: text (a piece), again (another model begins, forget the pieces), tool (one is asked for), tool_done, or ended."""

    kind: str
    values: dict[str, Any]


class Listener:
    """Between the thread that answers and the one that tells. Both ends may be used by any thread."""

    def __init__(self) -> None:
        self._heard: SimpleQueue[Heard] = SimpleQueue()
        self._lock = threading.Lock()
        self._cancel: Callable[[], object] | None = None
        self._stopped = False

    def tell(self, kind: str, **values: Any) -> None:
        """Never waits."""
        self._heard.put(Heard(kind, values))

    def next(self, seconds: float) -> Heard | None:
        """What was told next; None where nothing was for so long."""
        try:
            return self._heard.get(timeout=seconds)
        except Empty:
            return None

    @property
    def stopped(self) -> bool:
        return self._stopped

    def stop(self) -> None:
        """Cancels what is under way, and whatever begins afterwards."""
        with self._lock:
            self._stopped, cancel = True, self._cancel
        if cancel is not None:
            cancel()

    def under_way(self, cancel: Callable[[], object]) -> None:
        """Says how to cancel what has just begun; it is cancelled at once where nobody wants it any more."""
        with self._lock:
            self._cancel = cancel
            stopped = self._stopped
        if stopped:
            cancel()
