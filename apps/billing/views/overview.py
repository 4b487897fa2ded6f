"""The overview: what is spent, on what, and where it is heading."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from apps.tenants.access import MONEY, role_required


@require_GET
@role_required(*MONEY)
def overview(request: HttpRequest) -> HttpResponse:
    """Spending of the chosen period."""
    return render(request, "billing/overview.html", {"section": "billing", "tab": "overview"})
