"""The tool library: managers see it, admins change it."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.compass.forms_tools import (
    HttpToolForm,
    McpServerForm,
    RowsInvalid,
    header_rows,
    headers_of,
    http_initial,
    http_rows,
    http_spec,
    json_object,
    mcp_initial,
)
from apps.compass.models import Tool
from apps.compass.payloads_tools import HttpTool, McpServer
from apps.compass.registry import ToolFailed
from apps.compass.selectors.tools import agents_using, secrets_listed, tools_all, tools_used
from apps.compass.services.tools import ToolInvalid, mcp_refresh, tool_checked, tool_create, tool_delete, tool_update
from apps.compass.tools.trial import Trial, http_try, mcp_try
from apps.tenants.access import ADMINS, MANAGERS, role_required

editing = require_http_methods(["GET", "POST"])
PAGE = {"section": "settings", "tab": "tools"}
WHOLES = {"": "url", "http": "retries"}  # a tool as a whole is wrong in its address only, how it is called in its tries


@require_GET
@role_required(*MANAGERS)
def tools(request: HttpRequest) -> HttpResponse:
    used = tools_used()
    rows = [{"tool": tool, "agents": sorted(used.get((tool.kind, tool.name), ()))} for tool in tools_all()]
    return render(request, "compass/tools/list.html", {**PAGE, "rows": rows, "may_change": _may_change(request)})


@editing
@role_required(*ADMINS)
def http_edit(request: HttpRequest, tool_id: UUID | None = None) -> HttpResponse:
    """Makes an HTTP tool, or changes one."""
    tool = _tool(tool_id, Tool.Kind.HTTP)
    form = HttpToolForm(request.POST or None, initial=http_initial(tool) if tool else None)
    if form.is_valid() and _saved(form, lambda: _http_save(request, tool, form)):
        messages.success(request, _("Saved."))
        return redirect("tools")
    rows = http_rows(tool, request.POST if request.method == "POST" else None)
    context = {**PAGE, "form": form, "tool": tool, **rows, **_beside(tool)}
    return render(request, "compass/tools/http.html", context, status=422 if form.errors else 200)


@require_POST
@role_required(*ADMINS)
def http_test(request: HttpRequest) -> HttpResponse:
    """Runs what the form says, unsaved, once."""
    form = HttpToolForm(request.POST)
    trial = Trial(error=_first_error(form))
    if form.is_valid():
        trial = _tried(lambda: _http_trial(form, request))
    return render(request, "compass/tools/trial.html", {"trial": trial})


def _http_trial(form: forms.Form, request: HttpRequest) -> Trial:
    values = form.cleaned_data
    spec = http_spec(values, request.POST)
    tool = tool_checked(name=values["name"], kind=Tool.Kind.HTTP, spec=spec, description=values["description"])
    assert isinstance(tool, HttpTool)
    return http_try(tool, json_object(request.POST.get("arguments", ""), _("What is under Arguments")))


def _http_save(request: HttpRequest, tool: Tool | None, form: forms.Form) -> None:
    spec = http_spec(form.cleaned_data, request.POST)
    _store(request, tool, Tool.Kind.HTTP, form, spec)


@editing
@role_required(*ADMINS)
def mcp_edit(request: HttpRequest, tool_id: UUID | None = None) -> HttpResponse:
    """Makes an MCP server, or changes one; its tools are asked for when it is saved without any, or on demand."""
    tool = _tool(tool_id, Tool.Kind.MCP)
    form = McpServerForm(request.POST or None, initial=mcp_initial(tool) if tool else None)
    if form.is_valid() and _saved(form, lambda: _mcp_save(request, tool, form)):
        messages.success(request, _("Saved."))
        return redirect("mcp-edit", Tool.objects.get(name=form.cleaned_data["name"]).pk)
    stored = list(tool.spec["headers"].items()) if tool else []
    headers = header_rows(request.POST) if request.method == "POST" else stored
    context = {**PAGE, "form": form, "tool": tool, "headers": headers or [("", "")], **_beside(tool)}
    return render(request, "compass/tools/mcp.html", context, status=422 if form.errors else 200)


def _mcp_save(request: HttpRequest, tool: Tool | None, form: forms.Form) -> None:
    known = tool.spec["tools"] if tool else []
    chosen = set(request.POST.getlist("chosen"))
    kept = [{**one, "enabled": one["name"] in chosen} for one in known]
    values = form.cleaned_data
    spec = {"url": values["url"], "timeout": values["timeout"], "headers": headers_of(request.POST), "tools": kept}
    if not kept or "refresh" in request.POST:
        server = tool_checked(name=values["name"], kind=Tool.Kind.MCP, spec=spec)
        assert isinstance(server, McpServer)
        spec = mcp_refresh(server=server).model_dump(mode="json")
    _store(request, tool, Tool.Kind.MCP, form, spec)


@require_POST
@role_required(*ADMINS)
def mcp_test(request: HttpRequest, tool_id: UUID) -> HttpResponse:
    """Calls one tool of a stored server."""
    tool = _tool(tool_id, Tool.Kind.MCP)
    assert tool is not None
    name = request.POST.get("called", "")
    trial = _tried(
        lambda: mcp_try(
            tool.server, tool=name, arguments=json_object(request.POST.get("arguments", ""), _("What is under Arguments"))
        )
    )
    return render(request, "compass/tools/trial.html", {"trial": trial})


@require_POST
@role_required(*ADMINS)
def tool_remove(request: HttpRequest, tool_id: UUID) -> HttpResponse:
    tool = Tool.objects.filter(pk=tool_id).first()
    if tool is None:
        raise Http404("There is no such tool.")
    try:
        tool_delete(tool=tool)
    except ToolInvalid as error:
        messages.error(request, str(error))
        return redirect("mcp-edit" if tool.kind == Tool.Kind.MCP else "tool-edit", tool_id)
    messages.success(request, _("%(name)s is deleted.") % {"name": tool.name})
    return redirect("tools")


def _store(request: HttpRequest, tool: Tool | None, kind: str, form: forms.Form, spec: dict[str, Any]) -> None:
    values = {name: form.cleaned_data[name] for name in ("name", "description", "enabled")}
    if tool is None:
        tool_create(kind=kind, spec=spec, by=request.user.pk, **values)
    else:
        tool_update(tool=tool, spec=spec, by=request.user.pk, **values)


def _saved(form: forms.Form, save: Callable[[], None]) -> bool:
    """Runs the service; what it refuses stands at its field, or above the form."""
    try:
        save()
    except ToolInvalid as error:
        for field, text in error.errors:
            field = WHOLES.get(field, field)
            form.add_error(field if field in form.fields else None, text)
    except RowsInvalid as error:
        form.add_error(error.field or None, str(error))
    except ToolFailed as error:
        form.add_error("url", str(error))
    return not form.errors


def _tried(run: Callable[[], Trial]) -> Trial:
    try:
        return run()
    except (RowsInvalid, ToolInvalid) as error:
        return Trial(error=str(error))


def _first_error(form: forms.Form) -> str:
    """What has to be mended before it can be tried, with the name of its field."""
    return next((f"{form.fields[name].label}: {errors[0]}" for name, errors in form.errors.items()), "")


def _beside(tool: Tool | None) -> dict[str, Any]:
    return {"agents": agents_using(tool) if tool else [], "secrets": [row.name for row in secrets_listed()]}


def _may_change(request: HttpRequest) -> bool:
    return request.membership.role in ADMINS  # type: ignore[attr-defined, no-any-return]


def _tool(tool_id: UUID | None, kind: str) -> Tool | None:
    if tool_id is None:
        return None
    tool = Tool.objects.filter(pk=tool_id, kind=kind).first()
    if tool is None:
        raise Http404("There is no such tool.")
    return tool
