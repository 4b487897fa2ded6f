"""A tenant's own prices."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apps.billing.models import PriceOverride
from apps.billing.services.staff.overrides import own_price_end, own_price_set
from apps.billing.views.staff.override_forms import OverrideForm
from apps.billing.views.staff.pages import tenant_or_404, who
from apps.billing.views.staff.tenant import tenant_page
from apps.core.errors import PermanentError
from apps.tenants.staff import staff_required


@require_POST
@staff_required
def override_new(request: HttpRequest, slug: str) -> HttpResponse:
    one = tenant_or_404(slug)
    form = OverrideForm(request.POST, auto_id="override-%s")
    if form.is_valid():
        try:
            own_price_set(tenant=one, by=who(request), **form.cleaned_data)
        except PermanentError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("%(name)s has a price of its own.") % {"name": one.name})
            return redirect("staff-tenant", slug)
    return tenant_page(request, slug, override_form=form, status=422)


@require_POST
@staff_required
def end(request: HttpRequest, slug: str, override_id: UUID) -> HttpResponse:
    override = PriceOverride.objects.select_related("tenant").filter(pk=override_id, tenant=tenant_or_404(slug)).first()
    if override is None:
        raise Http404("There is no such price.")
    try:
        own_price_end(override=override, by=who(request))
    except PermanentError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("The book's price counts again."))
    return redirect("staff-tenant", slug)
