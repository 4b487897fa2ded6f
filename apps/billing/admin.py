"""Money in Django's admin, to be looked at. Price books, conflicts and what has no price are worked on below /staff/."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.billing.models import BillingConflict, DunningReminder, LedgerEntry, Price, PriceBook, Reconciliation, StaffAct


class ReadOnly:
    """To be looked at and not touched."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class PriceInline(ReadOnly, admin.TabularInline):  # type: ignore[type-arg]
    model = Price
    extra = 0


@admin.register(PriceBook)
class PriceBookAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("version", "effective_from", "currency", "note", "created_at")
    inlines = (PriceInline,)


class Unpriced(admin.SimpleListFilter):
    title = "price"
    parameter_name = "unpriced"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Something has no price"), ("no", "Everything has a price")]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[LedgerEntry]") -> "QuerySet[LedgerEntry]":
        if self.value() is None:
            return queryset
        return queryset.filter(total__isnull=self.value() == "yes")


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("started_at", "tenant", "call_id", "channel", "duration", "total", "total_known", "currency", "source")
    list_filter = ("tenant", "channel", "source", Unpriced)
    list_select_related = ("tenant",)
    search_fields = ("call_id", "agent_id")
    date_hierarchy = "started_at"


@admin.register(BillingConflict)
class BillingConflictAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("created_at", "tenant", "call_id", "source", "resolved_at", "resolution")
    list_filter = ("tenant", ("resolved_at", admin.EmptyFieldListFilter))
    list_select_related = ("tenant",)
    search_fields = ("call_id",)


@admin.register(StaffAct)
class StaffActAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("at", "by", "kind", "tenant", "subject", "reason")
    list_filter = ("kind",)
    list_select_related = ("tenant",)
    search_fields = ("by", "subject", "reason")


@admin.register(Reconciliation)
class ReconciliationAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """What comparing ledger, invoices and Stripe found, night by night."""

    list_display = ("begun_at", "month", "with_stripe", "invoices", "found", "problem")
    list_filter = ("with_stripe",)

    @admin.display(description="differences")
    def found(self, record: Reconciliation) -> int:
        return len(record.differences)


@admin.register(DunningReminder)
class DunningReminderAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("created_at", "invoice", "level", "due", "sent_at", "note")
    list_filter = ("level", "invoice__tenant")
    list_select_related = ("invoice",)
