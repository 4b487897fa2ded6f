"""What Atlas, Media Bot and Herald ask of Compass. The tenant comes from the token."""

import json
from typing import Any

from django.http import HttpResponseBase
from django.utils.cache import patch_cache_control
from django.utils.crypto import salted_hmac
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.compass.payloads import AgentConfig
from apps.compass.selectors import AgentUnavailable, agent_config, agent_for_call
from apps.core.api import TokenTenantView, in_token_tenant
from apps.core.authentication import AgentTokenAuthentication
from apps.core.errors import Problem

PROBLEM = OpenApiResponse(OpenApiTypes.OBJECT, description="application/problem+json: type, title, status, detail, code.")
AGENT_ID = OpenApiParameter("agent_id", OpenApiTypes.UUID, OpenApiParameter.PATH)
ETAG = OpenApiParameter("If-None-Match", str, OpenApiParameter.HEADER, description="The ETag of the answer you have.")


class AgentView(TokenTenantView):
    authentication_classes = (AgentTokenAuthentication,)  # type: ignore[assignment]

    @extend_schema(
        summary="Read an agent's published configuration",
        description="With the credentials that it needs. Send If-None-Match to hear 304 while nothing has changed.",
        parameters=[AGENT_ID, ETAG],
        responses={200: AgentConfig, 304: None, 401: PROBLEM, 403: PROBLEM, 404: PROBLEM, 409: PROBLEM},
        tags=["compass"],
    )
    @in_token_tenant
    def get(self, request: Request, agent_id: str) -> Response:
        self.require_agent(agent_id)
        config = _config(agent_id)
        etag = _etag(config)
        if etag in _tags(request):
            return _private(Response(status=304, headers={"ETag": etag}))
        return _private(Response(config, headers={"ETag": etag}))


def _config(agent_id: str) -> dict[str, Any]:
    try:
        return agent_config(agent_for_call(agent_id))
    except AgentUnavailable as error:
        raise Problem(404 if error.code == "unknown_agent" else 409, error.code, error.message) from error


def _etag(config: dict[str, Any]) -> str:
    """A strong tag over all that is answered; keyed, because the answer holds secrets."""
    body = json.dumps(config, sort_keys=True, separators=(",", ":"))
    return f'"{salted_hmac("compass.agent", body, algorithm="sha256").hexdigest()[:32]}"'


def _tags(request: Request) -> list[str]:
    """The tags of If-None-Match; it compares weakly (RFC 9110 13.1.2), since a proxy that compresses weakens them."""
    return [tag.strip().removeprefix("W/") for tag in request.headers.get("If-None-Match", "").split(",")]


def _private(answer: HttpResponseBase) -> Any:
    patch_cache_control(answer, private=True, no_cache=True)
    return answer
