"""Limits of all tenants that are near or reached."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from apps.billing.selectors.staff.limits import limits_count, limits_near
from apps.billing.views.staff.pages import page
from apps.tenants.staff import staff_required


@require_GET
@staff_required
def limits(request: HttpRequest) -> HttpResponse:
    return page(request, "limits.html", "limits", {"rows": limits_near(), "count": limits_count()})
