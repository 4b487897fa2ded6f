"""Conflicts: both reports side by side, and a decision in a sentence."""

from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from apps.billing.models import BillingConflict
from apps.billing.selectors.staff import conflicts as selectors
from apps.billing.services.staff.conflicts import conflict_decide
from apps.billing.views.staff.pages import page, who
from apps.core.errors import PermanentError
from apps.tenants.staff import staff_required

PAGE_SIZE = 10


@require_GET
@staff_required
def conflicts(request: HttpRequest) -> HttpResponse:
    decided = request.GET.get("show") == "decided"
    shown = Paginator(selectors.conflicts(decided=decided), PAGE_SIZE).get_page(request.GET.get("page"))
    context = {"decided": decided, "page": shown, "rows": [selectors.comparison(one) for one in shown]}
    return page(request, "conflicts.html", "conflicts", context)


@require_POST
@staff_required
def decide(request: HttpRequest, conflict_id: UUID) -> HttpResponse:
    conflict = BillingConflict.objects.filter(pk=conflict_id).first()
    if conflict is None:
        raise Http404("There is no such conflict.")
    later = request.POST.get("counts") == "later"
    try:
        conflict_decide(conflict=conflict, later=later, sentence=request.POST.get("sentence", ""), by=who(request))
    except PermanentError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("Decided."))
    return redirect("staff-conflicts")
