"""The editor of a price book: its head, and one form for each row. What contradicts something is told at its row."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.billing.models import Kind, Price, PriceBook, Unit
from apps.billing.rating import UNITS
from apps.billing.services.prices import prices_check
from apps.billing.services.staff.books import prices_of
from apps.core.errors import PermanentError

FORMAT = "%Y-%m-%dT%H:%M"
ROWS_MOST = 400
SMALL = {"class": "input input-sm w-full"}
AMOUNT = {**SMALL, "inputmode": "decimal", "autocomplete": "off"}
NUMBER = forms.DecimalField(min_value=0, max_digits=18, decimal_places=6)  # as the database can hold it
CHOICE = {"class": "select select-sm w-full"}


class MomentField(forms.DateTimeField):
    """A moment in UTC, by the browser's own picker."""

    def __init__(self, **options: Any) -> None:
        widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format=FORMAT)
        super().__init__(widget=widget, input_formats=[FORMAT, "%Y-%m-%dT%H:%M:%S"], **options)


def next_month() -> datetime:
    """The first of the next month, in UTC."""
    now = timezone.now().astimezone(UTC)
    return (now.replace(day=1, hour=0, minute=0, second=0, microsecond=0) + timedelta(days=32)).replace(day=1)


class CopyForm(forms.Form):
    """A new book from one that there is."""

    book = forms.ModelChoiceField(label=gettext_lazy("Copy of"), queryset=PriceBook.objects.all(), empty_label=None)
    effective_from = MomentField(label=gettext_lazy("Takes effect (UTC)"))
    currency = forms.RegexField(
        label=gettext_lazy("Currency"),
        regex=r"^[A-Z]{3}$",
        help_text=gettext_lazy("ISO 4217. In another currency the numbers are copied as they are."),
    )


class HeadForm(forms.Form):
    """What a book says of itself."""

    effective_from = MomentField(label=gettext_lazy("Takes effect (UTC)"))
    markup_percent = forms.DecimalField(
        label=gettext_lazy("Markup, %"),
        min_value=0,
        max_digits=7,
        decimal_places=2,
        help_text=gettext_lazy("On the provider's cost, where a price is left empty."),
    )
    note = forms.CharField(label=gettext_lazy("Note"), max_length=200, required=False)
    mark = forms.CharField(widget=forms.HiddenInput)


class TiersField(forms.CharField):
    """`1000: 0.004, 5000: 0.003` as a list of {"above", "unit_price"}."""

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value) or ""
        return [self._tier(part) for part in text.replace(";", ",").split(",") if part.strip()]

    def prepare_value(self, value: Any) -> Any:
        if not isinstance(value, list):
            return value
        return ", ".join(f"{plain(tier['above'])}: {plain(tier['unit_price'])}" for tier in value)

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.to_python(data) != (initial or []))
        except ValidationError:
            return True

    @staticmethod
    def _tier(part: str) -> dict[str, Decimal]:
        above, _colon, price = part.partition(":")
        try:
            return {"above": NUMBER.clean(above), "unit_price": NUMBER.clean(price)}
        except ValidationError:
            sentence = _(
                "Write tiers as 1000: 0.004, which is 0.004 each for what is above 1000 in a month. "
                "Neither is below 0 or has more than 6 decimal places."
            )
            raise ValidationError(sentence) from None


class RowForm(forms.Form):
    """One price."""

    kind = forms.ChoiceField(label=gettext_lazy("Kind"), choices=[("", "–"), *Kind.choices], widget=forms.Select(attrs=CHOICE))
    provider = forms.CharField(label=gettext_lazy("Provider"), max_length=64, widget=forms.TextInput(attrs=SMALL))
    model = forms.CharField(label=gettext_lazy("Model"), max_length=120, widget=forms.TextInput(attrs=SMALL))
    unit = forms.ChoiceField(label=gettext_lazy("Unit"), choices=[("", "–"), *Unit.choices], widget=forms.Select(attrs=CHOICE))
    provider_cost = forms.DecimalField(
        label=gettext_lazy("Provider cost"), min_value=0, max_digits=18, decimal_places=6, widget=forms.TextInput(attrs=AMOUNT)
    )
    price = forms.DecimalField(
        label=gettext_lazy("Price"),
        min_value=0,
        max_digits=18,
        decimal_places=6,
        required=False,
        widget=forms.TextInput(attrs={**AMOUNT, "placeholder": gettext_lazy("by markup")}),
    )
    tiers = TiersField(label=gettext_lazy("Tiers"), required=False, widget=forms.TextInput(attrs=SMALL))
    note = forms.CharField(label=gettext_lazy("Note"), max_length=200, required=False, widget=forms.TextInput(attrs=SMALL))


class BaseRows(forms.BaseFormSet):  # type: ignore[type-arg]
    """The rows of a book; those marked as removed, and new ones left empty, do not count."""

    def __init__(self, *args: Any, markup: Decimal = Decimal(0), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.markup = markup

    @property
    def kept(self) -> list[Any]:
        """The forms that count, once all are valid."""
        return [form for form in self.forms if form.cleaned_data and not form.cleaned_data.get("DELETE")]

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [{name: value for name, value in form.cleaned_data.items() if name != "DELETE"} for form in self.kept]

    def clean(self) -> None:
        """Each row by itself, and then against those above it."""
        seen: dict[tuple[str, str, str, str], Price] = {}
        book = PriceBook(markup=self.markup)
        for form in self.forms:
            if form.errors or not form.cleaned_data or form.cleaned_data.get("DELETE"):
                continue
            prices, tiers = prices_of(book, [{name: form.cleaned_data[name] for name in form.base_fields}])
            price = prices[0]
            key = (price.kind, price.provider, price.model, UNITS[price.unit][0])
            try:
                prices_check(prices, tiers)
                prices_check([seen[key], price] if key in seen else [])
            except PermanentError as error:
                form.add_error(None, str(error))
            seen.setdefault(key, price)
        if any(form.errors for form in self.forms):
            raise ValidationError(_("Some rows contradict each other; see them below."))


RowSet: Any = forms.formset_factory(
    RowForm, formset=BaseRows, extra=0, can_delete=True, max_num=ROWS_MOST, absolute_max=ROWS_MOST, validate_max=True
)


def plain(amount: Decimal) -> str:
    """Without noughts at its end: 0.15 for 0.150000."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def row_initial(row: dict[str, Any]) -> dict[str, Any]:
    """A row of book_rows as its form begins."""
    price = row["price"]
    return {**row, "provider_cost": plain(row["provider_cost"]), "price": "" if price is None else plain(price)}
