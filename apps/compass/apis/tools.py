"""The tool library over the API: everything that the pages do with tools."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.compass.models import Tool
from apps.compass.registry import ToolFailed
from apps.compass.selectors.tools import agents_using, tools_all, tools_used
from apps.compass.services.tools import ToolInvalid, mcp_refresh, tool_create, tool_delete, tool_update
from apps.compass.tools.trial import Trial, http_try, mcp_try
from apps.core.errors import Problem
from apps.core.openapi import problems
from apps.core.paging import Pages
from apps.tenants.access import ADMINS, MANAGERS, Access, TenantAPI

TAGS = ["tools"]
ACCESS = Access.of(read=MANAGERS, write=ADMINS, scope="agents")


class ToolShape(serializers.Serializer[Any]):
    """A tool of the library. `spec`: {parameters, http} for kind http, {url, headers, timeout, tools} for kind mcp."""

    id = serializers.UUIDField(read_only=True)
    name = serializers.CharField(max_length=64)
    kind = serializers.ChoiceField(choices=Tool.Kind.choices)
    description = serializers.CharField(max_length=1_000, allow_blank=True, default="")
    spec = serializers.DictField()
    enabled = serializers.BooleanField(default=True)
    agents = serializers.ListField(child=serializers.CharField(), read_only=True, help_text="The agents that use it.")
    updated_at = serializers.DateTimeField(read_only=True)


class ToolPatch(ToolShape):
    """What is left out stays; the kind never changes."""

    kind = serializers.ChoiceField(choices=Tool.Kind.choices, read_only=True)


class ToolPage(serializers.Serializer[Any]):
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)
    results = ToolShape(many=True)


class TestRequest(serializers.Serializer[Any]):
    arguments = serializers.DictField(default=dict)
    tool = serializers.CharField(default="", allow_blank=True, help_text="Which tool of an MCP server.")


class TestAnswer(serializers.Serializer[Any]):
    """`error` is what the model would be told. Secrets in headers are blacked out."""

    ok = serializers.BooleanField()
    status = serializers.IntegerField(allow_null=True)
    seconds = serializers.FloatField()
    method = serializers.CharField()
    url = serializers.CharField()
    headers = serializers.DictField(child=serializers.CharField())
    body = serializers.CharField()
    response = serializers.CharField()
    result = serializers.JSONField(allow_null=True)
    error = serializers.CharField()


class ToolsView(TenantAPI):
    permission_classes = (ACCESS,)

    @extend_schema(
        summary="The tool library", operation_id="tools_list", responses={200: ToolPage, **problems(401, 403, 404)}, tags=TAGS
    )
    def get(self, request: Request) -> Response:
        pages = Pages()
        pages.ordering = ("name",)
        used = tools_used()
        rows = pages.paginate_queryset(tools_all(), request, view=self) or []
        return pages.get_paginated_response([_shown(tool, sorted(used.get((tool.kind, tool.name), ()))) for tool in rows])

    @extend_schema(summary="Add a tool", request=ToolShape, responses={201: ToolShape, **problems(400, 401, 403, 422)}, tags=TAGS)
    def post(self, request: Request) -> Response:
        asked = ToolShape(data=request.data)
        asked.is_valid(raise_exception=True)
        tool = _kept(lambda: tool_create(by=_person(request), **asked.validated_data))
        return Response(_shown(tool, []), status=201)


class OneToolView(TenantAPI):
    permission_classes = (ACCESS,)

    @extend_schema(summary="One tool", responses={200: ToolShape, **problems(401, 403, 404)}, tags=TAGS)
    def get(self, request: Request, tool_id: UUID) -> Response:
        tool = _tool(tool_id)
        return Response(_shown(tool, agents_using(tool)))

    @extend_schema(
        summary="Change a tool, for every agent that uses it",
        request=ToolPatch(partial=True),
        responses={200: ToolShape, **problems(400, 401, 403, 404, 422)},
        tags=TAGS,
    )
    def patch(self, request: Request, tool_id: UUID) -> Response:
        tool = _tool(tool_id)
        asked = ToolPatch(data=request.data, partial=True)
        asked.is_valid(raise_exception=True)
        stored = {name: getattr(tool, name) for name in ("name", "description", "spec", "enabled")}
        _kept(lambda: tool_update(tool=tool, by=_person(request), **{**stored, **asked.validated_data}))
        return Response(_shown(tool, agents_using(tool)))

    @extend_schema(summary="Delete a tool", responses={204: None, **problems(401, 403, 404, 422)}, tags=TAGS)
    def delete(self, request: Request, tool_id: UUID) -> Response:
        tool = _tool(tool_id)
        _kept(lambda: tool_delete(tool=tool))
        return Response(status=204)


class TestToolView(TenantAPI):
    permission_classes = (ACCESS,)

    @extend_schema(
        summary="Run a tool once",
        description="The service is really called; `ok` is false with a sentence when it did not work.",
        request=TestRequest,
        responses={200: TestAnswer, **problems(400, 401, 403, 404)},
        tags=TAGS,
    )
    def post(self, request: Request, tool_id: UUID) -> Response:
        tool = _tool(tool_id)
        asked = TestRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        arguments = asked.validated_data["arguments"]
        if tool.kind == Tool.Kind.MCP:
            return Response(_trial(mcp_try(tool.server, tool=asked.validated_data["tool"], arguments=arguments)))
        return Response(_trial(http_try(tool.http, arguments)))


class RefreshToolView(TenantAPI):
    permission_classes = (ACCESS,)

    @extend_schema(
        summary="Ask an MCP server for its tools again",
        request=None,
        responses={200: ToolShape, **problems(401, 403, 404, 422)},
        tags=TAGS,
    )
    def post(self, request: Request, tool_id: UUID) -> Response:
        tool = _tool(tool_id)
        if tool.kind != Tool.Kind.MCP:
            raise Problem(422, "not_mcp", "Only an MCP server has tools to ask for.")
        try:
            spec = mcp_refresh(server=tool.server).model_dump(mode="json")
        except ToolFailed as error:
            raise Problem(422, "mcp_failed", str(error)) from error
        values: dict[str, Any] = {"name": tool.name, "description": tool.description, "enabled": tool.enabled}
        _kept(lambda: tool_update(tool=tool, spec=spec, by=_person(request), **values))
        return Response(_shown(tool, agents_using(tool)))


def _kept(write: Any) -> Any:
    try:
        return write()
    except ToolInvalid as error:
        wrong = [{"field": field or "body", "message": text} for field, text in error.errors]
        raise Problem(422, error.code, str(error), errors=wrong) from error


def _tool(tool_id: UUID) -> Tool:
    tool = Tool.objects.filter(pk=tool_id).first()
    if tool is None:
        raise Problem(404, "not_found", "There is no such tool.")
    return tool


def _person(request: Request) -> UUID | None:
    return request.user.pk if request.user and request.user.is_authenticated else None


def _shown(tool: Tool, agents: list[str]) -> dict[str, Any]:
    fields = {name: getattr(tool, name) for name in ("id", "name", "kind", "description", "spec", "enabled", "updated_at")}
    return ToolShape({**fields, "agents": agents}).data


def _trial(trial: Trial) -> dict[str, Any]:
    return {**trial.__dict__, "seconds": round(trial.seconds, 3)}
