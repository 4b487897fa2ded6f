"""A company's own host names: asked for, checked, chosen as the first, removed."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from apps.tenants.access import role_required
from apps.tenants.models import CustomDomain, Role
from apps.tenants.selectors_domains import host_names
from apps.tenants.services_domains import (
    DomainError,
    domain_add,
    domain_check,
    domain_make_primary,
    domain_remove,
    platform_host,
)

owners = role_required(Role.OWNER)


class DomainForm(forms.Form):
    """A host name of the company's own."""

    domain = forms.CharField(
        label=gettext_lazy("Host name"),
        max_length=253,
        widget=forms.TextInput(attrs={"autocomplete": "off", "placeholder": "service.example.com"}),
        help_text=gettext_lazy("One that belongs to your company, without https:// and path."),
    )


@require_http_methods(["GET", "POST"])
@owners
def domains(request: HttpRequest) -> HttpResponse:
    form = DomainForm(request.POST or None)
    if form.is_valid():
        try:
            domain_add(tenant=request.tenant, domain=form.cleaned_data["domain"])  # type: ignore[attr-defined]
        except DomainError as error:
            form.add_error("domain", str(error))
        else:
            messages.success(request, _("Now publish the two records, and check them."))
            return redirect("domains")
    context = {
        "section": "settings",
        "tab": "company",
        "form": form,
        "rows": host_names(request.tenant),  # type: ignore[attr-defined]
        "target": platform_host(request.tenant),  # type: ignore[attr-defined]
    }
    return render(request, "people/domains.html", context, status=422 if form.errors else 200)


@require_POST
@owners
def check(request: HttpRequest, domain_id: UUID) -> HttpResponse:
    custom = _custom(request, domain_id)
    was = custom.is_verified
    try:
        here = domain_check(custom=custom)
    except DomainError as error:
        messages.error(request, str(error))
        return redirect("domains")
    name = {"domain": custom.domain}
    if here:
        messages.success(request, _("%(domain)s is yours and leads here.") % name)
    elif was:
        messages.warning(request, _("%(domain)s is yours, but does not lead here. Check its CNAME record.") % name)
    else:
        words = _("%(domain)s is yours and serves your company as soon as its CNAME record leads here.")
        messages.success(request, words % name)
    return redirect("domains")


@require_POST
@owners
def primary(request: HttpRequest) -> HttpResponse:
    domain = request.POST.get("domain", "")
    try:
        domain_make_primary(tenant=request.tenant, domain=domain)  # type: ignore[attr-defined]
    except DomainError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("Links lead to %(domain)s from now on.") % {"domain": domain})
    return redirect("domains")


@require_POST
@owners
def remove(request: HttpRequest, domain_id: UUID) -> HttpResponse:
    custom = _custom(request, domain_id)
    domain_remove(custom=custom)
    messages.success(request, _("%(domain)s is removed. Delete its records in DNS as well.") % {"domain": custom.domain})
    return redirect("domains")


def _custom(request: HttpRequest, pk: UUID) -> CustomDomain:
    found = CustomDomain.objects.select_related("tenant").filter(pk=pk, tenant=request.tenant).first()  # type: ignore[attr-defined]
    if found is None:
        raise Http404("There is no such host name here.")
    return found
