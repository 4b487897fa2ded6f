"""What the pages of the platform's staff share: their frame, their months, and who is at work."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.billing.models import Invoice
from apps.billing.staff_rail import rail
from apps.core.errors import PermanentError, TransientError
from apps.tenants.models import Tenant
from apps.tenants.selectors import tenant_by_slug

MONTHS_SHOWN = 24


def page(request: HttpRequest, template: str, section: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    """A page inside the platform's shell; `section` is the key of its link in the rail."""
    return render(request, f"staff/{template}", {"section": section, "rail": rail(), **context}, status=status)


def who(request: HttpRequest) -> str:
    """The e-mail address of whoever is at work."""
    return str(request.user.email)  # type: ignore[union-attr]


def tenant_or_404(slug: str) -> Tenant:
    tenant = tenant_by_slug(slug)
    if tenant is None or tenant.schema_name == "public":
        raise Http404("There is no such tenant.")
    return tenant


def invoice_or_404(invoice_id: UUID) -> Invoice:
    one = Invoice.objects.select_related("tenant").filter(pk=invoice_id).first()
    if one is None:
        raise Http404("There is no such invoice.")
    return one


def told(request: HttpRequest, run: Callable[[], object], said: str = "") -> bool:
    """Does something, and says that it is done or why it was refused; what can pass by itself is said as such.

    Without `said` the caller says what was done.
    """
    try:
        run()
    except TransientError as error:
        messages.error(request, _("%(why)s Nothing was changed; try it again in a while.") % {"why": error})
        return False
    except PermanentError as error:
        messages.error(request, str(error))
        return False
    if said:
        messages.success(request, said)
    return True


def refused(request: HttpRequest, form: forms.Form) -> None:
    """Says what is wrong with a form of a dialog, which is gone by then."""
    for name, errors in form.errors.items():
        label = form.fields[name].label if name in form.fields else ""
        messages.error(request, f"{label}: {errors[0]}" if label else str(errors[0]))


def this_month() -> date:
    return datetime.now(UTC).date().replace(day=1)


def months_back(count: int = MONTHS_SHOWN) -> list[date]:
    """The present month and those before it, the newest first."""
    last = this_month()
    index = last.year * 12 + last.month - 1
    return [date(one // 12, one % 12 + 1, 1) for one in range(index, index - count, -1)]


def month_name(month: date) -> str:
    return date_format(month, "F Y")


class MonthField(forms.TypedChoiceField):
    """A choice of the last months; empty is the present one."""

    def __init__(self) -> None:
        super().__init__(label=gettext_lazy("Month"), required=False, coerce=date.fromisoformat, empty_value=None)
        self.choices = lambda: [(one.isoformat(), month_name(one)) for one in months_back()]
