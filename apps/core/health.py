"""/healthz, /readyz and /metrics for operators; see apps.core.early for why they need no tenant."""

from ipaddress import ip_address, ip_network

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django_prometheus.exports import ExportToDjangoView


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
