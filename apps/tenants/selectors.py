"""Reads of tenants, people and routes."""

from django.db.models import QuerySet
from django_tenants.utils import get_public_schema_name

from apps.tenants.models import Domain, Membership, Route, Tenant, User


def tenants_active() -> QuerySet[Tenant]:
    """Every tenant that is served, in the order they came."""
    return Tenant.objects.exclude(schema_name=get_public_schema_name()).filter(status=Tenant.Status.ACTIVE).order_by("pk")


def tenant_by_slug(slug: str) -> Tenant | None:
    return Tenant.objects.filter(schema_name=slug).first()


def route_tenant(kind: Route.Kind | str, external_id: str) -> Tenant | None:
    """The tenant that an outside id belongs to, or None."""
    route = Route.objects.select_related("tenant").filter(kind=kind, external_id=external_id).first()
    return route.tenant if route else None


def membership_of(user: User, tenant: Tenant) -> Membership | None:
    return Membership.objects.filter(user=user, tenant=tenant).select_related("tenant").first()


def memberships_of(user: User) -> QuerySet[Membership]:
    """A person's tenants, by name."""
    return (
        Membership.objects.filter(user=user, tenant__status=Tenant.Status.ACTIVE)
        .select_related("tenant")
        .order_by("tenant__name")
    )


def tenant_host(tenant: Tenant) -> str:
    """The primary host name of a tenant, without port."""
    return Domain.objects.get(tenant=tenant, is_primary=True).domain


def tenant_of_host(host: str) -> Tenant | None:
    """The active tenant served on a host name (without port), or None."""
    domain = Domain.objects.select_related("tenant").filter(domain=host, tenant__status=Tenant.Status.ACTIVE).first()
    return domain.tenant if domain else None
