"""/healthz, /readyz and /metrics, answered before any tenant is looked up, so that a probe by IP address works."""

from collections.abc import Callable
from ipaddress import ip_address, ip_network

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django_prometheus.exports import ExportToDjangoView

from apps.core.schema import schema_leave

Respond = Callable[[HttpRequest], HttpResponse]


class HealthMiddleware:
    """Answers the three operator addresses and passes everything else on."""

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response
        self.views: dict[str, Respond] = {"/healthz": alive, "/readyz": ready, "/metrics": metrics}

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.views.get(request.path, self.get_response)(request)


def alive(request: HttpRequest) -> HttpResponse:
    """200 while the process answers at all."""
    return HttpResponse("ok", content_type="text/plain")


def ready(request: HttpRequest) -> HttpResponse:
    """200 when Postgres and Redis answer, else 503; the body names each."""
    parts = {"database": _database(), "redis": _redis()}
    return JsonResponse(parts, status=200 if all(state == "ok" for state in parts.values()) else 503)


def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus text, only for METRICS_ALLOWED_NETWORKS."""
    address = ip_address(request.META.get("REMOTE_ADDR") or "127.0.0.1")
    if not any(address in ip_network(network) for network in settings.METRICS_ALLOWED_NETWORKS):
        return HttpResponse("This address is open only to METRICS_ALLOWED_NETWORKS.", status=403)
    return ExportToDjangoView(request)


def _database() -> str:
    try:
        schema_leave()
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return "unreachable"
    return "ok"


def _redis() -> str:
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2) as client:
            client.ping()
    except redis.RedisError:
        return "unreachable"
    return "ok"
