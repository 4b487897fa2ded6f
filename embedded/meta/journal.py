"""What happened, for whoever looks for a mistake: the product's calls and what was wrong with them, and every delivery."""

import time
from collections import deque
from typing import Any

KEPT = 1000


class Journal:
    """The last calls, deliveries and problems; a problem is what no correct product does."""

    def __init__(self) -> None:
        self.calls: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self.deliveries: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self.problems: deque[str] = deque(maxlen=KEPT)

    def call(self, method: str, path: str, status: int, body: Any = None, error: str = "") -> None:
        """Note a Graph call and its answer."""
        self.calls.append({"at": time.time(), "method": method, "path": path, "status": status, "body": body, "error": error})

    def delivery(self, delivery_id: str, attempt: int, status: int, error: str = "") -> None:
        """Note an attempt to deliver a webhook; status 0 means that there was no answer."""
        self.deliveries.append({"at": time.time(), "id": delivery_id, "attempt": attempt, "status": status, "error": error})

    def problem(self, sentence: str) -> None:
        """Note a mistake of the product."""
        self.problems.append(sentence)

    def shown(self) -> dict[str, Any]:
        """Return everything, oldest first."""
        return {"calls": list(self.calls), "deliveries": list(self.deliveries), "problems": list(self.problems)}

    def clear(self) -> None:
        """Start anew."""
        for part in (self.calls, self.deliveries, self.problems):
            part.clear()
