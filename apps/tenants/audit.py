"""Who did it: the audit log's entries name the person or the API key of the request that they were made in.

django-auditlog's own middleware connects a signal for every request; this one only sets a variable.
"""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from auditlog.models import LogEntry
from auditlog.signals import pre_log
from django.db.models.signals import pre_save
from django.http import HttpRequest, HttpResponse

from apps.core.schema import schema_current
from apps.tenants.models import TenantApiKey, User

_request: ContextVar[HttpRequest | None] = ContextVar("audited_request", default=None)


class ActorMiddleware:
    """Remembers the request for as long as it lasts."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        mark = _request.set(request)
        try:
            return self.get_response(request)
        finally:
            _request.reset(mark)


def actor_of(request: Any) -> str:
    """Who asks, for a row that keeps it: a person's e-mail, or the name of an API key."""
    key, user = getattr(request, "auth", None), getattr(request, "user", None)
    if isinstance(key, TenantApiKey):
        return f"API key {key.name}"
    return user.email if isinstance(user, User) and user.is_authenticated else ""


def masked(value: object) -> str:
    """What stands for a secret in the log: that there is one, and nothing of it."""
    return "••••••" if value not in (None, "", "None") else ""


def audit_start() -> None:
    """Called once from ready()."""
    pre_log.connect(_in_a_tenant, dispatch_uid="tenants.audit.tenant")
    pre_save.connect(_name_actor, sender=LogEntry, dispatch_uid="tenants.audit.actor")


def _in_a_tenant(sender: Any, **kwargs: Any) -> bool:
    """The log is a tenant's: what is changed outside of every tenant has no log to stand in."""
    return schema_current() != "public"


def _name_actor(sender: Any, instance: LogEntry, **kwargs: Any) -> None:
    request = _request.get()
    if request is None or not instance._state.adding:
        return
    user, key = getattr(request, "user", None), getattr(request, "auth", None)
    if isinstance(key, TenantApiKey):
        instance.additional_data = {"api_key": str(key)}
    elif isinstance(user, User) and user.is_authenticated:
        instance.actor = user
        instance.actor_email = user.email
    instance.remote_addr = request.META.get("REMOTE_ADDR") or None
