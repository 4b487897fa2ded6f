"""DRF authentication by call token or turn token."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from apps.core.tokens import BadToken, Kind, ScopedToken, token_read


class ScopedTokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer <token>`; request.user and request.auth become the ScopedToken."""

    kinds: tuple[Kind, ...] = ("call",)

    def authenticate(self, request: Request) -> tuple[Any, ScopedToken] | None:
        scheme, _, raw = get_authorization_header(request).decode("latin-1").partition(" ")
        if scheme.lower() != "bearer":
            return None
        for kind in self.kinds:
            try:
                token = token_read(raw.strip(), kind=kind)
            except BadToken:
                continue
            return token, token
        raise AuthenticationFailed("This token is not valid, or it is over. Start a new call to get a new one.", code="bad_token")

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class CallTokenAuthentication(ScopedTokenAuthentication):
    kinds = ("call",)


class TurnTokenAuthentication(ScopedTokenAuthentication):
    kinds = ("turn",)


class AgentTokenAuthentication(ScopedTokenAuthentication):
    """Either token: what Atlas and Herald both call."""

    kinds = ("call", "turn")


class CallTokenScheme(OpenApiAuthenticationExtension):
    """Shows the call token in the OpenAPI schema."""

    target_class = "apps.core.authentication.CallTokenAuthentication"
    name = "callToken"
    description = "The call token that came with the dispatch."

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": self.description}


class TurnTokenScheme(CallTokenScheme):
    """Shows the turn token in the OpenAPI schema."""

    target_class = "apps.core.authentication.TurnTokenAuthentication"
    name = "turnToken"
    description = "The turn token that came with POST /turn."


class AgentTokenScheme(CallTokenScheme):
    """Shows either token in the OpenAPI schema."""

    target_class = "apps.core.authentication.AgentTokenAuthentication"
    name = "callOrTurnToken"
    description = "The call token that came with the dispatch, or the turn token of the turn."
