"""What Atlas, Media Bot and Herald ask of Compass. The tenant comes from the token."""

import json
import time
from typing import Any

from django.http import HttpResponseBase
from django.utils.cache import patch_cache_control
from django.utils.crypto import salted_hmac
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from pydantic import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from apps.compass.models import AgentVersion
from apps.compass.payloads import AgentConfig, ToolAnswer, ToolCall
from apps.compass.registry import ToolContext, ToolFailed
from apps.compass.selectors import AgentUnavailable, agent_config, agent_for_call, agent_published
from apps.compass.selectors.trials import agent_for_trial
from apps.compass.tools import UnknownTool, tool_run
from apps.compass.trial_notes import prompt_note, tool_note
from apps.core.api import TokenTenantView, in_token_tenant
from apps.core.authentication import AgentTokenAuthentication
from apps.core.errors import Problem, fields_of
from apps.core.openapi import problems
from apps.core.tokens import DRAFT, ScopedToken

AGENT_ID = OpenApiParameter("agent_id", OpenApiTypes.UUID, OpenApiParameter.PATH)
ETAG = OpenApiParameter("If-None-Match", str, OpenApiParameter.HEADER, description="The ETag of the answer you have.")


class AgentView(TokenTenantView):
    authentication_classes = (AgentTokenAuthentication,)  # type: ignore[assignment]

    @extend_schema(
        summary="Read an agent's published configuration",
        description=(
            "With the credentials that it needs; the draft for the token of a trial. "
            "Send If-None-Match to hear 304 while nothing has changed."
        ),
        parameters=[AGENT_ID, ETAG],
        responses={200: AgentConfig, 304: None, **problems(401, 403, 404, 409)},
        tags=["compass"],
    )
    @in_token_tenant
    def get(self, request: Request, agent_id: str) -> Response:
        self.require_agent(agent_id)
        config = _config(self.token)
        if _is_trial_call(self.token):
            prompt_note(self.token.subject_id, config)
        etag = _etag(config)
        if etag in _tags(request):
            return _private(Response(status=304, headers={"ETag": etag}))
        return _private(Response(config, headers={"ETag": etag}))


class ToolView(TokenTenantView):
    authentication_classes = (AgentTokenAuthentication,)  # type: ignore[assignment]

    @extend_schema(
        summary="Run one of the agent's tools",
        description=(
            "Compass runs it, so that secrets and the network guard stay in one place. A tool that did not work is an answer "
            "too: `ok` is false, and `error` is a sentence for the model. Never retried: it may have had effects."
        ),
        parameters=[AGENT_ID, OpenApiParameter("name", str, OpenApiParameter.PATH)],
        request=ToolCall,
        responses={200: ToolAnswer, **problems(401, 403, 404, 409, 422)},
        tags=["compass"],
    )
    @in_token_tenant
    def post(self, request: Request, agent_id: str, name: str) -> Response:
        self.require_agent(agent_id)
        call, began = self._call(request), time.monotonic()
        try:
            result = tool_run(version=_version(self.token), name=name, arguments=call.arguments, context=self._context())
        except UnknownTool as error:
            raise Problem(404, "unknown_tool", str(error)) from error
        except ToolFailed as error:
            self._note(name, call, False, str(error), began)
            return Response({"ok": False, "error": str(error)})
        self._note(name, call, True, result, began)
        return Response({"ok": True, "result": result})

    def _note(self, name: str, call: ToolCall, ok: bool, result: Any, began: float) -> None:
        """Whoever tries a draft sees what went in and out."""
        if _is_trial_call(self.token):
            seconds = time.monotonic() - began
            tool_note(self.token.subject_id, name, arguments=call.arguments, ok=ok, result=result, seconds=seconds)

    def _call(self, request: Request) -> ToolCall:
        try:
            call = ToolCall.model_validate(request.data)
        except ValidationError as error:
            raise Problem(
                422, "invalid", 'Send {"arguments": {…}}, and call_id if you like; see errors.', errors=fields_of(error)
            ) from error
        if call.call_id is not None and self.token.kind == "call":
            self.require_call(call.call_id)
        return call

    def _context(self) -> ToolContext:
        token = self.token
        return ToolContext(token.tenant, token.agent_id, token.kind, token.subject_id)


def _is_trial_call(token: ScopedToken) -> bool:
    return token.version == DRAFT and token.kind == "call"


def _version(token: ScopedToken) -> AgentVersion:
    try:
        return agent_for_trial(token.agent_id) if token.version == DRAFT else agent_published(token.agent_id)
    except AgentUnavailable as error:
        raise _problem(error) from error


def _problem(error: AgentUnavailable) -> Problem:
    return Problem(404 if error.code == "unknown_agent" else 409, error.code, error.message)


def _config(token: ScopedToken) -> dict[str, Any]:
    try:
        version = agent_for_trial(token.agent_id) if token.version == DRAFT else agent_for_call(token.agent_id)
        config = agent_config(version, subject=token.kind, subject_id=token.subject_id)
    except AgentUnavailable as error:
        raise _problem(error) from error
    if _is_trial_call(token):
        config["media_bot"] = {**config["media_bot"], "record": False}
    return config


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
