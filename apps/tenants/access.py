"""Who may see a page or call an API, by role."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework_api_key.models import APIKey
from rest_framework_api_key.permissions import KeyParser

from apps.tenants.models import Role

EVERYONE = tuple(Role)
ADMINS = (Role.OWNER, Role.ADMIN)
MANAGERS = (*ADMINS, Role.SUPERVISOR)
MONEY = (*ADMINS, Role.FINANCE)
View = Callable[..., HttpResponse]


def role_required(*roles: Role) -> Callable[[View], View]:
    """Lets members with one of the roles in (all roles when none is named). A stranger to the tenant gets a 404."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
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


class IsMember(BasePermission):
    """DRF: a logged-in member of this tenant, or one of its API keys."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return isinstance(request.auth, APIKey) or getattr(request, "membership", None) is not None


class Access(BasePermission):
    """DRF: members by role, one set of roles to read and one to change; API keys of this tenant."""

    read: tuple[Role, ...] = EVERYONE
    write: tuple[Role, ...] = ADMINS
    scope = ""

    @classmethod
    def of(cls, *, read: tuple[Role, ...] = EVERYONE, write: tuple[Role, ...] = ADMINS, scope: str) -> "type[Access]":
        """A permission class for these roles; `scope` is what an API key needs, as `<scope>:read` or `<scope>:write`."""
        return type("Access", (cls,), {"read": read, "write": write, "scope": scope})

    def has_permission(self, request: Request, view: Any) -> bool:
        if isinstance(request.auth, APIKey):
            return True
        membership = getattr(request, "membership", None)
        roles = self.read if request.method in SAFE_METHODS else self.write
        return membership is not None and membership.role in roles


class APIKeyAuthentication(BaseAuthentication):
    """`Authorization: Api-Key <key>` with a key of this tenant."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        key = KeyParser().get(request)
        if not key:
            return None
        try:
            return None, APIKey.objects.get_from_key(key)
        except APIKey.DoesNotExist:
            raise AuthenticationFailed("This API key is not known here. Make one under Settings.", code="bad_api_key") from None

    def authenticate_header(self, request: Request) -> str:
        return "Api-Key"


class APIKeyScheme(OpenApiAuthenticationExtension):
    """Shows a tenant's API key in the OpenAPI schema."""

    target_class = "apps.tenants.access.APIKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "apiKey", "in": "header", "name": "Authorization", "description": "`Api-Key <key>`, made under Settings."}
