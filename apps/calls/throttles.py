"""How often a stranger may start a call; the cache's keys carry the tenant, so the count is per tenant and address."""

from typing import Any

import structlog
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from apps.tenants.access import is_key

log = structlog.get_logger(__name__)


class CallPageThrottle(SimpleRateThrottle):
    """Members and API keys are not counted. Without Redis nobody is: calls matter more than the limit."""

    scope = "call_page"

    def get_cache_key(self, request: Request, view: Any) -> str | None:
        if is_key(request) or getattr(request, "membership", None) is not None:
            return None
        return self.cache_format % {"scope": self.scope, "ident": self.get_ident(request)}

    def allow_request(self, request: Request, view: Any) -> bool:
        try:
            return super().allow_request(request, view)
        except RedisError as error:
            log.warning("throttle_unavailable", error=type(error).__name__)
            return True
