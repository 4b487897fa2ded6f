"""Reads of tenants, people and routes."""

import re
from dataclasses import dataclass
from datetime import datetime

from allauth.mfa.models import Authenticator
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext as _
from django_tenants.utils import get_public_schema_name

from apps.core.prepared import prepared
from apps.core.rows import row_read
from apps.tenants.models import Domain, Membership, Role, Route, Tenant, User

SLUG = re.compile(r"^[a-z][a-z0-9]{1,30}$")
# fmt: off
RESERVED = frozenset({
    "public", "www", "api", "admin", "static", "media", "pg", "information", "meridian", "localhost", "app", "account",
    "accounts", "auth", "login", "logout", "signup", "billing", "mail", "smtp", "ftp", "ns1", "ns2", "cdn", "assets", "docs",
    "help", "support", "status", "blog", "about", "legal", "security", "abuse", "postmaster", "webmaster", "root", "system",
    "dev", "staging", "internal", "metrics", "healthz", "readyz", "livekit", "meta", "stripe", "webhook", "webhooks", "ws",
    "tenant", "tenants",
})
# fmt: on


def slug_problem(slug: str) -> str:
    """Why a company cannot have this address, or nothing when it can."""
    if not SLUG.match(slug) or slug.startswith("pg") or slug in RESERVED:
        return _("“%(slug)s” cannot be an address: use 2 to 31 lower-case letters and digits, starting with a letter.") % {
            "slug": slug
        }
    if Tenant.objects.filter(schema_name=slug).exists():
        return _("“%(slug)s” is taken already; choose another address.") % {"slug": slug}
    return ""


def tenants_active() -> QuerySet[Tenant]:
    """Every tenant that is served, in the order they came."""
    return Tenant.objects.exclude(schema_name=get_public_schema_name()).filter(status=Tenant.Status.ACTIVE).order_by("pk")


def tenants_kept() -> QuerySet[Tenant]:
    """Every tenant that has its data still, the suspended as well, in the order they came."""
    return Tenant.objects.exclude(schema_name=get_public_schema_name()).exclude(status=Tenant.Status.DELETED).order_by("pk")


def tenant_is_suspended(slug: str) -> bool:
    """Asked with every token that a worker brings, so it is the least that answers."""
    with prepared(SUSPENDED, [slug]) as cursor:
        return cursor.fetchone() is not None


def tenant_by_slug(slug: str) -> Tenant | None:
    return Tenant.objects.filter(schema_name=slug).first()


SUSPENDED = "SELECT 1 FROM public.tenants_tenant WHERE schema_name = %s AND status = 'suspended'"
ROUTED = "JOIN tenants_route AS route ON route.tenant_id = mine.id WHERE route.kind = %s AND route.external_id = %s"


def route_tenant(kind: Route.Kind | str, external_id: str) -> Tenant | None:
    """The tenant that an outside id belongs to, or None."""
    return row_read(Tenant, ROUTED, [str(kind), external_id])


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


@dataclass(frozen=True)
class PersonRow:
    """A person as the people page lists them."""

    membership: Membership
    second_factor: bool
    logged_in_at: datetime | None

    @property
    def dialog(self) -> str:
        """The id of the dialog that asks before they are removed."""
        return f"remove-{self.membership.pk}"


def members_of(tenant: Tenant) -> QuerySet[Membership]:
    """Everybody who works at a tenant, the deactivated as well; `second_factor` says whether they have one."""
    kinds = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
    factor = Authenticator.objects.filter(user=OuterRef("user"), type__in=kinds)
    return Membership.everyone.filter(tenant=tenant).select_related("user", "tenant").annotate(second_factor=Exists(factor))


def people_of(tenant: Tenant) -> list[PersonRow]:
    """Who works at a tenant, owners first, with whether they have a second factor and when they last logged in."""
    order = {role: place for place, role in enumerate(Role)}
    rows = [PersonRow(m, m.second_factor, m.user.last_login) for m in members_of(tenant)]  # type: ignore[attr-defined]
    return sorted(rows, key=lambda row: (order[Role(row.membership.role)], str(row.membership.user).lower()))
