from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.http import HttpRequest

from apps.tenants.models import Domain, Membership, Route, Tenant, User


class DomainInline(admin.TabularInline):  # type: ignore[type-arg]
    model = Domain
    extra = 0


class MembershipInline(admin.TabularInline):  # type: ignore[type-arg]
    model = Membership
    extra = 0
    autocomplete_fields = ("user",)


@admin.register(Tenant)
class TenantAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Suspending and restoring are below /staff/, where they take a reason."""

    list_display = ("name", "schema_name", "status", "country", "created_at")
    list_filter = ("status",)
    search_fields = ("name", "schema_name")
    readonly_fields = ("schema_name", "status", "delete_at")
    inlines = (DomainInline, MembershipInline)

    def has_add_permission(self, request: object) -> bool:
        """A tenant is made by sign-up or seed, which also make its schema and first admin."""
        return False

    def has_delete_permission(self, request: object, obj: object = None) -> bool:
        return False


@admin.register(User)
class PersonAdmin(UserAdmin):  # type: ignore[type-arg]
    ordering = ("email",)
    list_display = ("email", "name", "is_active", "is_staff", "last_login")
    search_fields = ("email", "name")
    fieldsets = (
        (None, {"fields": ("email", "name", "password")}),
        ("Access", {"fields": ("is_active", "is_staff", "is_superuser", "last_login")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "name", "password1", "password2")}),)
    inlines = (MembershipInline,)

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """The audit logs of companies name people; a log-in is switched off instead."""
        return False


@admin.register(Route)
class RouteAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("kind", "external_id", "tenant")
    list_filter = ("kind",)
    search_fields = ("external_id",)
