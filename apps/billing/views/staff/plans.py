"""Plans: which there are and who is on them, making and retiring one."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.db.models import Count, Prefetch, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.billing.models import Meter, Plan, PlanInclusion
from apps.billing.services.staff.grants import plan_make, plan_withdraw
from apps.billing.views.staff.pages import page, who
from apps.core.errors import PermanentError
from apps.tenants.staff import staff_required


class PlanForm(forms.Form):
    """A plan. Once somebody is on it its prices stay, so it is made once and not changed."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=80)
    code = forms.SlugField(
        label=gettext_lazy("Code"), max_length=40, help_text=gettext_lazy("Small letters, digits and dashes; for programs.")
    )
    description = forms.CharField(label=gettext_lazy("Description"), max_length=300, required=False)
    currency = forms.RegexField(label=gettext_lazy("Currency"), regex=r"^[A-Z]{3}$", initial="USD")
    fee = forms.DecimalField(label=gettext_lazy("Fee a month"), min_value=0, max_digits=18, decimal_places=6)
    included_seats = forms.IntegerField(label=gettext_lazy("Seats included"), min_value=0, initial=1)
    seat_price = forms.DecimalField(
        label=gettext_lazy("Each further seat a month"), min_value=0, max_digits=18, decimal_places=6, initial=0
    )
    trial_days = forms.IntegerField(label=gettext_lazy("Days of trial"), min_value=0, max_value=365, initial=0)
    offered = forms.BooleanField(label=gettext_lazy("Tenants can choose it themselves"), required=False, initial=True)

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        for meter in Meter:
            self.fields[meter.value] = forms.DecimalField(
                label=capfirst(meter.label), min_value=0, max_digits=18, decimal_places=6, required=False
            )

    @property
    def plain(self) -> list[forms.BoundField]:
        """The fields that the template places one after the other."""
        return [self[name] for name in ("name", "code", "currency", "fee", "included_seats", "seat_price", "trial_days")]

    @property
    def meters(self) -> list[forms.BoundField]:
        return [self[meter.value] for meter in Meter]

    @property
    def values(self) -> dict[str, object]:
        found = dict(self.cleaned_data)
        inclusions = {meter.value: found.pop(meter.value) for meter in Meter}
        return {**found, "inclusions": {meter: quantity for meter, quantity in inclusions.items() if quantity}}


@require_GET
@staff_required
def plans(request: HttpRequest) -> HttpResponse:
    today = timezone.now().date()
    running = Q(subscriptions__started_on__lte=today) & (Q(subscriptions__ended_on=None) | Q(subscriptions__ended_on__gt=today))
    inclusions = Prefetch("inclusions", PlanInclusion.objects.order_by("meter"))
    found = Plan.objects.annotate(tenants=Count("subscriptions__tenant", filter=running, distinct=True))
    rows = list(found.prefetch_related(inclusions).order_by("-offered", "currency", "fee", "code"))
    for one in rows:
        one.included = sorted(one.inclusions.all(), key=lambda row: Meter.values.index(row.meter))  # type: ignore[attr-defined]
    return page(request, "plans.html", "plans", {"rows": rows})


@require_http_methods(["GET", "POST"])
@staff_required
def plan_new(request: HttpRequest) -> HttpResponse:
    form = PlanForm(request.POST or None)
    if form.is_valid():
        try:
            made = plan_make(by=who(request), **form.values)
        except PermanentError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("%(name)s can be chosen.") % {"name": made.name})
            return redirect("staff-plans")
    return page(request, "plan_new.html", "plans", {"form": form}, status=422 if form.errors else 200)


@require_POST
@staff_required
def retire(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    plan = Plan.objects.filter(pk=plan_id).first()
    if plan is None:
        raise Http404("There is no such plan.")
    plan_withdraw(plan=plan, by=who(request))
    messages.success(request, _("Nobody can choose %(name)s any more; whoever is on it stays.") % {"name": plan.name})
    return redirect("staff-plans")
