"""The platform staff's view of money: price books until they take effect, the ledger to read, conflicts to decide."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Max, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from apps.billing.models import BillingConflict, LedgerEntry, Price, PriceBook
from apps.billing.services import conflict_resolve, price_book_copy, prices_check
from apps.core.errors import PermanentError


class PriceFormSet(forms.BaseInlineFormSet):  # type: ignore[type-arg]
    """Refuses a book in which a model has two prices for the same thing."""

    def clean(self) -> None:
        super().clean()
        kept = [form for form in self.forms if form.is_valid() and form.cleaned_data and not form.cleaned_data.get("DELETE")]
        try:
            prices_check([form.instance for form in kept])
        except PermanentError as error:
            raise forms.ValidationError(str(error)) from error


class PriceInline(admin.TabularInline):  # type: ignore[type-arg]
    model = Price
    formset = PriceFormSet
    extra = 0


class PriceBookForm(forms.ModelForm):  # type: ignore[type-arg]
    def clean_effective_from(self) -> datetime:
        moment: datetime = self.cleaned_data["effective_from"]
        if moment <= timezone.now():
            raise forms.ValidationError("A price book takes effect in the future; what was billed stays as it is.")
        return moment


@admin.register(PriceBook)
class PriceBookAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """New prices: copy a book, change the copy, and it counts from its date on."""

    form = PriceBookForm
    list_display = ("version", "effective_from", "currency", "note", "created_at")
    readonly_fields = ("version",)
    inlines = (PriceInline,)
    actions = ("copy_for_next_month",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: PriceBook | None = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or not obj.in_effect)

    def has_delete_permission(self, request: HttpRequest, obj: PriceBook | None = None) -> bool:
        return super().has_delete_permission(request, obj) and obj is not None and not obj.in_effect

    @admin.action(description="Copy into a new version for next month", permissions=["change"])
    def copy_for_next_month(self, request: HttpRequest, books: "QuerySet[PriceBook]") -> None:
        for book in books:
            copy = price_book_copy(book=book, effective_from=_next_month())
            self.message_user(
                request, f"{copy} takes effect on {copy.effective_from:%d %B %Y}; change it until then.", messages.SUCCESS
            )


class Unpriced(admin.SimpleListFilter):
    title = "price"
    parameter_name = "unpriced"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Something has no price"), ("no", "Everything has a price")]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[LedgerEntry]") -> "QuerySet[LedgerEntry]":
        if self.value() is None:
            return queryset
        return queryset.filter(total__isnull=self.value() == "yes")


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """To be looked at and not touched."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ReadOnlyAdmin):
    list_display = ("started_at", "tenant", "call_id", "channel", "duration", "total", "total_known", "currency", "source")
    list_filter = ("tenant", "channel", "source", Unpriced)
    list_select_related = ("tenant",)
    search_fields = ("call_id", "agent_id")
    date_hierarchy = "started_at"


@admin.register(BillingConflict)
class BillingConflictAdmin(ReadOnlyAdmin):
    """A conflict is decided by writing down what was done about it."""

    list_display = ("created_at", "tenant", "call_id", "source", "resolved_at", "resolution")
    list_filter = ("tenant", ("resolved_at", admin.EmptyFieldListFilter))
    list_select_related = ("tenant",)
    search_fields = ("call_id",)
    readonly_fields = ("entry", "tenant", "call_id", "source", "report", "content_hash", "resolved_at")

    def has_change_permission(self, request: HttpRequest, obj: BillingConflict | None = None) -> bool:
        return admin.ModelAdmin.has_change_permission(self, request, obj)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        form.base_fields["resolution"].required = True
        return form

    def save_model(self, request: HttpRequest, obj: BillingConflict, form: Any, change: bool) -> None:
        conflict_resolve(conflict=obj, resolution=obj.resolution)


def _next_month() -> datetime:
    """The first of the month after now and after the last book."""
    last = PriceBook.objects.aggregate(Max("effective_from"))["effective_from__max"]
    latest = max(timezone.now(), last or timezone.now())
    return (latest.replace(day=1, hour=0, minute=0, second=0, microsecond=0) + timedelta(days=32)).replace(day=1)
