"""API keys in the settings: made, shown once, revoked with an undo."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.compass.forms_keys import KeyForm
from apps.core.toasts import acted
from apps.tenants.access import ADMINS, role_required
from apps.tenants.keys import api_key_create, api_key_restore, api_key_revoke, api_keys_made, api_keys_of
from apps.tenants.models import Tenant
from apps.tenants.models_keys import AREAS, TenantApiKey

admins = role_required(*ADMINS)
SECTION = {"section": "settings", "tab": "keys"}


@require_GET
@admins
def keys(request: HttpRequest) -> HttpResponse:
    """The list, or only its panel when htmx asks for it."""
    tenant: Tenant = request.tenant  # type: ignore[attr-defined]
    made = api_keys_made(tenant)
    rows = [
        {"key": key, "rights": _rights(key), "made": made.get(key.pk, []), "dialog": f"revoke-{key.pk}"}
        for key in api_keys_of(tenant)
    ]
    page = "keys/panel.html" if request.htmx else "keys/list.html"  # type: ignore[attr-defined]
    return render(request, page, {**SECTION, "rows": rows})


def _rights(key: TenantApiKey) -> list[str]:
    return [
        _("%(area)s: read and change") % {"area": label} if key.may(area, change=True) else str(label)
        for area, label in AREAS.items()
        if key.may(area, change=False)
    ]


@never_cache
@require_http_methods(["GET", "POST"])
@admins
def key_new(request: HttpRequest) -> HttpResponse:
    """Makes a key; the answer shows its text, and nothing ever shows it again."""
    form = KeyForm(request.POST or None, role=request.membership.role)  # type: ignore[attr-defined]
    if form.is_valid():
        tenant, user = request.tenant, request.user  # type: ignore[attr-defined]
        key, text = api_key_create(tenant=tenant, created_by=user, **form.values)  # type: ignore[arg-type]
        example = f'curl -H "Authorization: Api-Key {text}" {request.scheme}://{request.get_host()}/api/v1/…'
        return render(request, "keys/made.html", {**SECTION, "key": key, "text": text, "example": example})
    return render(request, "keys/new.html", {**SECTION, "form": form}, status=422 if form.errors else 200)


@require_POST
@admins
def key_revoke(request: HttpRequest, key_id: UUID) -> HttpResponse:
    """With `revoke_made` also the keys that it made."""
    key = _key(request, key_id)
    others = len(api_key_revoke(key=key, made="revoke_made" in request.POST)) - 1
    text = _("%(name)s is revoked; programs that use it are refused from now on.") % {"name": key.name}
    if others > 0:
        text = ngettext(
            "%(name)s and the key that it made are revoked; programs that use them are refused from now on.",
            "%(name)s and %(count)d keys that it made are revoked; programs that use them are refused from now on.",
            others,
        ) % {"name": key.name, "count": others}
    return acted(request, text, back="api-keys", undo=reverse("api-key-restore", args=[key.pk]))


@require_POST
@admins
def key_restore(request: HttpRequest, key_id: UUID) -> HttpResponse:
    """The key, and what was revoked with it."""
    key = _key(request, key_id)
    others = len(api_key_restore(key=key)) - 1
    text = _("%(name)s works again.") % {"name": key.name}
    if others > 0:
        text = _("%(name)s and the keys that were revoked with it work again.") % {"name": key.name}
    return acted(request, text, back="api-keys")


def _key(request: HttpRequest, key_id: UUID) -> TenantApiKey:
    key = TenantApiKey.objects.filter(pk=key_id, tenant=request.tenant).first()  # type: ignore[attr-defined]
    if key is None:
        raise Http404("There is no such key.")
    return key
