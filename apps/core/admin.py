from django.contrib import admin

from apps.core.models import InboundEvent, OutboundEffect


@admin.register(InboundEvent)
class InboundEventAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("provider", "kind", "schema_name", "state", "attempts", "note", "created_at")
    list_filter = ("provider", "state", "kind")
    search_fields = ("external_id", "schema_name")
    readonly_fields = [field.name for field in InboundEvent._meta.fields]


@admin.register(OutboundEffect)
class OutboundEffectAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("kind", "schema_name", "state", "attempts", "note", "created_at")
    list_filter = ("kind", "state")
    search_fields = ("key", "schema_name")
    readonly_fields = [field.name for field in OutboundEffect._meta.fields]
