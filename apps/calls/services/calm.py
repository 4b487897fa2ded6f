"""Whether a silent agent may only be cut off from the web side, which must not cost it its call."""

from datetime import timedelta

import httpx
import structlog
from django.conf import settings
from django.core.cache import cache
from django.utils import timezone
from django_tenants.utils import schema_context
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)

HOLD = timedelta(seconds=8)  # longer than an agent waits before it tries the web side again
SWEEP_GAP = timedelta(seconds=6)
KEEP = 600
ASK_SECONDS = 1.0

# The cache's keys carry the schema; both functions work in the public one, since the web side is everybody's.


@schema_context("public")
def sweep_noted() -> None:
    """Called by every sweep: after a pause of the sweeper itself, silence says nothing yet."""
    now = timezone.now()
    try:
        before = cache.get("calls.swept_at")
        if before is None or now - before > SWEEP_GAP:
            cache.set("calls.hold_until", now + HOLD, KEEP)
        cache.set("calls.swept_at", now, KEEP)
    except RedisError as error:
        log.warning("sweep_not_noted", error=type(error).__name__)


@schema_context("public")
def silence_means_dead() -> bool:
    """False while the web side is away, and for HOLD after it: agents then could not tell that they live."""
    try:
        if not web_answers():
            cache.set("calls.hold_until", timezone.now() + HOLD, KEEP)
            return False
        until = cache.get("calls.hold_until")
    except RedisError:
        return False
    return until is None or until <= timezone.now()


def web_answers() -> bool:
    """Whether the agents' side of the web answers now."""
    try:
        return httpx.get(f"{settings.API_URL}/readyz", timeout=ASK_SECONDS, trust_env=False).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False
