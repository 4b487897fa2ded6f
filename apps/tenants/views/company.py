"""What a company sets for itself: its details, its security policy, its export, and its end."""

from typing import Any
from uuid import UUID
from zoneinfo import available_timezones

from django import forms
from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.core.forms_country import CountryField
from apps.tenants.access import ADMINS, role_required
from apps.tenants.exports import ExportRunning, export_ask, export_file, export_name
from apps.tenants.models import Domain, Role, SingleSignOn, Tenant, TenantExport
from apps.tenants.services_company import deletion_plan, deletion_undo, tenant_update

admins = role_required(*ADMINS)
owners = role_required(Role.OWNER)
editing = require_http_methods(["GET", "POST"])


class CompanyForm(forms.Form):
    """A company's details."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)
    country = CountryField(help_text=gettext_lazy("Decides how phone numbers without a country code are read."))
    timezone = forms.ChoiceField(
        label=gettext_lazy("Time zone"), choices=[(name, name) for name in sorted(available_timezones())]
    )


class PolicyForm(forms.Form):
    """Rules for everybody who works here."""

    session_hours = forms.IntegerField(
        label=gettext_lazy("Log-in lasts, in hours"), min_value=1, max_value=336, help_text=gettext_lazy("336 are two weeks.")
    )
    idle_minutes = forms.IntegerField(
        label=gettext_lazy("Log out when idle, in minutes"), min_value=0, max_value=1440, help_text=gettext_lazy("0: never.")
    )
    password_length = forms.IntegerField(
        label=gettext_lazy("Shortest password"),
        min_value=10,
        max_value=64,
        help_text=gettext_lazy("For passwords that are set from now on."),
    )
    mfa_required = forms.BooleanField(
        label=gettext_lazy("Everybody needs a second factor"),
        required=False,
        help_text=gettext_lazy("Those without one are asked to set it up before they can go on."),
    )


@editing
@admins
def security(request: HttpRequest) -> HttpResponse:
    tenant: Tenant = request.tenant  # type: ignore[attr-defined]
    form = PolicyForm(request.POST or None, initial=_initial(tenant, PolicyForm))
    if form.is_valid():
        tenant_update(tenant=tenant, **form.cleaned_data)
        messages.success(request, _("Saved."))
        return redirect("security")
    context = {"section": "settings", "tab": "security", "form": form, "sso": SingleSignOn.objects.filter(tenant=tenant).first()}
    return render(request, "people/security.html", context, status=422 if form.errors else 200)


@editing
@admins
def company(request: HttpRequest) -> HttpResponse:
    tenant: Tenant = request.tenant  # type: ignore[attr-defined]
    form = CompanyForm(request.POST or None, initial=_initial(tenant, CompanyForm))
    if form.is_valid():
        tenant_update(tenant=tenant, **form.cleaned_data)
        messages.success(request, _("Saved."))
        return redirect("company")
    context = {
        "section": "settings",
        "tab": "company",
        "form": form,
        "domains": Domain.objects.filter(tenant=tenant).order_by("-is_primary", "domain"),
        "exports": TenantExport.objects.filter(tenant=tenant)[:5],
    }
    return render(request, "people/company.html", context, status=422 if form.errors else 200)


def _initial(tenant: Tenant, form: type[forms.Form]) -> dict[str, Any]:
    return {name: getattr(tenant, name) for name in form.base_fields}


@require_POST
@admins
def export_new(request: HttpRequest) -> HttpResponse:
    try:
        export_ask(tenant=request.tenant, by=request.user)  # type: ignore[attr-defined,arg-type]
    except ExportRunning as error:
        messages.warning(request, str(error))
    else:
        messages.success(request, _("The export is being made. You find it here when it is ready."))
    return redirect("company")


@require_GET
@admins
def export_state(request: HttpRequest, export_id: UUID) -> HttpResponse:
    """One export's line, which asks again while it is not over."""
    return render(request, "people/export.html", {"one": _export(request, export_id)})


@require_GET
@admins  # type: ignore[arg-type]  # a file is no HttpResponse to the type checker
def export_download(request: HttpRequest, export_id: UUID) -> FileResponse:
    export = _export(request, export_id)
    file = export_file(export)
    if file is None:
        raise Http404("This export is not ready.")
    return FileResponse(file, as_attachment=True, filename=export_name(export))


def _export(request: HttpRequest, pk: UUID) -> TenantExport:
    found = TenantExport.objects.select_related("tenant").filter(pk=pk, tenant=request.tenant).first()  # type: ignore[attr-defined]
    if found is None:
        raise Http404("There is no such export.")
    return found


@require_POST
@owners
def delete(request: HttpRequest) -> HttpResponse:
    deletion_plan(tenant=request.tenant, by=request.user)  # type: ignore[attr-defined,arg-type]
    messages.warning(
        request, _("Everything is deleted in 30 days. Until then you can undo it here, and take an export with you.")
    )
    return redirect("company")


@require_POST
@owners
def delete_undo(request: HttpRequest) -> HttpResponse:
    deletion_undo(tenant=request.tenant)  # type: ignore[attr-defined]
    messages.success(request, _("Nothing will be deleted."))
    return redirect("company")
