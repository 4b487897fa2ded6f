"""The audit log: who changed what."""

from typing import Any

from django import forms
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from apps.tenants import audit_log
from apps.tenants.access import ADMINS, role_required

ROWS = 50
ACTIONS = [
    ("", _("Everything")),
    ("create", _("Created")),
    ("update", _("Changed")),
    ("delete", _("Deleted")),
    ("access", _("Opened")),
]
DAY = forms.DateInput(attrs={"type": "date"})


class FilterForm(forms.Form):
    """All optional; what cannot be read is left out."""

    who = forms.CharField(label=_("Who"), required=False, widget=forms.TextInput(attrs={"placeholder": _("E-mail or key")}))
    what = forms.ChoiceField(label=_("What"), required=False)
    action = forms.ChoiceField(label=_("Change"), required=False, choices=ACTIONS)
    since = forms.DateField(label=_("From"), required=False, widget=DAY)
    until = forms.DateField(label=_("To"), required=False, widget=DAY)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["what"].choices = [("", _("Everything")), *audit_log.kinds()]  # type: ignore[attr-defined]

    @property
    def values(self) -> dict[str, Any]:
        self.is_valid()
        return self.cleaned_data


@require_GET
@role_required(*ADMINS)
def audit(request: HttpRequest) -> HttpResponse:
    form = FilterForm(request.GET)
    page = Paginator(audit_log.entries(**form.values), ROWS).get_page(request.GET.get("page"))
    rows = [
        {
            "entry": entry,
            "who": audit_log.actor_name(entry),
            "what": audit_log.what_name(entry),
            "kind": audit_log.kind_name(entry.content_type),
            "action": dict(ACTIONS)[audit_log.ACTIONS.get(entry.action, "")],
            "changes": audit_log.changes_of(entry),
        }
        for entry in page
    ]
    context = {"section": "settings", "tab": "audit", "form": form, "page": page, "rows": rows, "filtered": bool(request.GET)}
    return render(request, "audit/list.html", context)


@require_GET
@role_required(*ADMINS)  # type: ignore[arg-type]  # a stream is no HttpResponse to the type checker
def audit_csv(request: HttpRequest) -> StreamingHttpResponse:
    found = list(audit_log.csv_lines(audit_log.entries(**FilterForm(request.GET).values)))
    name = f"audit-{request.tenant.schema_name}.csv"  # type: ignore[attr-defined]
    return StreamingHttpResponse(
        found, content_type="text/csv; charset=utf-8", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )
