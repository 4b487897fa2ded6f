"""Meta's limits: 80 messages a second per number; per pair 45 at once and then one in 6 seconds."""

import time

NUMBER_RATE, NUMBER_BURST = 80.0, 80.0
PAIR_RATE, PAIR_BURST = 1 / 6, 45.0


class Limits:
    """Token buckets, one for each number and each pair."""

    def __init__(self) -> None:
        self._buckets: dict[tuple[str, ...], tuple[float, float]] = {}

    def refused(self, number: str, recipient: str) -> int:
        """Count one message; return the code of the limit it breaks, else 0."""
        if not self._take((number,), NUMBER_RATE, NUMBER_BURST):
            return 130429
        return 0 if self._take((number, recipient), PAIR_RATE, PAIR_BURST) else 131056

    def _take(self, key: tuple[str, ...], rate: float, burst: float) -> bool:
        now = time.monotonic()
        left, since = self._buckets.get(key, (burst, now))
        left = min(burst, left + (now - since) * rate)
        enough = left >= 1
        self._buckets[key] = (left - 1 if enough else left, now)
        return enough
