"""The base of views whose tenant comes from a call or turn token instead of the host name."""

from collections.abc import Callable
from typing import Any

from django.db import ProgrammingError
from django_tenants.utils import schema_context, schema_exists
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core.authentication import CallTokenAuthentication
from apps.core.errors import Problem
from apps.core.tokens import ScopedToken

_suspended: list[Callable[[str], bool]] = []


def suspension_register(check: Callable[[str], bool]) -> None:
    """Called once from ready() of the app that knows the tenants: whether the one with this schema is served no more for now."""
    _suspended[:] = [check]


class TokenTenantView(APIView):
    """Enters the schema of the token's tenant around the handler; the handler reads self.token.

    A token of a suspended company is refused, but where `tells_what_was`: what was used before is told and billed all the same.
    """

    authentication_classes = (CallTokenAuthentication,)
    permission_classes = (IsAuthenticated,)
    tells_what_was = False
    token: ScopedToken

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self.token = request.auth  # type: ignore[assignment]

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        with schema_context("public"):
            return super().dispatch(request, *args, **kwargs)

    def require_agent(self, agent_id: Any) -> None:
        """403 unless the token was made for this agent."""
        self._require(str(agent_id) == self.token.agent_id, "agent")

    def require_call(self, call_id: Any) -> None:
        """403 unless the token was made for this call."""
        self._require(str(call_id) == self.token.subject_id, "call")

    def require_turn(self, turn_id: Any) -> None:
        """403 unless the token was made for this turn."""
        self._require(str(turn_id) == self.token.subject_id, "turn")

    def require_served(self) -> None:
        """403 while the company is suspended."""
        if not self.tells_what_was and any(check(self.token.tenant) for check in _suspended):
            raise Problem(403, "suspended", "The company of this token is suspended, so nothing is done for it. Nothing is lost.")

    def _require(self, allowed: bool, what: str) -> None:
        if not allowed:
            raise Problem(403, "wrong_token", f"This token was made for another {what}; use the one that came with its dispatch.")


def in_token_tenant(view: Any) -> Any:
    """Decorates a handler of a TokenTenantView: its body runs in the tenant that the token names, if that is served."""

    def wrapped(self: TokenTenantView, request: Request, *args: Any, **kwargs: Any) -> Response:
        try:
            with schema_context(self.token.tenant):
                self.require_served()
                return view(self, request, *args, **kwargs)
        except ProgrammingError:
            if schema_exists(self.token.tenant):
                raise
            raise Problem(401, "bad_token", "This token belongs to a tenant that is no longer here.") from None

    wrapped.__doc__ = view.__doc__
    return wrapped
