"""What has no price: the list, giving it one, and how far charging it has come."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.billing.models import PriceBook, Unit
from apps.billing.rating import UNITS
from apps.billing.selectors.staff.unpriced import UnpricedRow, unpriced_rows
from apps.billing.services.prices import COUNTED
from apps.billing.services.rerate import rerate_soon
from apps.billing.services.staff.unpriced import UnitPrice, missing_price_set
from apps.billing.views.staff.pages import page, who
from apps.core.errors import PermanentError
from apps.core.numbers import whole_number
from apps.tenants.staff import staff_required

KEYS = ("kind", "provider", "model")
OPTIONAL = {"cached_tokens"}


class PriceForm(forms.Form):
    """A price for each quantity that was used: its unit, what it costs, and what customers pay."""

    currency = forms.ChoiceField(label=gettext_lazy("Currency"))
    reason = forms.CharField(
        label=gettext_lazy("Why this price"),
        max_length=300,
        help_text=gettext_lazy("Kept with every entry that is charged by it. It also counts for what was used so far."),
    )

    def __init__(self, *args: Any, row: UnpricedRow, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        currencies = PriceBook.objects.order_by("currency").values_list("currency", flat=True).distinct()
        self.fields["currency"].choices = [(one, one) for one in currencies]  # type: ignore[attr-defined]
        self.quantities = [name for name in (row.quantities or COUNTED[row.kind]) if name != "calls" or row.quantities]
        for name in self.quantities:
            self._add(name, required=name not in OPTIONAL)

    def _add(self, name: str, *, required: bool) -> None:
        units = [(unit.value, unit.label) for unit in Unit if UNITS[unit][0] == name]
        amount: dict[str, Any] = {"min_value": 0, "max_digits": 18, "decimal_places": 6, "required": required}
        self.fields[f"unit_{name}"] = forms.ChoiceField(label=_("Unit"), choices=units, initial=units[-1][0])
        self.fields[f"cost_{name}"] = forms.DecimalField(label=_("Provider cost"), **amount)
        self.fields[f"price_{name}"] = forms.DecimalField(label=_("Price"), **amount)

    def rows(self) -> list[tuple[str, Any, Any, Any]]:
        """For the template: what is counted, and its three fields."""
        return [
            (name.replace("_", " ").capitalize(), self[f"unit_{name}"], self[f"cost_{name}"], self[f"price_{name}"])
            for name in self.quantities
        ]

    def clean(self) -> dict[str, Any]:
        for name in self.quantities:
            given = [self.cleaned_data.get(f"{part}_{name}") is not None for part in ("cost", "price")]
            if any(given) and not all(given) and not self.errors:
                self.add_error(f"price_{name}", _("Give both the cost and the price, or neither."))
        return self.cleaned_data

    @property
    def prices(self) -> list[UnitPrice]:
        values = self.cleaned_data
        return [
            UnitPrice(values[f"unit_{name}"], values[f"cost_{name}"], values[f"price_{name}"])
            for name in self.quantities
            if values[f"price_{name}"] is not None
        ]


@require_GET
@staff_required
def unpriced(request: HttpRequest) -> HttpResponse:
    """The list; while something is being charged, also how far that is."""
    rows = unpriced_rows()
    context = {"rows": rows, "watch": _watch(request, rows)}
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "staff/unpriced_table.html", context)
    return page(request, "unpriced.html", "unpriced", context)


@require_http_methods(["GET", "POST"])
@staff_required
def price(request: HttpRequest) -> HttpResponse:
    """The form for one thing, which the address names."""
    key = tuple(request.GET.get(name, "") for name in KEYS)
    row = next((one for one in unpriced_rows() if (one.kind, one.provider, one.model) == key), None)
    if row is None or row.kind not in COUNTED:
        raise Http404("This has a price by now, or was never used.")
    form = PriceForm(request.POST or None, row=row)
    if form.is_valid():
        try:
            values = {"currency": form.cleaned_data["currency"], "reason": form.cleaned_data["reason"]}
            missing_price_set(
                kind=row.kind, provider=row.provider, model=row.model, prices=form.prices, by=who(request), **values
            )
        except PermanentError as error:
            form.add_error(None, str(error))
        else:
            query = urlencode([*zip(KEYS, key, strict=True), ("of", str(row.times))])
            return redirect(f"{reverse('staff-unpriced')}?{query}")
    return page(request, "unpriced_price.html", "unpriced", {"row": row, "form": form}, 422 if form.errors else 200)


@require_POST
@staff_required
def rerate(request: HttpRequest) -> HttpResponse:
    """Charges what has a price by now; otherwise the nightly run does."""
    rerate_soon(timezone.now())
    messages.success(request, _("What has a price by now is being charged."))
    return redirect("staff-unpriced")


def _watch(request: HttpRequest, rows: list[UnpricedRow]) -> dict[str, Any] | None:
    """How many of those that waited for this price are charged."""
    key, total = tuple(request.GET.get(name, "") for name in KEYS), whole_number(request.GET.get("of"))
    if total is None or not all(key):
        return None
    left = next((one.times for one in rows if (one.kind, one.provider, one.model) == key), 0)
    of = max(total, left)
    return {"name": f"{key[1]} {key[2]}", "done": of - left, "of": of, "over": left == 0}
