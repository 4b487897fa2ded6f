"""An invoice of any tenant, to be read."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from apps.billing.models import Invoice
from apps.billing.views.staff.pages import page
from apps.tenants.staff import staff_required


@require_GET
@staff_required
def invoice(request: HttpRequest, invoice_id: UUID) -> HttpResponse:
    one = Invoice.objects.select_related("tenant").filter(pk=invoice_id).first()
    if one is None:
        raise Http404("There is no such invoice.")
    context = {
        "invoice": one,
        "one": one.tenant,
        "lines": one.lines.all(),
        "notes": one.credit_notes.all(),
        "credit_uses": one.credit_uses.select_related("credit"),
    }
    return page(request, "invoice.html", "tenants", context)
