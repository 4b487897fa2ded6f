"""Who may see a page or call an API: people by role, programs by the scopes of their key."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core.errors import PermanentError, Problem
from apps.core.idempotency import Claim, claim, finish
from apps.tenants.keys import api_key_find
from apps.tenants.models import Role, Tenant, User
from apps.tenants.models_keys import TenantApiKey

EVERYONE = tuple(Role)
ADMINS = (Role.OWNER, Role.ADMIN)
MANAGERS = (*ADMINS, Role.SUPERVISOR)
MONEY = (*ADMINS, Role.FINANCE)
View = Callable[..., HttpResponseBase]


def role_required(*roles: Role) -> Callable[[View], View]:
    """Lets members with one of the roles in (all roles when none is named). A stranger to the tenant gets a 404."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            membership = request.membership  # type: ignore[attr-defined]
            if membership is None:
                raise Http404
            if membership.role not in (roles or EVERYONE):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return guarded

    return decorate


def tenant_of(request: Request) -> Tenant:
    """The company whose host is asked."""
    tenant: Tenant = request.tenant  # type: ignore[attr-defined]
    return tenant


def person_of(request: Request) -> User | None:
    """The person who asks; nobody for an API key, which therefore leads no company."""
    return request.user if isinstance(request.user, User) else None


def is_key(request: Request) -> bool:
    """True where a program with an API key calls, rather than a person."""
    return isinstance(request.auth, TenantApiKey)


def require_scope(request: Request, area: str, *, change: bool) -> None:
    """Raises Problem 403 `scope_missing` where the request's API key lacks `<area>:read` or `<area>:write`."""
    if not isinstance(request.auth, TenantApiKey) or request.auth.may(area, change=change):
        return
    scope = f"{area}:{'write' if change else 'read'}"
    detail = f"This API key lacks the scope {scope}. Make a key with it under Settings, API keys."
    raise Problem(403, "scope_missing", detail, scope=scope)


class Access(BasePermission):
    """DRF: members by role, one set of roles to read and one to change; API keys of this tenant by scope."""

    read: tuple[Role, ...] = EVERYONE
    write: tuple[Role, ...] = ADMINS
    scope = ""

    @classmethod
    def of(cls, *, read: tuple[Role, ...] = EVERYONE, write: tuple[Role, ...] = ADMINS, scope: str) -> "type[Access]":
        """A permission class for these roles; `scope` is what an API key needs, as `<scope>:read` or `<scope>:write`."""
        return type(cls.__name__, (cls,), {"read": read, "write": write, "scope": scope})

    def has_permission(self, request: Request, view: Any) -> bool:
        change = request.method not in SAFE_METHODS
        if is_key(request):
            require_scope(request, self.scope, change=change)
            return True
        membership = getattr(request, "membership", None)
        return membership is not None and membership.role in (self.write if change else self.read)


class APIKeyAuthentication(BaseAuthentication):
    """`Authorization: Api-Key <key>` with a key of this tenant."""

    keyword = "api-key"

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        keyword, _, text = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if keyword.lower() != self.keyword or not text:
            return None
        key = api_key_find(request.tenant, text.strip())  # type: ignore[attr-defined]
        if key is None:
            message = "This API key is not known here, or it was revoked. Make one under Settings, API keys."
            raise AuthenticationFailed(message, code="bad_api_key")
        return None, key

    def authenticate_header(self, request: Request) -> str:
        return "Api-Key"


class APIKeyScheme(OpenApiAuthenticationExtension):
    """Shows a tenant's API key in the OpenAPI schema."""

    target_class = "apps.tenants.access.APIKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Api-Key <key>`, made under Settings, API keys.",
        }


class TenantAPI(APIView):
    """The base of an API of a tenant: API key or session, and what a service refuses leaves as 422 with its sentence."""

    authentication_classes = (APIKeyAuthentication, SessionAuthentication)

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, PermanentError):
            exc = Problem(422, getattr(exc, "code", "refused"), str(exc))
        return super().handle_exception(exc)


class IdempotencyMiddleware:
    """`Idempotency-Key` below /api/v1/, for members and API keys. A key that is not valid is left to the view to refuse."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        owner = _owner(request) if "Idempotency-Key" in request.headers and request.path.startswith("/api/v1/") else ""
        claimed = claim(request, owner) if owner else Claim()
        if claimed.answer is not None:
            return claimed.answer
        answer = self.get_response(request)
        if claimed.row is not None:
            finish(claimed.row, answer)
        return answer


def _owner(request: HttpRequest) -> str:
    keyword, _, text = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    if keyword.lower() == APIKeyAuthentication.keyword:
        key = api_key_find(request.tenant, text.strip())  # type: ignore[attr-defined]
        return f"key:{key.pk}" if key else ""
    membership = getattr(request, "membership", None)
    return f"user:{request.user.pk}" if membership is not None else ""
